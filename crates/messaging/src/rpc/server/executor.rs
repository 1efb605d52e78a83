//! Where handlers run.

use std::str::FromStr;

/// Where a server's handlers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Executor {
    /// Each as a task of its own on the runtime. The default. A handler must not block its thread for long.
    #[default]
    Tasks,
    /// Each on a thread of the blocking pool, where it may block and compute as it likes without holding up others.
    Blocking,
    /// Each starts on the driver's own task and goes on there until it first has to wait; then it becomes a task.
    /// Saves a switch for handlers that answer at once, and stalls the connection if one of them blocks.
    Inline,
}

/// The names of the configuration: `tasks` (also the peer's `threading` and `eventlet`), `blocking`, `inline`.
impl FromStr for Executor {
    type Err = ExecutorLoadFailure;

    fn from_str(name: &str) -> Result<Self, ExecutorLoadFailure> {
        match name {
            "tasks" | "threading" | "eventlet" => Ok(Self::Tasks),
            "blocking" => Ok(Self::Blocking),
            "inline" => Ok(Self::Inline),
            _ => Err(ExecutorLoadFailure {
                executor: name.to_owned(),
            }),
        }
    }
}

/// A configured executor that does not exist; named as in the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Failed to load executor {executor:?}: known are tasks, blocking, inline, threading, eventlet"
)]
pub struct ExecutorLoadFailure {
    /// The name that was asked for.
    pub executor: String,
}
