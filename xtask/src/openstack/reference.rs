use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Daemon, Place};
use crate::Error;

/// How long a service may take to end in order.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A service that is tested: a program that runs on a host of its own, can be stopped or killed,
/// and started again.
pub(super) struct Reference {
    name: &'static str,
    host: &'static str,
    program: PathBuf,
    url: String,
    file: PathBuf,
    daemon: Option<Daemon>,
}

/// What a [`Reference`] runs.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) host: &'static str,
    pub(super) path: PathBuf,
    /// Its configuration file's text.
    pub(super) configuration: &'static str,
}

impl Reference {
    /// Starts the program, with the broker at `url`.
    pub(super) fn start(program: Program, url: String, place: &Place) -> Result<Self, Error> {
        let name = format!("{}.conf", program.name);
        let file = place.write(&name, program.configuration, &[])?;
        let mut reference = Self {
            name: program.name,
            host: program.host,
            program: program.path,
            url,
            file,
            daemon: None,
        };
        reference.again(place)?;
        Ok(reference)
    }

    /// Starts it again after a stop or a kill.
    pub(super) fn again(&mut self, place: &Place) -> Result<(), Error> {
        let mut command = Command::new(&self.program);
        command
            .args(["--host", self.host, "--url", &self.url, "--config-file"])
            .arg(&self.file)
            .current_dir(place.state());
        self.daemon = Some(Daemon::start(self.name, command, place)?);
        Ok(())
    }

    /// The name that it has in the deployment.
    pub(super) fn host(&self) -> &'static str {
        self.host
    }

    /// Waits until `look` finds what it looks for, as long as the program runs.
    pub(super) async fn until<T>(
        &mut self,
        limit: Duration,
        look: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        match &mut self.daemon {
            Some(daemon) => daemon.until(limit, look).await,
            None => Err(Error::Wrong(format!("{} does not run", self.name))),
        }
    }

    /// Asks it to end, which it has to do with exit status 0.
    pub(super) async fn stop(&mut self) -> Result<(), Error> {
        match self.daemon.take() {
            Some(daemon) => daemon.stop(STOP_LIMIT).await,
            None => Ok(()),
        }
    }

    /// Kills it.
    pub(super) async fn kill(&mut self) -> Result<(), Error> {
        match self.daemon.take() {
            Some(daemon) => daemon.kill().await,
            None => Ok(()),
        }
    }
}
