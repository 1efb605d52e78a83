//! Consumers come and go, and `basic.get`.

use std::{sync::Arc, time::Instant};

use super::{VirtualHost, delivery::extra, queues::generated_name};
use crate::core::{
    Body, ChannelId, Consume, Effect, Got, Refusal,
    arguments::{ConsumerArguments, QueueKind},
    channel::Unsettled,
    consumer::Consumer,
    ids::{ConsumerId, QueueId},
    memory,
};

impl<B: Body> VirtualHost<B> {
    /// `basic.consume`: the consumer's tag.
    pub fn consume(
        &mut self,
        channel: ChannelId,
        consume: &Consume<'_>,
        now: Instant,
    ) -> Result<Arc<str>, Refusal> {
        self.clock.set(now);
        let state = self.channel(channel)?;
        if state.consumers.contains_key(consume.consumer_tag) {
            return Err(Refusal::not_allowed(format_args!(
                "attempt to reuse consumer tag '{}'",
                consume.consumer_tag
            )));
        }
        let (connection, prefetch) = (state.connection, state.prefetch);
        let global = state.global_prefetch != 0;
        let host = Arc::clone(&self.settings.name);
        let (id, queue) = self.queue_for(connection, consume.queue)?;
        match queue.settings.kind {
            QueueKind::Quorum if global => {
                return Err(Refusal::not_implemented(format_args!(
                    "queue '{}' in vhost '{host}' does not support global qos",
                    queue.name
                )));
            }
            QueueKind::Stream if prefetch == 0 => {
                return Err(Refusal::precondition_failed(format_args!(
                    "consumer prefetch count is not set for 'queue '{}' in vhost '{host}''",
                    queue.name
                )));
            }
            QueueKind::Stream if consume.no_ack => {
                return Err(Refusal::not_implemented(format_args!(
                    "automatic acknowledgement not supported by stream queues queue '{}' in vhost '{host}'",
                    queue.name
                )));
            }
            QueueKind::Classic => {
                let subscribers = &queue.subscribers;
                let shared = !subscribers.is_empty() || queue.settings.single_active_consumer;
                if subscribers.exclusive.is_some() || (consume.exclusive && shared) {
                    return Err(Refusal::access_refused(format_args!(
                        "queue '{}' in vhost '{host}' in exclusive use",
                        queue.name
                    )));
                }
            }
            _ => {}
        }
        let kind = queue.settings.kind;
        let millis = self.clock.wall_millis();
        let arguments = ConsumerArguments::parse(&host, &queue.name, kind, consume.arguments)?;
        let takes = memory::of_consumer(consume.consumer_tag, consume.arguments);
        self.check_room("consumer", consume.consumer_tag, takes)?;
        let next_offset = queue
            .stream
            .as_ref()
            .map_or(0, |stream| stream.start(arguments.start, millis));
        let tag = match consume.consumer_tag {
            "" => generated_name("amq.ctag-"),
            tag => tag.into(),
        };
        let consumer = ConsumerId(self.consumers.insert_with(|_| Consumer {
            tag: Arc::clone(&tag),
            channel,
            queue: id,
            no_ack: consume.no_ack,
            exclusive: consume.exclusive,
            priority: arguments.priority,
            arguments: consume.arguments.clone().into_owned(),
            prefetch: if consume.no_ack { 0 } else { prefetch },
            unsettled: 0,
            waits: false,
            next_offset,
        }));
        self.definitions += memory::of_consumer(&tag, consume.arguments);
        if let Ok(state) = self.channel(channel) {
            state.consumers.insert(Arc::clone(&tag), consumer);
        }
        if let Some(queue) = self.queues.get_mut(id.0) {
            let subscribers = &mut queue.subscribers;
            subscribers.add(consumer);
            if consume.exclusive && kind == QueueKind::Classic {
                subscribers.exclusive = Some(consumer);
            }
            if queue.settings.single_active_consumer {
                subscribers.active.get_or_insert(consumer);
            }
        }
        self.wake(consumer);
        Ok(tag)
    }

    /// `basic.cancel`. What the consumer has not settled stays with its channel.
    pub fn cancel(&mut self, channel: ChannelId, consumer_tag: &str, now: Instant) {
        self.clock.set(now);
        let consumer = self
            .channels
            .get_mut(channel.0)
            .and_then(|state| state.consumers.remove(consumer_tag));
        if let Some(consumer) = consumer {
            self.end_consumer(consumer);
        }
        self.bury();
    }

