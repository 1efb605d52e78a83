//! What the driver counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares each counter once: yields the live counters, those of the driver and those of a connection, and their
/// public snapshot.
macro_rules! counters {
    (
        driver { $($(#[$doc:meta])* $name:ident,)+ }
        connection { $($(#[$of_link_doc:meta])* $of_link:ident,)+ }
    ) => {
        /// A snapshot of the driver's counters, all of which count from the driver's creation.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct RabbitStats {
            $($(#[$doc])* pub $name: u64,)+
            $($(#[$of_link_doc])* pub $of_link: u64,)+
        }

        /// The live counters.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)+
        }

        /// The live counters of one connection, which drivers may share.
        #[derive(Debug, Default)]
        pub(super) struct LinkCounters {
            $(pub(super) $of_link: Counter,)+
        }

        impl Counters {
            /// The driver's counters, and the sums over its connections.
            pub(super) fn snapshot(&self, links: &[&LinkCounters]) -> RabbitStats {
                RabbitStats {
                    $($name: self.$name.value(),)+
                    $($of_link: links.iter().map(|link| link.$of_link.value()).sum(),)+
                }
            }
        }
    };
}

counters! {
    driver {
        /// Calls made.
        calls,
        /// Casts to one server.
        casts,
        /// Casts to every server of a topic.
        fanouts,
        /// Answers and keep-alives published for requests received.
        replies,
        /// Notifications published.
        notifications,
        /// Calls published again because the outcome of the first publish was lost.
        calls_republished,
        /// Casts published again for the same reason.
        casts_republished,
        /// Fanout casts published again for the same reason.
        fanouts_republished,
        /// Answers published again for the same reason.
        replies_republished,
        /// Notifications published again for the same reason.
        notifications_republished,
        /// Calls that the broker returned because no queue was bound, each publish counted.
        calls_returned,
        /// Answers that the broker returned because the reply queue was missing, each publish counted.
        replies_returned,
        /// Answers given up: the reply queue stayed away, or is known to be gone.
        replies_dropped,
        /// Answers that the broker did not take, replaced by a failure that says so.
        replies_replaced,
        /// Answers not sent because the queue asked for is no reply queue.
        replies_refused,
        /// Publish channels that the broker closed.
        channel_errors,
        /// Queues consumed again after the broker cancelled their consumer.
        consumers_restored,
        /// Times the reply queue was found gone and was created again.
        reply_queues_recreated,
        /// Times a server's fanout queue was found gone and was created again.
        fanout_queues_recreated,
        /// Answers received whose call nobody waits for any more.
        unknown_replies,
        /// Keep-alives received.
        keep_alives,
        /// Messages sent to tell callers how to cancel a request that takes long.
        cancel_offers,
        /// Cancels of calls given up, sent to the servers that run them.
        cancels_sent,
        /// Cancels not sent: their server was gone, or too many waited.
        cancels_dropped,
        /// Cancels received for requests that run here.
        cancels_received,
        /// Cancels received for requests that do not run here (any more).
        unknown_cancels,
        /// Replies that could not be decoded.
        invalid_replies,
        /// Requests that could not be decoded.
        invalid_requests,
        /// Notifications that could not be decoded.
        invalid_notifications,
        /// Requests received.
        requests,
        /// Passive declares sent to find out why a call is silent.
        probes,
    }
    connection {
        /// Connections opened after the first one of their kind, by whichever driver that shares them.
        reconnects,
        /// Attempts to connect that failed.
        failed_attempts,
    }
}

/// A number that only grows. Reading it orders nothing else.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
