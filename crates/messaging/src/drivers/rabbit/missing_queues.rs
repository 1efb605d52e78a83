//! Reply queues that are known to be gone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// A small memory of reply queues whose clients have left, so that further answers to them are dropped at once rather
/// than tried for a minute each.
///
/// The peer keeps the same 200 names for 60 s.
#[derive(Debug, Default)]
pub(super) struct MissingQueues {
    /// Oldest first; each name once.
    gone: Mutex<VecDeque<(Arc<str>, Instant)>>,
}

impl MissingQueues {
    const CAPACITY: usize = 200;
    const LIFETIME: Duration = Duration::from_mins(1);

    /// Whether answers to this queue are to be dropped.
    pub(super) fn contains(&self, queue: &str, now: Instant) -> bool {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        while gone
            .front()
            .is_some_and(|(_, since)| now.duration_since(*since) >= Self::LIFETIME)
        {
            gone.pop_front();
        }
        gone.iter().any(|(name, _)| &**name == queue)
    }

    /// Remembers a queue as gone from now on.
    pub(super) fn insert(&self, queue: &str, now: Instant) {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.retain(|(name, _)| &**name != queue);
        if gone.len() == Self::CAPACITY {
            gone.pop_front();
        }
        gone.push_back((queue.into(), now));
    }
}
