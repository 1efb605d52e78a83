//! Why a looping call ended, or did not start.

use std::time::Duration;

use crate::ServiceError;

/// Why a looping call ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoopingCallError {
    /// Its function failed, and `stop_on_exception` is set.
    #[error("looping call {name} failed: {error}")]
    Failed {
        /// Of the call.
        name: String,
        /// What the function gave.
        error: ServiceError,
    },
    /// It went on for longer than it may.
    #[error("looping call {name} timed out after {:.2} seconds", after.as_secs_f64())]
    TimedOut {
        /// Of the call.
        name: String,
        /// Since its start; of a back-off call, slept after failures.
        after: Duration,
    },
    /// A dynamic call's function named no sleep.
    #[error(
        "dynamic looping call {name} should supply either an interval or periodic_interval_max"
    )]
    NoInterval {
        /// Of the call.
        name: String,
    },
    /// There is nothing to wait for.
    #[error("looping call {name} was never started: start it before waiting for it")]
    NotStarted {
        /// Of the call.
        name: String,
    },
    /// The runtime that it ran on has ended before it.
    #[error("looping call {name} was cut off by the end of its runtime")]
    RuntimeGone {
        /// Of the call.
        name: String,
    },
}

/// A call was started that was running.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("looping call {name} is running: stop it and wait for its end before starting it again")]
pub struct AlreadyRunning {
    /// Of the call.
    pub name: String,
}
