//! What was there before a restart.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{VirtualHost, clock::Clock};
use crate::core::{
    Body, Change, DeclareQueue, Message, Position, arguments::QueueSettings,
    expiration::expiration, memory, queue::Entry,
};

impl<B: Body> VirtualHost<B> {
    /// Applies one change that was written down before a restart. Call before anything else, in the order in which
    /// the changes came, then [`restored`](Self::restored).
    ///
    /// Messages are restored as redelivered: whether they were delivered is not written down, and who must not do a
    /// thing twice has to look.
    pub fn restore(&mut self, change: Change<B>) {
        match change {
            Change::QueueDeclared {
                name,
                auto_delete,
                arguments,
            } => {
                let declare = DeclareQueue {
                    name: &name,
                    passive: false,
                    durable: true,
                    exclusive: false,
                    auto_delete,
                    arguments: &arguments,
                };
                // It was taken once; what is not understood any more has no effect.
                let settings =
                    QueueSettings::parse(&self.settings.name, &declare).unwrap_or_default();
                if !self.names.contains_key(&name) {
                    self.add_queue(name, settings, arguments, |queue| {
                        queue.durable = true;
                        queue.auto_delete = auto_delete;
                    });
                }
            }
            Change::QueueDeleted { name } => {
                if let Some(id) = self.names.get(&name).copied() {
                    self.routes.restore_queue_deleted(id);
                    self.remove_queue(id);
                }
            }
            Change::Enqueued {
                queue,
                position,
                message,
                at,
            } => self.restore_message(&queue, position, message, at),
            Change::Removed { queue, positions } => {
                let Some(id) = self.names.get(&queue).copied() else {
                    return;
                };
                for position in positions {
                    let queue = self.queues.get_mut(id.0);
                    if let Some(entry) = queue.and_then(|queue| queue.ready.remove(position)) {
                        self.forget(id, &entry);
                    }
                }
            }
            Change::Returned {
                queue,
                position,
                delivery_count,
            } => {
                let id = self.names.get(&queue);
                let queue = id.and_then(|id| self.queues.get_mut(id.0));
                if let Some(entry) = queue.and_then(|queue| queue.ready.get_mut(position)) {
                    entry.delivery_count = delivery_count;
                }
            }
            Change::Truncated { queue, before } => {
                let Some(id) = self.names.get(&queue).copied() else {
                    return;
                };
                let queue = self.queues.get_mut(id.0);
                if let Some(stream) = queue.and_then(|queue| queue.stream.as_mut()) {
                    stream.truncate(before);
                }
                self.count_stream(id);
            }
            other => self.routes.restore(&other, &self.names),
        }
        // What comes of it is written down already.
        self.effects.clear();
    }

    /// All that was written down is applied: from now on time passes.
    pub fn restored(&mut self, now: Instant, wall: SystemTime) {
        self.clock = Clock::new(now, wall);
        let queues: Vec<_> = self.names.values().copied().collect();
        for id in queues {
            if let Some(queue) = self.queues.get_mut(id.0) {
                queue.last_used = now;
            }
            self.watch_use(id);
            self.watch_head(id);
        }
    }

    fn restore_message(
        &mut self,
        queue: &str,
        position: Position,
        message: Arc<Message<B>>,
        at: u64,
    ) {
        let Some(id) = self.names.get(queue).copied() else {
            return;
        };
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        queue.skip_past(position);
        if let Some(stream) = &mut queue.stream {
            stream.restore(position, message, at);
            self.count_stream(id);
            return;
        }
        let own = expiration(&message.properties).ok().flatten();
        let end = queue
            .ttl(own)
            .map(|ttl| Duration::from_millis(at).saturating_add(ttl));
        let entry = Entry {
            position,
            expires: end.and_then(|end| {
                self.clock
                    .when(u64::try_from(end.as_millis()).unwrap_or(u64::MAX))
            }),
            delivery_count: 0,
            cost: memory::of_message(&message),
            priority: queue.priority(&message),
            redelivered: true,
            stored: true,
            message,
        };
        queue.cost += u64::from(entry.cost);
        self.bytes += u64::from(entry.cost);
        queue.ready.insert(entry);
    }
}
