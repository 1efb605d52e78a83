//! Start, stop and wait: each once, in this order, however often and from however many tasks they are called.

use std::fmt;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::ServerListenError;

/// How long a start, stop or wait may take before it is complained about, or given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Warn once after waiting this long for another step. 30 s by default, as the peer; zero means never.
    pub log_after: Duration,
    /// Give up waiting after this long. `None` (the default) waits without end. The step itself goes on.
    pub timeout: Option<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            log_after: Duration::from_secs(30),
            timeout: None,
        }
    }
}

impl Patience {
    /// Gives up after `timeout`.
    pub fn at_most(timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..Self::default()
        }
    }

    /// Starts the clock for a step that waits for several things.
    pub(super) fn begin(self) -> PatienceClock {
        PatienceClock {
            patience: self,
            since: Instant::now(),
        }
    }
}

/// A patience that runs out.
pub(super) struct PatienceClock {
    patience: Patience,
    since: Instant,
}

impl PatienceClock {
    /// What is left of it.
    pub(super) fn rest(&self) -> Patience {
        let spent = self.since.elapsed();
        let timeout = self
            .patience
            .timeout
            .map(|timeout| timeout.saturating_sub(spent));
        Patience {
            timeout,
            ..self.patience
        }
    }
}

/// One of the three steps in a server's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Declares, consumes, begins to serve.
    Start,
    /// Takes no new requests.
    Stop,
    /// Finishes what was taken, then releases the connection.
    Wait,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Wait => "wait",
        })
    }
}

/// A step was not reached in the time given (the peer's `TaskTimeout`). What was waited for goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("timed out: {step} waited {waited:?} for {waiting_for} to complete")]
pub struct TaskTimeout {
    /// The step that was asked for.
    pub step: Step,
    /// The step that did not complete; the same one if it is the step itself.
    pub waiting_for: Step,
    /// How long was waited.
    pub waited: Duration,
}

/// Where a server is in its life. The order is the order of the variants, except that a failed start goes back.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    New,
    Starting,
    /// Nothing runs; another start may be tried.
    StartFailed(ServerListenError),
    Running,
    Stopping,
    Stopped,
    Waiting,
    Done,
}

/// The phase, shared by everyone who moves it or waits for it.
#[derive(Debug)]
pub(super) struct Lifecycle {
    phase: watch::Sender<Phase>,
}

impl Lifecycle {
    pub(super) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::New),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// Moves from a phase that `from` accepts to `to`; false if the phase is another one, so that of many callers
    /// exactly one is told to do the step.
    pub(super) fn claim(&self, from: impl FnOnce(&Phase) -> bool, to: Phase) -> bool {
        self.phase.send_if_modified(|phase| {
            let claimed = from(phase);
            if claimed {
                *phase = to;
            }
            claimed
        })
    }

    pub(super) fn set(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Waits until `reached` holds; `step` is what the caller wants, `waiting_for` what has to complete first.
    pub(super) async fn reach(
        &self,
        step: Step,
        waiting_for: Step,
        patience: Patience,
        reached: impl Fn(&Phase) -> bool,
    ) -> Result<Phase, TaskTimeout> {
        let mut receiver = self.phase.subscribe();
        // The sender lives as long as `self`, so waiting can't fail; the current phase is as good an answer.
        let arrival = async {
            match receiver.wait_for(|phase| reached(phase)).await {
                Ok(phase) => phase.clone(),
                Err(_) => self.phase(),
            }
        };
        let complain = async {
            if !patience.log_after.is_zero() {
                tokio::time::sleep(patience.log_after).await;
                tracing::warn!(
                    waited = ?patience.log_after,
                    "Possible hang: {step} is waiting for {waiting_for} to complete"
                );
            }
            std::future::pending::<()>().await;
        };
        let give_up = async {
            match patience.timeout {
                Some(timeout) => {
                    tokio::time::sleep(timeout).await;
                    timeout
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            phase = arrival => Ok(phase),
            waited = give_up => Err(TaskTimeout { step, waiting_for, waited }),
            () = complain => Ok(self.phase()),
        }
    }
}

#[cfg(test)]
mod tests;
