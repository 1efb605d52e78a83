//! How much may wait for the broker.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::driver::{Bound, SendError};

#[cfg(test)]
mod tests;

/// The memory that calls, casts and notifications hold from when they are encoded until the broker has confirmed them.
///
/// Answers are not counted here: how many there are is bounded by the servers that give them, and one that is refused
/// would leave its caller waiting.
#[derive(Debug)]
pub(super) struct Backlog {
    waiting: AtomicUsize,
    limit: usize,
}

/// The place of one message; dropping it gives the place up.
#[derive(Debug)]
pub(super) struct Place<'a> {
    backlog: &'a Backlog,
    weight: usize,
}

impl Backlog {
    /// What a message that waits costs besides its body, in bytes: the future that holds it, its ids, its timer.
    const OVERHEAD: usize = 4096;

    /// A backlog for so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            limit,
        }
    }

    /// A place for a message with a body of so many bytes. One that is larger than all of the backlog gets in alone.
    pub(super) fn admit(&self, body: usize) -> Result<Place<'_>, SendError> {
        let weight = body.saturating_add(Self::OVERHEAD);
        let before = self.waiting.fetch_add(weight, Ordering::Relaxed);
        let place = Place {
            backlog: self,
            weight,
        };
        if before > 0 && before.saturating_add(weight) > self.limit {
            return Err(SendError::Overloaded(Bound::WaitingBytes(self.limit)));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.backlog
            .waiting
            .fetch_sub(self.weight, Ordering::Relaxed);
    }
}