    /// `basic.get`
    pub fn get(
        &mut self,
        channel: ChannelId,
        queue: &str,
        no_ack: bool,
        now: Instant,
    ) -> Result<Option<Got<B>>, Refusal> {
        self.clock.set(now);
        let connection = self.channel(channel)?.connection;
        let (id, state) = self.queue_for(connection, queue)?;
        if state.stream.is_some() {
            return Err(Refusal::not_implemented(format_args!(
                "basic.get not supported by stream queues queue '{queue}' in vhost '{}'",
                self.settings.name
            )));
        }
        self.serve_pending(id);
        self.drop_expired(id, usize::MAX);
        let mut got = self.fetch(channel, id, no_ack);
        // What is over behind it is not among those that are left.
        self.drop_expired(id, usize::MAX);
        if let (Some(got), Some(queue)) = (&mut got, self.queues.get(id.0)) {
            got.message_count = queue.message_count();
        }
        self.watch_head(id);
        self.bury();
        Ok(got)
    }

    fn fetch(&mut self, channel: ChannelId, id: QueueId, no_ack: bool) -> Option<Got<B>> {
        let now = self.clock.now();
        let queue = self.queues.get_mut(id.0)?;
        queue.last_used = now;
        let Some(entry) = queue.ready.pop() else {
            queue.counters.got_empty += 1;
            return None;
        };
        let state = self.channels.get_mut(channel.0)?;
        let got = Got {
            delivery_tag: state.take_tag(),
            redelivered: entry.redelivered,
            extra: extra(queue, &entry),
            message_count: queue.message_count(),
            message: Arc::clone(&entry.message),
        };
        queue.counters.redelivered += u64::from(entry.redelivered);
        if no_ack {
            queue.counters.got_no_ack += 1;
            self.forget(id, &entry);
        } else {
            queue.counters.got += 1;
            queue.unsettled += 1;
            queue.unsettled_bytes += entry.message.body.size() as u64;
            state.unsettled.push(Unsettled {
                tag: got.delivery_tag,
                queue: id,
                consumer: None,
                entry,
            });
        }
        Some(got)
    }

    /// A consumer, which its channel has forgotten already, leaves its queue.
    pub(super) fn end_consumer(&mut self, id: ConsumerId) {
        let Some(consumer) = self.consumers.remove(id.0) else {
            return;
        };
        self.definitions -= memory::of_consumer(&consumer.tag, &consumer.arguments);
        let now = self.clock.now();
        let Some(queue) = self.queues.get_mut(consumer.queue.0) else {
            return;
        };
        queue.subscribers.remove(id);
        if !queue.subscribers.is_empty() {
            self.appoint(consumer.queue);
            return;
        }
        queue.last_used = now;
        if queue.auto_delete {
            self.remove_queue(consumer.queue);
        } else {
            self.watch_use(consumer.queue);
        }
    }

    /// A consumer's queue is gone: its channel is told.
    pub(super) fn cancel_for_queue(&mut self, id: ConsumerId) {
        let Some(consumer) = self.consumers.remove(id.0) else {
            return;
        };
        self.definitions -= memory::of_consumer(&consumer.tag, &consumer.arguments);
        if let Some(channel) = self.channels.get_mut(consumer.channel.0) {
            channel.consumers.remove(&consumer.tag);
        }
        self.effects.push_back(Effect::ConsumerCancelled {
            channel: consumer.channel,
            consumer_tag: consumer.tag,
        });
    }

    /// Makes somebody the single active consumer, if nobody is: of those with the highest priority who came first.
    fn appoint(&mut self, id: QueueId) {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        if !queue.settings.single_active_consumer || queue.subscribers.active.is_some() {
            return;
        }
        let mut best: Option<(i64, ConsumerId)> = None;
        for consumer in queue.subscribers.iter() {
            let Some(state) = self.consumers.get(consumer.0) else {
                continue;
            };
            if best.is_none_or(|(priority, _)| state.priority > priority) {
                best = Some((state.priority, consumer));
            }
        }
        if let Some((_, consumer)) = best {
            queue.subscribers.active = Some(consumer);
            self.wake(consumer);
        }
    }
}
