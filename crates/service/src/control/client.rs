//! The operator's end of the control socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::UnixStream;

use super::{
    ControlCommand, ControlRequest, ControlResponse, ControlStatus, DrainProgress, Outcome,
    ProcessAnswer,
};
use crate::introspect::{BoundedLines, runtime_dir};

/// Far above any status or report.
const LINE_LIMIT: usize = 64 * 1024 * 1024;

/// A connection to the control socket of a running service.
///
/// ```no_run
/// # async fn example() -> Result<(), bergen_service::ControlError> {
/// use bergen_service::ControlClient;
///
/// let mut service = ControlClient::connect(ControlClient::path_of("nova-compute")).await?;
/// println!("{:?}", service.status().await?.phase);
/// service
///     .drain(|progress| println!("{} calls and tasks run", progress.running.len()))
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ControlClient {
    lines: BoundedLines<ReadHalf<UnixStream>>,
    writer: WriteHalf<UnixStream>,
    last_id: u64,
}

impl ControlClient {
    /// Where a program of this name listens if its `bergen_control_socket` is `{runtime_dir}/bergen/{name}.sock`.
    pub fn path_of(name: &str) -> PathBuf {
        Path::new(&runtime_dir())
            .join("bergen")
            .join(format!("{name}.sock"))
    }

    /// Connects to the socket at a path.
    ///
    /// # Errors
    /// Nobody listens there, or it is not for us.
    pub async fn connect(path: impl AsRef<Path>) -> Result<Self, ControlError> {
        let path = path.as_ref();
        let stream = UnixStream::connect(path).await.map_err(|error| {
            let path = path.to_owned();
            match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    ControlError::NobodyListens { path }
                }
                _ => ControlError::Unreachable {
                    path,
                    reason: error.to_string(),
                },
            }
        })?;
        let (reader, writer) = split(stream);
        Ok(Self {
            lines: BoundedLines::new(reader, LINE_LIMIT),
            writer,
            last_id: 0,
        })
    }

    /// What the program is at.
    ///
    /// # Errors
    /// The service refuses, or the connection ends.
    pub async fn status(&mut self) -> Result<ControlStatus, ControlError> {
        self.ask(ControlCommand::Status).await
    }

    /// Has the program take over the changed configuration, and waits until that is done: see
    /// [`LauncherHandle::reload`](crate::LauncherHandle::reload). A process that can't read it says why, and stays as it
    /// was.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn reload(&mut self) -> Result<Vec<ProcessAnswer<()>>, ControlError> {
        self.ask(ControlCommand::Reload).await
    }

    /// The level of the log of each process; with `Some` it is changed first.
    ///
    /// # Errors
    /// As [`status`](Self::status); there is no such level, or the program can't change it.
    pub async fn log_level(
        &mut self,
        level: Option<&str>,
    ) -> Result<Vec<ProcessAnswer<String>>, ControlError> {
        let level = level.map(str::to_owned);
        self.ask(ControlCommand::Loglevel { level }).await
    }

    /// The Guru Meditation report of each process.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn report(&mut self) -> Result<Vec<ProcessAnswer<String>>, ControlError> {
        self.ask(ControlCommand::Report).await
    }

    /// Stops the program gracefully, and waits until it has ended. `progress` sees at once, and then each second and at
    /// every change, what still runs.
    ///
    /// # Errors
    /// As [`status`](Self::status). Once there was progress, the end of the connection is the end of the program.
    pub async fn drain(
        mut self,
        mut progress: impl FnMut(&DrainProgress),
    ) -> Result<DrainEnd, ControlError> {
        let id = self.send(ControlCommand::Drain).await?;
        let mut last: Option<(DrainProgress, Instant)> = None;
        loop {
            match self.receive(id).await {
                Ok(Outcome::Progress(step)) => {
                    progress(&step);
                    last = Some((step, Instant::now()));
                }
                Ok(Outcome::Done(_)) => break,
                Ok(Outcome::Error(reason)) => return Err(ControlError::Refused { reason }),
                Err(ControlError::Ended) if last.is_some() => break,
                Err(error) => return Err(error),
            }
        }
        // The process hardly lives to tell how it ended, but the time tells it.
        Ok(match last {
            Some((last, at)) if is_over(&last, at.elapsed()) => DrainEnd::CutOff(last),
            _ => DrainEnd::Finished,
        })
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        command: ControlCommand,
    ) -> Result<T, ControlError> {
        let id = self.send(command).await?;
        match self.receive(id).await? {
            Outcome::Done(answer) => understood(answer),
            Outcome::Error(reason) => Err(ControlError::Refused { reason }),
            Outcome::Progress(_) => Err(ControlError::NotUnderstood {
                reason: "progress of something that has none".to_owned(),
            }),
        }
    }

    async fn send(&mut self, command: ControlCommand) -> Result<u64, ControlError> {
        self.last_id += 1;
        let id = self.last_id;
        let line = serde_json::to_vec(&ControlRequest { id, command });
        let mut line = line.map_err(|error| ControlError::NotUnderstood {
            reason: error.to_string(),
        })?;
        line.push(b'\n');
        let written = self.writer.write_all(&line).await;
        written.map_err(|_| ControlError::Ended)?;
        Ok(id)
    }

    async fn receive(&mut self, id: u64) -> Result<Outcome, ControlError> {
        let line = self.lines.next().await;
        let Ok(Some(line)) = line else {
            return Err(ControlError::Ended);
        };
        let response: ControlResponse = understood_line(&line)?;
        match response {
            ControlResponse { id: other, .. } if other.is_some_and(|other| other != id) => {
                Err(ControlError::NotUnderstood {
                    reason: "an answer to something else".to_owned(),
                })
            }
            response => Ok(response.outcome),
        }
    }
}

/// How a drain ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DrainEnd {
    /// Everything was finished.
    Finished,
    /// `graceful_shutdown_timeout` was over first; this was still at work.
    CutOff(DrainProgress),
}

/// Why something could not be asked of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no socket, or one that a process left behind.
    #[error(
        "no service listens at {}: is it running, and is bergen_control_socket set to that path?",
        path.display()
    )]
    NobodyListens {
        /// The socket.
        path: PathBuf,
    },
    /// The socket can't be used.
    #[error(
        "the control socket {} can not be used: {reason}; be the user that runs the service, or root",
        path.display()
    )]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        reason: String,
    },
    /// The service closed the connection: it has ended, has too many of them, or takes us for somebody else.
    #[error("the service closed the connection before it answered")]
    Ended,
    /// The service could not do it.
    #[error("the service refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The service is of another version.
    #[error("the service's answer is not understood, is it of another version? {reason}")]
    NotUnderstood {
        /// What is wrong with it.
        reason: String,
    },
}

/// What an answer may take on its way.
const SLACK: Duration = Duration::from_millis(50);

/// Whether a program that ended so long after this progress had used up its time.
fn is_over(last: &DrainProgress, after: Duration) -> bool {
    let after = after.saturating_add(SLACK);
    last.timeout
        .is_some_and(|timeout| last.elapsed.saturating_add(after) >= timeout)
}

fn understood<T: DeserializeOwned>(answer: Value) -> Result<T, ControlError> {
    serde_json::from_value(answer).map_err(not_understood)
}

fn understood_line<T: DeserializeOwned>(line: &str) -> Result<T, ControlError> {
    serde_json::from_str(line).map_err(not_understood)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_understood(error: serde_json::Error) -> ControlError {
    ControlError::NotUnderstood {
        reason: error.to_string(),
    }
}
