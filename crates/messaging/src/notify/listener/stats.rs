//! What a listener counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`NotificationListener`](super::NotificationListener) has counted since its start. Events, if nothing else
/// is said. What can't be decoded never gets here: the driver rejects and counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListenerStats {
    /// Every endpoint that wanted it is done with it.
    pub handled: u64,
    /// No endpoint wanted it: of another priority than its queue, or filtered out.
    pub unwanted: u64,
    /// Its priority is none that the peers know.
    pub unknown_priority: u64,
    /// Given back to the broker because an endpoint asked for it.
    pub requeued: u64,
    /// An endpoint asked for it to be given back, which the listener does not allow.
    pub requeue_refused: u64,
    /// Times that an endpoint or the serializer failed or panicked.
    pub failures: u64,
    /// Published as dead letters.
    pub dead_lettered: u64,
    /// Given back to the broker because they could not be published as dead letters.
    pub dead_letter_failures: u64,
    /// Acknowledged because endpoints failed and there is no topic for dead letters.
    pub dropped: u64,
    /// Copies of events that were handled lately or were at work: settled with these, without a second run.
    pub duplicates: u64,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) handled: Count,
    pub(super) unwanted: Count,
    pub(super) unknown_priority: Count,
    pub(super) requeued: Count,
    pub(super) requeue_refused: Count,
    pub(super) failures: Count,
    pub(super) dead_lettered: Count,
    pub(super) dead_letter_failures: Count,
    pub(super) dropped: Count,
    pub(super) duplicates: Count,
}

impl Counters {
    pub(super) fn snapshot(&self) -> ListenerStats {
        ListenerStats {
            handled: self.handled.read(),
            unwanted: self.unwanted.read(),
            unknown_priority: self.unknown_priority.read(),
            requeued: self.requeued.read(),
            requeue_refused: self.requeue_refused.read(),
            failures: self.failures.read(),
            dead_lettered: self.dead_lettered.read(),
            dead_letter_failures: self.dead_letter_failures.read(),
            dropped: self.dropped.read(),
            duplicates: self.duplicates.read(),
        }
    }
}
