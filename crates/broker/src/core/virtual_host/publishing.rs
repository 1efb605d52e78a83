//! Messages come in.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    VirtualHost,
    dead_letters::{Dying, Reason},
};
use crate::core::{
    Body, Change, Effect, Message, Publish, Published, Refusal, arguments::Overflow,
    expiration::expiration, ids::QueueId, memory, queue::Entry,
};

/// What a queue did with a message.
struct Taken {
    accepted: bool,
    stored: bool,
}

impl<B: Body> VirtualHost<B> {
    /// `basic.publish`
    ///
    /// Refused with 404 if there is no such exchange, 403 if it is internal, 406 if the expiration is no number of
    /// milliseconds.
    pub fn publish(
        &mut self,
        _publish: Publish,
        message: Arc<Message<B>>,
        now: Instant,
    ) -> Result<Published, Refusal> {
        self.clock.set(now);
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        let routed = self
            .routes
            .route(&self.names, &message, false, &mut found)
            .and_then(|()| expiration(&message.properties));
        let published = routed.map(|ttl| {
            let message = match message.without_bcc() {
                Some(message) => Arc::new(message),
                None => message,
            };
            self.enqueue_all(&found, &message, ttl)
        });
        self.found = found;
        self.bury();
        published
    }

    /// Gives a message to all these queues.
    pub(super) fn enqueue_all(
        &mut self,
        queues: &[QueueId],
        message: &Arc<Message<B>>,
        ttl: Option<Duration>,
    ) -> Published {
        let mut published = Published {
            routed: !queues.is_empty(),
            accepted: true,
            stored: false,
        };
        for queue in queues {
            let taken = self.enqueue(*queue, message, ttl);
            published.accepted &= taken.accepted;
            published.stored |= taken.stored;
        }
        published
    }

    fn enqueue(&mut self, id: QueueId, message: &Arc<Message<B>>, ttl: Option<Duration>) -> Taken {
        self.serve_pending(id);
        let Some(queue) = self.queues.get_mut(id.0) else {
            return Taken {
                accepted: true,
                stored: false,
            };
        };
        queue.counters.published += 1;
        if queue.stream.is_some() {
            return self.append(id, message);
        }
        let overflow = queue.settings.overflow;
        if overflow != Overflow::DropHead && queue.would_overflow(message.body.size() as u64) {
            queue.counters.refused += 1;
            if overflow == Overflow::RejectPublishDeadLetter {
                let seconds = self.clock.wall_seconds();
                let dying = Dying::new(queue, message, Reason::MaxLen, seconds);
                self.dying.extend(dying);
            }
            return Taken {
                accepted: false,
                stored: false,
            };
        }
        let mut entry = Entry {
            position: queue.take_position(),
            message: Arc::clone(message),
            expires: queue.ttl(ttl).and_then(|ttl| self.clock.after(ttl)),
            delivery_count: 0,
            cost: memory::of_message(message),
            priority: queue.priority(message),
            redelivered: false,
            stored: false,
        };
        queue.cost += u64::from(entry.cost);
        self.bytes += u64::from(entry.cost);
        let name = queue
            .stores(message.is_persistent())
            .then(|| Arc::clone(&queue.name));
        let consumer = if queue.ready.is_empty() {
            self.next_consumer(id)
        } else {
            None
        };
        // Who takes it without acknowledgement has it before it could be written down.
        let leaves = consumer.is_some_and(|consumer| self.is_no_ack(consumer));
        if let Some(queue) = name.filter(|_| !leaves) {
            entry.stored = true;
            self.effects.push_back(Effect::Store(Change::Enqueued {
                queue,
                position: entry.position,
                message: Arc::clone(message),
                at: self.clock.wall_millis(),
            }));
        }
        let stored = entry.stored;
        match consumer {
            Some(consumer) => self.deliver(id, consumer, entry),
            None => self.keep(id, entry),
        }
        Taken {
            accepted: true,
            stored,
        }
    }

    /// Puts a message behind the others, which may push out the first.
    fn keep(&mut self, id: QueueId, entry: Entry<B>) {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        let expires = entry.expires.is_some();
        queue.ready.push(entry);
        self.drop_overflow(id);
        if expires {
            // With an expiration of 0 it goes at once, as nobody took it.
            self.drop_expired(id, 1);
            self.watch_head(id);
        }
    }

    /// Drops messages from the head until the queue is as short as it has to be. One that refuses new messages may be
    /// longer, by those that are given back.
    pub(super) fn drop_overflow(&mut self, id: QueueId) {
        let mut dropped = false;
        while let Some(queue) = self.queues.get_mut(id.0)
            && queue.settings.overflow == Overflow::DropHead
            && queue.overflows()
            && let Some(entry) = queue.ready.pop()
        {
            queue.counters.dropped += 1;
            dropped = true;
            self.dead_letter(id, &entry, Reason::MaxLen);
        }
        if dropped {
            self.watch_head(id);
        }
    }

    /// Adds a message to a stream.
    fn append(&mut self, id: QueueId, message: &Arc<Message<B>>) -> Taken {
        let at = self.clock.wall_millis();
        let nothing = Taken {
            accepted: true,
            stored: false,
        };
        let Some(queue) = self.queues.get_mut(id.0) else {
            return nothing;
        };
        let Some(stream) = &mut queue.stream else {
            return nothing;
        };
        let position = stream.append(Arc::clone(message), at);
        let stored = queue.durable;
        if stored {
            self.effects.push_back(Effect::Store(Change::Enqueued {
                queue: Arc::clone(&queue.name),
                position,
                message: Arc::clone(message),
                at,
            }));
        }
        let anybody = queue.subscribers.is_anybody_waiting();
        self.retain(id);
        self.count_stream(id);
        self.watch_head(id);
        if anybody {
            self.mark_pending(id);
        }
        Taken {
            accepted: true,
            stored,
        }
    }

    /// Brings what a stream counts as up to date.
    pub(super) fn count_stream(&mut self, id: QueueId) {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        let Some(stream) = &queue.stream else {
            return;
        };
        self.bytes -= queue.cost;
        queue.cost = stream.cost();
        self.bytes += queue.cost;
    }
}
