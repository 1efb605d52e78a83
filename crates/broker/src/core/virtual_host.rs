//! One virtual host: everything of the core behind one door.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::Bytes;

use super::{
    Body, Change, ChannelId, ConnectionId, Effect, HostSettings, Refusal,
    arena::Arena,
    channel::{Channel, Connection},
    consumer::Consumer,
    exchanges::Routes,
    ids::QueueId,
    queue::{Entry, Queue},
};

mod clock;
mod connections;
mod consuming;
mod dead_letters;
mod delivery;
mod publishing;
mod queues;
mod restoring;
mod settling;
mod timers;
mod topology;
mod views;

use clock::Clock;
use dead_letters::Dying;
use timers::Timer;
pub use views::{ChannelState, ConsumerInfo, QueueInfo};

/// The queues by name.
pub(super) type QueueNames = HashMap<Arc<str>, QueueId>;

/// What others are to be told, in order.
pub(super) type Effects<B> = VecDeque<Effect<B>>;

/// A virtual host: its exchanges, queues, bindings, channels and consumers.
///
/// Commands refuse what RabbitMQ refuses, with its codes and words. After a refusal the owner closes what
/// [`Refusal::scope`](super::Refusal::scope) says.
#[derive(Debug)]
pub struct VirtualHost<B = Bytes> {
    settings: HostSettings,
    routes: Routes,
    names: QueueNames,
    queues: Arena<Queue<B>>,
    connections: Arena<Connection>,
    channels: Arena<Channel<B>>,
    consumers: Arena<Consumer>,
    effects: Effects<B>,
    /// Queues that have something to give to somebody who can take it.
    pending: VecDeque<QueueId>,
    /// Dead letters on their way.
    dying: VecDeque<Dying<B>>,
    timers: BTreeSet<Timer>,
    clock: Clock,
    /// What all messages count as.
    bytes: u64,
    /// What all queues and consumers count as.
    definitions: u64,
    /// Kept for its memory.
    found: Vec<QueueId>,
}

impl<B: Body> VirtualHost<B> {
    /// An empty virtual host with the exchanges that every one has (`amq.direct` …). `wall` is what the clock on the
    /// wall shows at `now`.
    pub fn new(settings: HostSettings, now: Instant, wall: SystemTime) -> Self {
        Self {
            routes: Routes::new(Arc::clone(&settings.name)),
            settings,
            names: QueueNames::new(),
            queues: Arena::new(),
            connections: Arena::new(),
            channels: Arena::new(),
            consumers: Arena::new(),
            effects: Effects::new(),
            pending: VecDeque::new(),
            dying: VecDeque::new(),
            timers: BTreeSet::new(),
            clock: Clock::new(now, wall),
            bytes: 0,
            definitions: 0,
            found: Vec::new(),
        }
    }

    /// What others are to be told next. Call it after each command, or after each turn of commands, until `None`.
    ///
    /// Deliveries are made in small portions while this is called: an owner whose client does not keep up calls
    /// [`set_reading`](Self::set_reading) between two effects, and few more come for it.
    pub fn poll_effect(&mut self) -> Option<Effect<B>> {
        loop {
            if let Some(effect) = self.effects.pop_front() {
                return Some(effect);
            }
            let queue = self.pending.pop_front()?;
            self.serve(queue);
            self.bury();
        }
    }

    /// What messages hold in bytes, each counted once for each queue that holds it, with some 400 bytes for what
    /// belongs to a message beside body and headers. For memory watermarks.
    pub fn message_bytes(&self) -> u64 {
        self.bytes
    }

    /// What exchanges, bindings, queues (without messages) and consumers take in bytes, as
    /// [`HostSettings::max_definitions`] counts it.
    pub fn definition_bytes(&self) -> u64 {
        self.definitions + self.routes.memory()
    }

    /// Refuses what would be more than may be defined.
    fn check_room(&self, what: &str, name: &str, more: u64) -> Result<(), Refusal> {
        let limit = self.settings.max_definitions;
        let taken = self.definition_bytes();
        if taken.saturating_add(more) <= limit {
            return Ok(());
        }
        Err(Refusal::precondition_failed(format_args!(
            "no room for {what} '{name}' in vhost '{}': exchanges, bindings, queues and consumers take {taken} of \
             {limit} bytes already, and it takes {more}",
            self.settings.name
        )))
    }

    fn queue_id(&self, name: &str) -> Result<QueueId, Refusal> {
        self.names.get(name).copied().ok_or_else(|| {
            Refusal::not_found(format_args!(
                "no queue '{name}' in vhost '{}'",
                self.settings.name
            ))
        })
    }

    /// The queue of this name, if this connection may do something with it.
    fn queue_for(
        &self,
        connection: ConnectionId,
        name: &str,
    ) -> Result<(QueueId, &Queue<B>), Refusal> {
        let id = self.queue_id(name)?;
        let queue = self.queues.get(id.0).ok_or_else(gone)?;
        queue.check_owner(&self.settings.name, connection)?;
        Ok((id, queue))
    }

    fn channel(&mut self, channel: ChannelId) -> Result<&mut Channel<B>, Refusal> {
        self.channels.get_mut(channel.0).ok_or_else(gone)
    }

    fn mark_pending(&mut self, id: QueueId) {
        if let Some(queue) = self.queues.get_mut(id.0)
            && !queue.pending
        {
            queue.pending = true;
            self.pending.push_back(id);
        }
    }

    /// Strikes a message that leaves its queue from the books.
    fn forget(&mut self, id: QueueId, entry: &Entry<B>) {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        queue.cost -= u64::from(entry.cost);
        self.bytes -= u64::from(entry.cost);
        if !entry.stored {
            return;
        }
        // One list for a run of them: acknowledgements come in runs.
        if let Some(Effect::Store(Change::Removed {
            queue: last,
            positions,
        })) = self.effects.back_mut()
            && Arc::ptr_eq(last, &queue.name)
        {
            positions.push(entry.position);
            return;
        }
        self.effects.push_back(Effect::Store(Change::Removed {
            queue: Arc::clone(&queue.name),
            positions: vec![entry.position],
        }));
    }
}

/// The owner named something that it has closed.
fn gone() -> Refusal {
    Refusal::internal_error("the channel or connection is closed")
}

#[cfg(test)]
mod tests;
