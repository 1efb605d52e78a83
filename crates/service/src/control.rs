//! The control socket: what an operator asks of a running service, and what it answers.
//!
//! One JSON text a line. A request is `{"id": 1, "command": "status"}`; an answer carries its id, and is
//! `{"id": 1, "done": …}` or `{"id": 1, "error": "…"}`. A drain gives `{"id": 1, "progress": …}` before. Requests on one
//! connection are answered one after the other.

mod client;
mod drain;
mod operator;
pub(crate) mod server;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use client::{ControlClient, ControlError, DrainEnd};

use crate::Phase;
use crate::introspect::ProcessSnapshot;
use crate::introspect::snapshot::{optional_seconds, seconds};

/// What can be asked of a running service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ControlCommand {
    /// What it is at. Answered with a [`ControlStatus`].
    Status,
    /// Stop gracefully, as at SIGTERM. [`DrainProgress`] comes until the process ends, which closes the connection.
    Drain,
    /// Take over the changed configuration, as at SIGHUP. Answered when that is done, with one [`ProcessAnswer`] of null for
    /// each process that did it, or did not.
    Reload,
    /// The level of the log. Answered with one [`ProcessAnswer`] of a text for each process.
    Loglevel {
        /// What to change it to; left out, it is only shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<String>,
    },
    /// The Guru Meditation report. Answered with one [`ProcessAnswer`] of a text for each process.
    Report,
}

/// A request, as it stands in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ControlRequest {
    /// Comes back with each answer.
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) command: ControlCommand,
}

/// An answer, as it stands in a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ControlResponse {
    /// The request's; null if it had none that could be read.
    pub(crate) id: Option<u64>,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// More follows.
    Progress(DrainProgress),
    Done(Value),
    Error(String),
}

/// What a program is at, all its processes together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ControlStatus {
    /// As it was started.
    pub program: String,
    /// Of its package.
    pub version: String,
    /// The process that the user started.
    pub pid: u32,
    /// Where it is between its start and its end.
    pub phase: Phase,
    /// How long it is in that phase.
    #[serde(with = "seconds")]
    pub since: Duration,
    /// Its services; of a supervisor: its workers.
    pub services: Vec<ServiceLine>,
    /// What each process that runs services is at; none of those that did not answer in time.
    pub processes: Vec<ProcessAnswer<ProcessSnapshot>>,
}

/// A service, or one of its workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceLine {
    /// Its name.
    pub service: String,
    /// Which worker, from 0.
    pub index: usize,
    /// `None` while it waits to be started again.
    pub pid: Option<u32>,
    /// Where it is between its start and its end.
    pub phase: Phase,
    /// How long it is in that phase.
    #[serde(with = "seconds")]
    pub since: Duration,
    /// How often it was started.
    pub starts: u64,
}

/// What one process of a program answered. As JSON it has the answer as `result`, or why there is none as `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
#[non_exhaustive]
pub struct ProcessAnswer<T> {
    /// The service that it runs as a worker; empty for the process that the user started.
    pub service: String,
    /// Which worker, from 0.
    pub index: usize,
    /// The process.
    pub pid: u32,
    /// The answer, or why there is none.
    #[serde(flatten, with = "AnswerAsJson")]
    pub answer: Result<T, String>,
}

/// Names that scripts can read, in place of `Ok` and `Err`.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Result")]
enum AnswerAsJson<T, E> {
    #[serde(rename = "result")]
    Ok(T),
    #[serde(rename = "error")]
    Err(E),
}

/// How far a drain is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DrainProgress {
    /// Since the drain began.
    #[serde(with = "seconds")]
    pub elapsed: Duration,
    /// `graceful_shutdown_timeout`, after which what still runs is cut off; `None`: it is waited for without end.
    #[serde(with = "optional_seconds")]
    pub timeout: Option<Duration>,
    /// Services, or workers, that have not ended.
    pub services: Vec<ServiceLine>,
    /// Calls whose handlers still run, and tasks.
    pub running: Vec<StillRunning>,
}

/// Something that a drain waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StillRunning {
    /// The process that runs it.
    pub pid: u32,
    /// The method of a call, or the name of a task.
    pub name: String,
    /// Of a call.
    pub request_id: Option<String>,
    /// Since its start.
    #[serde(with = "seconds")]
    pub age: Duration,
}
