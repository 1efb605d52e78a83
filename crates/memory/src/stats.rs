//! What a driver counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares each counter once: the live counters and their public snapshot.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A snapshot of a driver's counters, all of which count from its creation.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct MemoryStats {
            $($(#[$doc])* pub $name: u64,)+
            /// Calls that wait for their answer now.
            pub waiting_calls: u64,
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)+
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> MemoryStats {
                MemoryStats {
                    $($name: self.$name.value(),)+
                    waiting_calls: 0,
                }
            }
        }
    };
}

counters! {
    /// Calls made.
    calls,
    /// Casts to one server.
    casts,
    /// Casts to every server of a topic.
    fanouts,
    /// Notifications published.
    notifications,
    /// Requests handed to the servers of this driver, redeliveries counted.
    requests,
    /// Answers given by the servers of this driver.
    replies,
    /// Answers that found their caller gone.
    unknown_replies,
    /// Keep-alives sent by the servers of this driver.
    keep_alives,
    /// Calls that found no queue, each attempt counted.
    calls_returned,
    /// Calls given up that were cancelled at their servers.
    cancels_sent,
    /// Messages dropped because they came to a queue that is not for their kind: a notification in a server's queue.
    misplaced,
}

/// A number that only grows. Reading it orders nothing else.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
