//! What there is, for those who look at it from outside.

use std::{sync::Arc, time::Instant};

use bergen_amqp::codec::FieldTable;

use super::VirtualHost;
use crate::core::{
    BindingInfo, Body, ChannelId, ConnectionId, ExchangeInfo, HostSettings, Message, QueueCounters,
    QueueKind, consumer::Consumer, ids::ConsumerId, memory, queue::Queue,
};

/// What a queue is and how it is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct QueueInfo<'a> {
    /// Its name.
    pub name: &'a Arc<str>,
    /// Its type.
    pub kind: QueueKind,
    /// Whether it outlives the broker.
    pub durable: bool,
    /// Whether it goes with its last consumer.
    pub auto_delete: bool,
    /// The connection that it belongs to and goes with, if it is exclusive.
    pub owner: Option<ConnectionId>,
    /// As declared.
    pub arguments: &'a FieldTable<'static>,
    /// Messages that wait for a consumer; of a stream, all.
    pub ready: u64,
    /// The bytes of their bodies.
    pub ready_bytes: u64,
    /// Messages that are delivered and not settled.
    pub unacknowledged: u64,
    /// The bytes of their bodies.
    pub unacknowledged_bytes: u64,
    /// How many consumers it has.
    pub consumers: usize,
    /// The tag of the one that gets messages, in queues with a single active consumer.
    pub single_active_consumer: Option<&'a Arc<str>>,
    /// The tag of the one that has the queue for itself.
    pub exclusive_consumer: Option<&'a Arc<str>>,
    /// Since when nobody has consumed, declared or fetched from it; `None` while it has consumers.
    pub idle_since: Option<Instant>,
    /// What it takes in memory with its messages, in bytes: an estimate.
    pub memory: u64,
    /// What happened in it.
    pub counters: QueueCounters,
}

/// Who consumes what.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ConsumerInfo<'a> {
    /// The queue.
    pub queue: &'a Arc<str>,
    /// On which channel.
    pub channel: ChannelId,
    /// Its name there.
    pub consumer_tag: &'a Arc<str>,
    /// Whether its deliveries need no acknowledgement.
    pub no_ack: bool,
    /// Whether it has the queue for itself.
    pub exclusive: bool,
    /// How many unsettled deliveries it may have; 0 is no limit.
    pub prefetch: u16,
    /// How many it has.
    pub unacknowledged: usize,
    /// `false` if another one is the single active consumer.
    pub active: bool,
    /// As given.
    pub arguments: &'a FieldTable<'static>,
}

/// How a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelState {
    /// How many consumers it has.
    pub consumers: usize,
    /// Deliveries that it has not settled.
    pub unacknowledged: usize,
    /// The limit for each consumer to come; 0 is none.
    pub prefetch: u16,
    /// The limit for all consumers together; 0 is none.
    pub global_prefetch: u16,
}

impl<B: Body> VirtualHost<B> {
    /// As it was made.
    pub fn settings(&self) -> &HostSettings {
        &self.settings
    }

    /// All queues, in no particular order.
    pub fn queues(&self) -> impl Iterator<Item = QueueInfo<'_>> {
        self.queues.iter().map(|(_, queue)| self.info(queue))
    }

    /// How many queues there are.
    pub fn queue_count(&self) -> usize {
        self.queues.len()
    }

    /// The queue of this name.
    pub fn queue(&self, name: &str) -> Option<QueueInfo<'_>> {
        let id = self.names.get(name)?;
        self.queues.get(id.0).map(|queue| self.info(queue))
    }

    /// The messages of a queue that are ready, in their order, without taking them. A stream shows none.
    pub fn ready_messages(&self, name: &str) -> impl Iterator<Item = &Arc<Message<B>>> {
        self.names
            .get(name)
            .and_then(|id| self.queues.get(id.0))
            .into_iter()
            .flat_map(|queue| queue.ready.iter())
            .map(|entry| &entry.message)
    }

    /// All consumers, queue by queue in the order in which they came.
    pub fn consumers(&self) -> impl Iterator<Item = ConsumerInfo<'_>> {
        self.queues.iter().flat_map(move |(_, queue)| {
            queue.subscribers.iter().filter_map(move |id| {
                let consumer = self.consumers.get(id.0)?;
                Some(describe(queue, id, consumer))
            })
        })
    }

    /// All exchanges, the default one too.
    pub fn exchanges(&self) -> impl Iterator<Item = ExchangeInfo<'_>> {
        self.routes.exchanges()
    }

    /// The exchange of this name.
    pub fn exchange(&self, name: &str) -> Option<ExchangeInfo<'_>> {
        self.exchanges()
            .find(|exchange| exchange.name.as_ref() == name)
    }

    /// All bindings, without those of the default exchange, which has one for each queue.
    pub fn bindings(&self) -> impl Iterator<Item = BindingInfo<'_>> {
        self.routes.bindings()
    }

    /// How this channel is.
    pub fn channel_info(&self, channel: ChannelId) -> Option<ChannelState> {
        let state = self.channels.get(channel.0)?;
        Some(ChannelState {
            consumers: state.consumers.len(),
            unacknowledged: state.unsettled.len(),
            prefetch: state.prefetch,
            global_prefetch: state.global_prefetch,
        })
    }

    fn info<'a>(&'a self, queue: &'a Queue<B>) -> QueueInfo<'a> {
        let tag = |id: Option<ConsumerId>| {
            let consumer = self.consumers.get(id?.0)?;
            Some(&consumer.tag)
        };
        let subscribers = &queue.subscribers;
        let (ready, ready_bytes) = match &queue.stream {
            Some(stream) => (stream.len() as u64, stream.bytes()),
            None => (queue.ready.len() as u64, queue.ready.bytes()),
        };
        QueueInfo {
            name: &queue.name,
            kind: queue.settings.kind,
            durable: queue.durable,
            auto_delete: queue.auto_delete,
            owner: queue.owner,
            arguments: &queue.arguments,
            ready,
            ready_bytes,
            unacknowledged: queue.unsettled as u64,
            unacknowledged_bytes: queue.unsettled_bytes,
            consumers: subscribers.len(),
            single_active_consumer: tag(subscribers.active),
            exclusive_consumer: tag(subscribers.exclusive),
            idle_since: subscribers.is_empty().then_some(queue.last_used),
            memory: queue.cost + memory::of_queue(&queue.name, &queue.arguments),
            counters: queue.counters,
        }
    }
}

fn describe<'a, B>(
    queue: &'a Queue<B>,
    id: ConsumerId,
    consumer: &'a Consumer,
) -> ConsumerInfo<'a> {
    ConsumerInfo {
        queue: &queue.name,
        channel: consumer.channel,
        consumer_tag: &consumer.tag,
        no_ack: consumer.no_ack,
        exclusive: consumer.exclusive,
        prefetch: consumer.prefetch,
        unacknowledged: consumer.unsettled,
        active: queue.subscribers.active.is_none_or(|active| active == id),
        arguments: &consumer.arguments,
    }
}
