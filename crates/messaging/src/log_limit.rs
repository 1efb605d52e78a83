//! Log lines that an outage or a hostile peer would repeat without end.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// Lets one line through per interval and counts what it held back.
#[derive(Debug)]
pub(crate) struct LogLimit {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    held_back: u64,
}

impl LogLimit {
    /// The interval for what peers can provoke.
    pub(crate) const MINUTE: Duration = Duration::from_mins(1);

    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            state: Mutex::default(),
        }
    }

    /// `Some(held back since the last line)` when a line may be written now; if none was held back, a line shows none.
    #[expect(
        clippy::option_option,
        reason = "tracing leaves out a field that is none"
    )]
    pub(crate) fn admit(&self, now: Instant) -> Option<Option<NonZeroU64>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state
            .last
            .is_some_and(|last| now.duration_since(last) < self.interval)
        {
            state.held_back += 1;
            return None;
        }
        state.last = Some(now);
        Some(NonZeroU64::new(std::mem::take(&mut state.held_back)))
    }
}
