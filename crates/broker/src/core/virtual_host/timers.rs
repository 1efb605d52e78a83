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

/// How many messages and queues expire at once before others have their turn.
pub(super) const EXPIRIES: usize = 1000;

impl<B: Body> VirtualHost<B> {
    /// When [`handle_timeout`](Self::handle_timeout) is due, if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.dying.is_empty() {
            return Some(self.clock.now());
        }
        self.timers.first().map(|timer| timer.at)
    }

    /// Lets expire what has expired. If there is much of it, some is left for the next time, which is due at once.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.clock.set(now);
        let now = self.clock.now();
        let mut done = 0;
        while done < EXPIRIES
            && let Some(timer) = self.timers.first().copied()
            && timer.at <= now
        {
            self.timers.pop_first();
            done += 1;
            match timer.what {
                What::Unused => self.expire_queue(timer.queue),
                What::Head => done += self.expire_head(timer.queue),
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

    /// Drops what has expired at the head of a queue: how many messages.
    pub(super) fn drop_expired(&mut self, id: QueueId, most: usize) -> usize {
        let now = self.clock.now();
        for done in 0..most {
            let Some(queue) = self.queues.get_mut(id.0) else {
                return done;
            };
            let Some(entry) = queue.ready.pop_expired(now) else {
                return done;
            };
            queue.counters.expired += 1;
            self.dead_letter(id, &entry, Reason::Expired);
        }
        most
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

    fn expire_head(&mut self, id: QueueId) -> usize {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return 0;
        };
        queue.timers.head = None;
        let expired = if queue.stream.is_some() {
            self.retain(id);
            0
        } else {
            self.drop_expired(id, EXPIRIES)
        };
        self.watch_head(id);
        expired
    }
}
