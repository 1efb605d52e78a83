//! Queues.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bergen_amqp::codec::FieldTable;

use super::{
    Body, ConnectionId, Message, Position, Refusal,
    arguments::{QueueKind, QueueSettings},
    stream::Stream,
};

mod counters;
mod entry;
mod ready;
mod subscribers;

pub use counters::QueueCounters;
pub(super) use entry::Entry;
pub(super) use ready::Ready;
pub(super) use subscribers::Subscribers;

/// A queue: what it was declared as, its messages and its consumers.
#[derive(Debug)]
pub(super) struct Queue<B> {
    pub(super) name: Arc<str>,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
    /// The connection that it belongs to and goes with.
    pub(super) owner: Option<ConnectionId>,
    pub(super) arguments: FieldTable<'static>,
    pub(super) settings: QueueSettings,
    pub(super) ready: Ready<B>,
    /// The log, if it is a stream: then nothing is ever in `ready`.
    pub(super) stream: Option<Box<Stream<B>>>,
    pub(super) subscribers: Subscribers,
    /// Delivered and not settled.
    pub(super) unsettled: usize,
    /// The bytes of their bodies.
    pub(super) unsettled_bytes: u64,
    /// What its messages count as in memory.
    pub(super) cost: u64,
    next_position: u64,
    /// Since when `x-expires` counts.
    pub(super) last_used: Instant,
    /// Whether it waits to be served: see `VirtualHost::serve`.
    pub(super) pending: bool,
    pub(super) timers: Timers,
    pub(super) counters: QueueCounters,
}

/// When a queue is to be looked at, as noted in the host's list of timers.
#[derive(Debug, Default)]
pub(super) struct Timers {
    pub(super) unused: Option<Instant>,
    pub(super) head: Option<Instant>,
}

impl<B: Body> Queue<B> {
    pub(super) fn new(
        name: Arc<str>,
        settings: QueueSettings,
        arguments: FieldTable<'static>,
        now: Instant,
    ) -> Self {
        let stream = (settings.kind == QueueKind::Stream).then(|| Box::new(Stream::new(&settings)));
        Self {
            name,
            durable: false,
            auto_delete: false,
            owner: None,
            arguments,
            settings,
            ready: Ready::new(),
            stream,
            subscribers: Subscribers::default(),
            unsettled: 0,
            unsettled_bytes: 0,
            cost: 0,
            next_position: 0,
            last_used: now,
            pending: false,
            timers: Timers::default(),
            counters: QueueCounters::default(),
        }
    }

    /// The place of the next message.
    pub(super) fn take_position(&mut self) -> Position {
        let position = Position(self.next_position);
        self.next_position += 1;
        position
    }

    /// Takes note of a place that was taken before a restart.
    pub(super) fn skip_past(&mut self, position: Position) {
        self.next_position = self.next_position.max(position.0.saturating_add(1));
    }

    /// Whether what happens to a message of it is written down.
    pub(super) fn stores(&self, persistent: bool) -> bool {
        self.durable && (persistent || self.settings.kind != QueueKind::Classic)
    }

    /// Whether it counts how often a message is given back.
    pub(super) fn counts_deliveries(&self) -> bool {
        self.settings.kind == QueueKind::Quorum
    }

    /// How long a message may wait that itself may wait so long.
    pub(super) fn ttl(&self, own: Option<Duration>) -> Option<Duration> {
        match (own, self.settings.message_ttl) {
            (Some(own), Some(all)) => Some(own.min(all)),
            (own, all) => own.or(all),
        }
    }

    /// The priority of a message here.
    pub(super) fn priority(&self, message: &Message<B>) -> u8 {
        self.settings
            .max_priority
            .map_or(0, |max| message.properties.priority.unwrap_or(0).min(max))
    }

    /// Whether one message more, with a body of so many bytes, would be too much.
    pub(super) fn would_overflow(&self, bytes: u64) -> bool {
        let settings = &self.settings;
        settings
            .max_length
            .is_some_and(|max| self.ready.len() as u64 + 1 > max)
            || settings
                .max_length_bytes
                .is_some_and(|max| self.ready.bytes() + bytes > max)
    }

    /// Whether there are more messages than there may be.
    pub(super) fn overflows(&self) -> bool {
        let settings = &self.settings;
        settings
            .max_length
            .is_some_and(|max| self.ready.len() as u64 > max)
            || settings
                .max_length_bytes
                .is_some_and(|max| self.ready.bytes() > max)
    }

    /// Messages that are ready, as `queue.declare-ok` tells them. A stream tells none.
    pub(super) fn message_count(&self) -> u32 {
        u32::try_from(self.ready.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn consumer_count(&self) -> u32 {
        u32::try_from(self.subscribers.len()).unwrap_or(u32::MAX)
    }

    /// Refuses others than its owner, if it has one.
    pub(super) fn check_owner(&self, host: &str, connection: ConnectionId) -> Result<(), Refusal> {
        if self.owner.is_none_or(|owner| owner == connection) {
            return Ok(());
        }
        Err(self.locked(host))
    }

    pub(super) fn locked(&self, host: &str) -> Refusal {
        Refusal::resource_locked(format_args!(
            "cannot obtain exclusive access to locked queue '{}' in vhost '{host}'. It could be originally declared \
             on another connection or the exclusive property value does not match that of the original declaration.",
            self.name
        ))
    }
}
