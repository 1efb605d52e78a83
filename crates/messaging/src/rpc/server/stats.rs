//! What a server counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the counters once: the public snapshot and the atomics behind it.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A snapshot of a server's counters, since it was made.
        ///
        /// `received` = `dispatched` + `expired` + `duplicates` + `lost_before_start` + `cancelled_before_start` + what
        /// still waits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct ServerStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
        }

        impl Counters {
            pub(super) fn snapshot(&self) -> ServerStats {
                ServerStats { $($name: self.$name.value(),)* }
            }
        }
    };
}

counters! {
    /// Requests that the driver handed over.
    received,
    /// Requests that had to wait for a free place among the handlers.
    held,
    /// Requests given to the dispatcher.
    dispatched,
    /// Requests whose method returned a result.
    succeeded,
    /// Requests that ended in an unexpected failure, including unknown methods and bad arguments.
    failed,
    /// Requests that ended in a failure marked as expected.
    expected_failures,
    /// Failures, also counted in `failed`, that were panics of a handler.
    panics,
    /// Requests dropped before dispatch because their deadline had passed.
    expired,
    /// Requests dropped before dispatch because their caller had given up.
    cancelled_before_start,
    /// Requests that ran when their caller gave up, and were not answered.
    cancelled,
    /// Requests, also counted in `cancelled`, whose handler was dropped; all others ran to their end.
    dropped_handlers,
    /// Requests of late acknowledgement that were acknowledged while they ran, before the broker's consumer timeout.
    acknowledged_early,
    /// Requests dropped because one with the same `_unique_id` was taken before.
    duplicates,
    /// Requests, also counted in `received`, that the broker had delivered before.
    redelivered,
    /// Ids pushed out of the duplicate window before their time.
    duplicate_evictions,
    /// Waiting requests given back because the connection that delivered them was lost.
    lost_before_start,
    /// Answers that the broker confirmed.
    replies,
    /// Answers that could not be delivered.
    failed_replies,
    /// Keep-alives sent to monitoring callers.
    keep_alives,
    /// Times that the listener was lost and started again.
    listener_restarts,
}

/// A number that only grows. Relaxed: it orders nothing.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn increment(&self) {
        self.add(1);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
