use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::TestbedError;

/// How often a process that should end is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Reads the group's number and then signal names; at the end of its input it kills the group and
/// removes the folder. It runs in a group of its own, so that a Ctrl-C does not reach it.
const WATCHDOG: &str = r#"
read -r group || exit 0
while read -r signal; do
    kill -s "$signal" -- -"$group" 2>/dev/null
done
kill -s KILL -- -"$group" 2>/dev/null
[ -z "$1" ] || rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
"#;

/// A foreign program with all its children, which cannot outlive this value or this process.
///
/// The program leads a process group. A watchdog — a waiting shell — holds the other end of a
/// pipe: when the pipe closes, because this value was dropped or because this process died in
/// whatever way, the watchdog kills the group and removes the program's folder.
#[derive(Debug)]
pub struct Guarded {
    who: String,
    child: Child,
    watchdog: Child,
    pipe: Option<ChildStdin>,
    ended: Option<ExitStatus>,
}

/// What can be sent to a program and its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ask to end: `SIGTERM`.
    Terminate,
    /// End at once: `SIGKILL`.
    Kill,
    /// Stand still without ending: `SIGSTOP`.
    Pause,
    /// Go on after [`Signal::Pause`]: `SIGCONT`.
    Resume,
}

impl Guarded {
    /// Starts `command`. When it is over, `folder` is removed, if one is given.
    pub fn spawn(
        who: impl Into<String>,
        command: &mut Command,
        folder: Option<&Path>,
    ) -> Result<Self, TestbedError> {
        let who = who.into();
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "bergen-watchdog"])
            .arg(folder.map_or(OsStr::new(""), Path::as_os_str))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(TestbedError::io("starting the watchdog (sh)"))?;
        let pipe = watchdog.stdin.take();
        let child = command
            .process_group(0)
            .spawn()
            .map_err(TestbedError::io(format!("starting {who}")))?;
        let mut guarded = Self {
            who,
            child,
            watchdog,
            pipe,
            ended: None,
        };
        let group = guarded.child.id();
        guarded.tell(&group.to_string())?;
        Ok(guarded)
    }

    /// The number of the process, which is also its group's.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The program's pipes, each of which can be taken once.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Sends `signal` to the program and its children. Without effect when it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<(), TestbedError> {
        self.tell(match signal {
            Signal::Terminate => "TERM",
            Signal::Kill => "KILL",
            Signal::Pause => "STOP",
            Signal::Resume => "CONT",
        })
    }

    /// The exit status, if the program has ended.
    pub fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits until the program has ended by itself or by a signal.
    pub async fn wait(&mut self, limit: Duration) -> Result<ExitStatus, TestbedError> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.status() {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(TestbedError::Late {
                    who: self.who.clone(),
                    what: "end".to_owned(),
                    limit,
                    output: String::new(),
                });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Asks the program to end, and kills it when it has not done so within `limit`.
    pub async fn stop(&mut self, limit: Duration) -> Result<ExitStatus, TestbedError> {
        self.signal(Signal::Terminate)?;
        match self.wait(limit).await {
            Ok(status) => Ok(status),
            Err(_) => self.kill().await,
        }
    }

    /// Kills the program and its children.
    pub async fn kill(&mut self) -> Result<ExitStatus, TestbedError> {
        self.signal(Signal::Kill)?;
        self.wait(Duration::from_secs(10)).await
    }

    fn tell(&mut self, line: &str) -> Result<(), TestbedError> {
        let Some(pipe) = &mut self.pipe else {
            return Ok(());
        };
        writeln!(pipe, "{line}").map_err(TestbedError::io(format!("signalling {}", self.who)))
    }
}

impl Drop for Guarded {
    /// Returns when the program is dead and its folder is gone.
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.watchdog.wait();
        let _ = self.child.wait();
    }
}
