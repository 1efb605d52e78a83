//! The clock of a graceful stop.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

#[cfg(test)]
mod tests;

/// How often a stop says what it waits for.
const PROGRESS: Duration = Duration::from_secs(10);

/// From the first request to stop to the end, whatever still runs.
#[derive(Debug, Default)]
pub(crate) struct DrainClock {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    since: Instant,
    deadline: Option<Instant>,
    progress: Instant,
}

/// What the clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tick {
    /// The stop is at work for so long; time to say what it waits for.
    Progress(Duration),
    /// `graceful_shutdown_timeout` is over.
    Over,
}

impl DrainClock {
    /// Starts; with no effect if it runs. Without a timeout it is never over.
    pub(crate) fn start(&mut self, timeout: Option<Duration>) {
        let since = Instant::now();
        self.running.get_or_insert(Running {
            since,
            deadline: timeout.map(|timeout| since + timeout),
            progress: since + PROGRESS,
        });
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The next tick; never before the start. May be dropped and called again without a loss.
    pub(crate) async fn next(&mut self) -> Tick {
        let Some(running) = &mut self.running else {
            return std::future::pending().await;
        };
        match running.deadline {
            Some(deadline) if deadline <= running.progress => {
                sleep_until(deadline).await;
                Tick::Over
            }
            _ => {
                sleep_until(running.progress).await;
                running.progress += PROGRESS;
                Tick::Progress(running.since.elapsed())
            }
        }
    }
}
