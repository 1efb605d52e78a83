use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bergen_testbed::{Guarded, Signal};

use super::Place;
use crate::Error;

/// How often something that should happen is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How many of a log's last lines an error shows.
const TAIL: usize = 15;

/// A program that runs until this value goes, with its output in a log file of its own.
pub(super) struct Daemon {
    name: &'static str,
    log: PathBuf,
    process: Guarded,
}

impl Daemon {
    /// Starts `command`. One that had the same name before goes on with its log.
    pub(super) fn start(
        name: &'static str,
        mut command: Command,
        place: &Place,
    ) -> Result<Self, Error> {
        let log = place.log(name);
        let file = fs::File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(Error::file(&log))?;
        let errors = file.try_clone().map_err(Error::file(&log))?;
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        let process = Guarded::spawn(name, &mut command, None)?;
        Ok(Self { name, log, process })
    }

    /// As [`until`], as long as the program runs; an error shows the end of its log.
    pub(super) async fn until<T>(
        &mut self,
        limit: Duration,
        look: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let process = &mut self.process;
        let ended = || Some(format!("ended ({})", process.status()?));
        let found = poll(limit, look, ended).await;
        found.map_err(|what| self.complaint(&what))
    }

    /// Asks it to end in order. That it does not do so in time, or complains, is an error.
    pub(super) async fn stop(mut self, limit: Duration) -> Result<(), Error> {
        self.process.signal(Signal::Terminate)?;
        let what = match self.process.wait(limit).await {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => format!("ended with {status}"),
            Err(_) => format!("still runs {} s after SIGTERM", limit.as_secs()),
        };
        Err(self.complaint(&what))
    }

    /// Kills it as a power cut would.
    pub(super) async fn kill(mut self) -> Result<(), Error> {
        self.process.kill().await?;
        Ok(())
    }

    /// What its log says so far.
    pub(super) fn said(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// An error that names the log and shows its end.
    fn complaint(&self, what: &str) -> Error {
        let said = self.said();
        let lines: Vec<_> = said.lines().collect();
        let first = lines.len().saturating_sub(TAIL);
        let tail = lines.get(first..).unwrap_or_default().join("\n    ");
        let log = self.log.display();
        Error::Wrong(format!(
            "{} {what}; the end of {log}:\n    {tail}",
            self.name
        ))
    }
}

/// Looks again and again until `look` finds what it looks for. What it said last, when the time is
/// over, is why.
pub(super) async fn until<T>(
    limit: Duration,
    look: impl AsyncFnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    poll(limit, look, || None).await.map_err(Error::Wrong)
}

/// Looks until something is found, `ended` says why it never will be, or the time is over.
async fn poll<T>(
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<T, Error>,
    mut ended: impl FnMut() -> Option<String>,
) -> Result<T, String> {
    let deadline = Instant::now() + limit;
    loop {
        let error = match look().await {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        if let Some(why) = ended() {
            return Err(why);
        }
        if Instant::now() > deadline {
            return Err(format!("after {} s still: {error}", limit.as_secs()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
