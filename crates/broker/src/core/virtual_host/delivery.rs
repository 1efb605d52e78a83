//! Messages go out.

use std::sync::Arc;

use super::{VirtualHost, timers::EXPIRIES};
use crate::core::{
    Body, Delivery, Effect, Extra, Position,
    channel::Unsettled,
    ids::{ConsumerId, QueueId},
    queue::{Entry, Queue},
};

/// How many messages of a queue go out before others have their turn and the owner can say that somebody does not
/// keep up.
const PORTION: usize = 64;

impl<B: Body> VirtualHost<B> {
    /// Gives what is ready to those who can take it, as if it had been done at once when it came to be possible.
    pub(super) fn serve_pending(&mut self, id: QueueId) {
        if self.queues.get(id.0).is_some_and(|queue| queue.pending) {
            self.serve(id);
        }
    }

    /// Gives a portion of what is ready to those who can take it.
    pub(super) fn serve(&mut self, id: QueueId) {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        queue.pending = false;
        if queue.stream.is_some() {
            self.serve_stream(id);
            return;
        }
        for _ in 0..PORTION {
            if self.drop_expired(id, EXPIRIES) == EXPIRIES {
                break;
            }
            let ready = self
                .queues
                .get(id.0)
                .is_some_and(|queue| !queue.ready.is_empty());
            let Some(consumer) = ready.then(|| self.next_consumer(id)).flatten() else {
                self.watch_head(id);
                return;
            };
            if let Some(entry) = self
                .queues
                .get_mut(id.0)
                .and_then(|queue| queue.ready.pop())
            {
                self.deliver(id, consumer, entry);
            }
        }
        self.watch_head(id);
        self.mark_pending(id);
    }

    /// Takes out of its ring the consumer whose turn it is and who can take a message.
    pub(super) fn next_consumer(&mut self, id: QueueId) -> Option<ConsumerId> {
        let queue = self.queues.get_mut(id.0)?;
        while let Some(id) = queue.subscribers.next() {
            let Some(consumer) = self.consumers.get_mut(id.0) else {
                continue;
            };
            consumer.waits = false;
            let open = self
                .channels
                .get(consumer.channel.0)
                .is_some_and(|channel| channel.is_open() && !channel.is_full());
            if open && !consumer.is_full() {
                return Some(id);
            }
        }
        None
    }

    /// Whether it takes messages without acknowledging them.
    pub(super) fn is_no_ack(&self, consumer: ConsumerId) -> bool {
        self.consumers
            .get(consumer.0)
            .is_some_and(|consumer| consumer.no_ack)
    }

    /// Gives a message, which is not among the ready ones any more, to a consumer that can take it.
    pub(super) fn deliver(&mut self, id: QueueId, to: ConsumerId, entry: Entry<B>) {
        let Some(consumer) = self.consumers.get_mut(to.0) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(consumer.channel.0) else {
            return;
        };
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        let tag = channel.take_tag();
        self.effects.push_back(Effect::Deliver(Delivery {
            channel: consumer.channel,
            consumer_tag: Arc::clone(&consumer.tag),
            delivery_tag: tag,
            redelivered: entry.redelivered,
            extra: extra(queue, &entry),
            message: Arc::clone(&entry.message),
        }));
        queue.counters.redelivered += u64::from(entry.redelivered);
        if consumer.no_ack {
            queue.counters.delivered_no_ack += 1;
            self.forget(id, &entry);
        } else {
            queue.counters.delivered += 1;
            queue.unsettled += 1;
            queue.unsettled_bytes += entry.message.body.size() as u64;
            consumer.unsettled += 1;
            channel.consumers_unsettled += 1;
            channel.unsettled.push(Unsettled {
                tag,
                queue: id,
                consumer: Some(to),
                entry,
            });
        }
        self.wake(to);
    }

    /// Lets a consumer wait for messages, if it can take any.
    pub(super) fn wake(&mut self, id: ConsumerId) {
        let Some(consumer) = self.consumers.get_mut(id.0) else {
            return;
        };
        if consumer.waits || consumer.is_full() {
            return;
        }
        let open = self
            .channels
            .get(consumer.channel.0)
            .is_some_and(|channel| channel.is_open() && !channel.is_full());
        let Some(queue) = self.queues.get_mut(consumer.queue.0) else {
            return;
        };
        let is_its_turn =
            !queue.settings.single_active_consumer || queue.subscribers.active == Some(id);
        if !open || !is_its_turn {
            return;
        }
        consumer.waits = true;
        queue.subscribers.enqueue(id, consumer.priority);
        let has_work = match &queue.stream {
            Some(stream) => consumer.next_offset < stream.next(),
            None => !queue.ready.is_empty(),
        };
        let queue = consumer.queue;
        if has_work {
            self.mark_pending(queue);
        }
    }

    /// Gives each reader of a stream a portion of what it has not read.
    fn serve_stream(&mut self, id: QueueId) {
        let mut readers = Vec::new();
        while let Some(reader) = self.next_consumer(id) {
            readers.push(reader);
        }
        for reader in readers {
            for _ in 0..PORTION {
                if !self.read_on(id, reader) {
                    break;
                }
            }
            // Behind the end it waits for more; before it, it has its turn again.
            self.wake(reader);
        }
    }

    /// Gives a reader of a stream the next message, if there is one and it can take it.
    fn read_on(&mut self, id: QueueId, reader: ConsumerId) -> bool {
        let Some(consumer) = self.consumers.get_mut(reader.0) else {
            return false;
        };
        let Some(channel) = self.channels.get(consumer.channel.0) else {
            return false;
        };
        let Some(stream) = self
            .queues
            .get(id.0)
            .and_then(|queue| queue.stream.as_ref())
        else {
            return false;
        };
        if consumer.is_full() || channel.is_full() || !channel.is_open() {
            return false;
        }
        let offset = consumer.next_offset.max(stream.first());
        let Some(message) = stream.get(offset) else {
            return false;
        };
        let entry = Entry {
            position: Position(offset),
            message: Arc::clone(message),
            expires: None,
            delivery_count: 0,
            cost: 0,
            priority: 0,
            redelivered: false,
            stored: false,
        };
        consumer.next_offset = offset + 1;
        // Not to be woken by its own delivery: it is in nobody's ring while it reads.
        consumer.waits = true;
        self.deliver(id, reader, entry);
        if let Some(consumer) = self.consumers.get_mut(reader.0) {
            consumer.waits = false;
        }
        true
    }
}

/// The header that is added to what this queue delivers.
pub(super) fn extra<B: Body>(queue: &Queue<B>, entry: &Entry<B>) -> Option<Extra> {
    if queue.stream.is_some() {
        return Some(Extra::StreamOffset(entry.position.0));
    }
    queue
        .counts_deliveries()
        .then_some(Extra::DeliveryCount(entry.delivery_count))
}
