//! When the next worker may start.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// The starts of one service's workers, and the rule that keeps them from following each other too fast: as many starts
/// as there are workers, and one more, are free; when the oldest of them is younger than a second for each worker, the
/// next waits for a pause.
///
/// oslo.service's rule, which sleeps where this one says when. It reads no clock.
#[derive(Debug)]
pub(crate) struct StartRecord {
    workers: usize,
    pause: Duration,
    starts: VecDeque<Instant>,
}

impl StartRecord {
    pub(crate) fn new(workers: usize, pause: Duration) -> Self {
        Self {
            workers,
            pause,
            starts: VecDeque::new(),
        }
    }

    /// When the worker may start that is wanted now; takes it as started then.
    pub(crate) fn next_start(&mut self, now: Instant) -> Instant {
        // One start follows the other: a pause holds up those behind it, too.
        let mut start = self.starts.back().map_or(now, |last| now.max(*last));
        if self.starts.len() > self.workers {
            let window = Duration::from_secs(self.workers as u64);
            let oldest = self.starts.pop_front();
            if oldest.is_some_and(|oldest| start.saturating_duration_since(oldest) < window) {
                start += self.pause;
            }
        }
        self.starts.push_back(start);
        start
    }

    /// Forgets all starts: a reload replaces every worker at once.
    pub(crate) fn clear(&mut self) {
        self.starts.clear();
    }
}
