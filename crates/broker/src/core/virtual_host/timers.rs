//! What happens when time has passed.

use std::{sync::Arc, time::Instant};

use super::{VirtualHost, dead_letters::Reason};
use crate::core::{Body, Change, Effect, ids::QueueId};

/// When a queue is to be looked at, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer {
    pub(super) at: Instant,
    queue: QueueId,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// It may have been unused for its `x-expires`.
    Unused,
    /// The message at its head, or the oldest of a stream, may have expired.
    Head,
}

/// How many messages of a queue expire at once before others have their turn.
const EXPIRIES: usize = 1000;

impl<B: Body> VirtualHost<B> {
    /// Lets expire what has expired.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.clock.set(now);
        let now = self.clock.now();
        // Timers that are set meanwhile wait for the next time, however early they are.
        let later = self.timers.split_off(&Timer {
            at: now,
            queue: QueueId::LAST,
            what: What::Head,
        });
        let due = std::mem::replace(&mut self.timers, later);
        for timer in due {
            match timer.what {
                What::Unused => self.expire_queue(timer.queue),
                What::Head => self.expire_head(timer.queue),
            }
        }
        self.bury();
    }

    /// Notes when a queue will have been unused for too long, if nobody uses it.
    pub(super) fn watch_use(&mut self, id: QueueId) {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        // One timer is enough: it looks at the last use when it fires.
        if queue.timers.unused.is_some() || !queue.subscribers.is_empty() {
            return;
        }
        let at = queue
            .settings
            .expires
            .and_then(|expires| queue.last_used.checked_add(expires));
        let Some(at) = at else {
            return;
        };
        queue.timers.unused = Some(at);
        self.timers.insert(Timer {
            at,
            queue: id,
            what: What::Unused,
        });
    }

    /// Notes when the head of a queue expires.
    pub(super) fn watch_head(&mut self, id: QueueId) {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        let at = match &queue.stream {
            Some(stream) => stream
                .next_expiry()
                .and_then(|millis| self.clock.when(millis)),
            None => queue.ready.next_expiry(),
        };
        let Some(at) = at else {
            return;
        };
        if let Some(set) = queue.timers.head {
            if set <= at {
                return;
            }
            self.timers.remove(&Timer {
                at: set,
                queue: id,
                what: What::Head,
            });
        }
        queue.timers.head = Some(at);
        self.timers.insert(Timer {
            at,
            queue: id,
            what: What::Head,
        });
    }

    /// Forgets the timers of a queue that goes.
    pub(super) fn stop_timers(&mut self, id: QueueId, timers: &crate::core::queue::Timers) {
        for (at, what) in [(timers.unused, What::Unused), (timers.head, What::Head)] {
            if let Some(at) = at {
                self.timers.remove(&Timer {
                    at,
                    queue: id,
                    what,
                });
            }
        }
    }

    /// Drops what has expired at the head of a queue. Whether there may be more.
    pub(super) fn drop_expired(&mut self, id: QueueId, most: usize) -> bool {
        let now = self.clock.now();
        for _ in 0..most {
            let Some(queue) = self.queues.get_mut(id.0) else {
                return false;
            };
            let Some(entry) = queue.ready.pop_expired(now) else {
                return false;
            };
            queue.counters.expired += 1;
            self.dead_letter(id, entry, Reason::Expired);
        }
        true
    }

    /// Drops what a stream need not keep.
    pub(super) fn retain(&mut self, id: QueueId) {
        let millis = self.clock.wall_millis();
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        let Some(before) = queue
            .stream
            .as_mut()
            .and_then(|stream| stream.expire(millis))
        else {
            return;
        };
        if queue.durable {
            self.effects.push_back(Effect::Store(Change::Truncated {
                queue: Arc::clone(&queue.name),
                before,
            }));
        }
        self.count_stream(id);
    }

    fn expire_queue(&mut self, id: QueueId) {
        let now = self.clock.now();
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        queue.timers.unused = None;
        let expires = queue.settings.expires;
        let end = expires.and_then(|expires| queue.last_used.checked_add(expires));
        if queue.subscribers.is_empty() && end.is_some_and(|end| end <= now) {
            self.remove_queue(id);
        } else {
            self.watch_use(id);
        }
    }

    fn expire_head(&mut self, id: QueueId) {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        queue.timers.head = None;
        if queue.stream.is_some() {
            self.retain(id);
        } else {
            self.drop_expired(id, EXPIRIES);
        }
        self.watch_head(id);
    }
}
