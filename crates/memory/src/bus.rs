//! One bus: the broker's core behind a lock, and the listeners that it delivers to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use bergen_amqp::codec::FieldTable;
use bergen_broker::core::{
    Bind, ChannelId, ConnectionId, Consume, DeclareExchange, DeclareQueue, Delivery, Effect,
    HostSettings, Message, Publish, Published, Refusal, VirtualHost,
};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::outlet::{Outcome, Outlet};
use super::parcel::Parcel;
use super::topology::{Binding, Kind, Route, topic_binding};

/// A bus. The lock is held for one command of the core at a time; who listens is called without it.
pub(crate) struct Bus {
    state: Mutex<State>,
    /// Tells calls that wait for a server that one has come.
    pub(crate) listened: Notify,
}

/// What is behind the lock.
pub(crate) struct State {
    host: VirtualHost<Parcel>,
    /// Whose the queues are that belong to nobody.
    own: ConnectionId,
    /// The latest time that was seen: it never goes back, whatever clocks the callers have.
    now: Instant,
    outlets: HashMap<ChannelId, Slot, BuildHasherDefault<IdHasher>>,
    /// Outlets that have something to hand over, and nobody who does it.
    ready: VecDeque<ChannelId>,
    /// The queues of notifications that were declared by those who send.
    notified: HashSet<Route>,
}

/// One listener's place.
struct Slot {
    outlet: Arc<Outlet>,
    connection: ConnectionId,
    consumers: Vec<Arc<str>>,
    outbox: VecDeque<Delivery<Parcel>>,
    stage: Stage,
    stopped: bool,
}

/// Who hands over what is in an outbox. One at a time, so that messages keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    /// It stands in the line of those that are ready.
    Ready,
    /// Somebody is at it.
    Busy,
}

/// How a queue of a bus stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueState {
    /// Messages that wait for a listener.
    pub messages: usize,
    /// Listeners.
    pub consumers: usize,
}

impl Bus {
    pub(crate) fn new() -> Arc<Self> {
        let now = tokio::time::Instant::now().into_std();
        let mut host = VirtualHost::new(HostSettings::default(), now, SystemTime::now());
        let own = host.connect();
        let state = State {
            host,
            own,
            now,
            outlets: HashMap::default(),
            ready: VecDeque::new(),
            notified: HashSet::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            listened: Notify::new(),
        })
    }

    /// Carries a command out at this time, and hands over what comes of it.
    pub(crate) fn turn<T>(
        self: &Arc<Self>,
        now: tokio::time::Instant,
        command: impl FnOnce(&mut State) -> T,
    ) -> T {
        let mut state = self.lock();
        state.tick(now.into_std());
        let done = command(&mut state);
        self.hand_over(state);
        done
    }

    /// Hands messages over until there are none, or enough for one turn: what is left then is for a task, so that whoever
    /// sent a message is not kept for those of others.
    fn hand_over<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State>) {
        let mut left = BURST;
        loop {
            let Some((outlet, delivery)) = state.next() else {
                return;
            };
            if left == 0
                && let Ok(runtime) = Handle::try_current()
            {
                state.put_back(outlet.channel, delivery);
                drop(state);
                let bus = Arc::clone(self);
                runtime.spawn(async move {
                    let state = bus.lock();
                    bus.hand_over(state);
                });
                return;
            }
            left = left.saturating_sub(1);
            drop(state);
            let tag = delivery.delivery_tag;
            let outcome = outlet.deliver(&delivery);
            // Outside of the lock: it may be the last to hold the message.
            drop(delivery);
            state = self.lock();
            state.handed_over(outlet.channel, tag, outcome);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Publishes a message. What finds no exchange finds no queue either.
    pub(crate) fn publish(&mut self, message: Arc<Message<Parcel>>) -> Published {
        let published = self
            .host
            .publish(Publish { mandatory: true }, message, self.now);
        published.unwrap_or(Published {
            routed: false,
            accepted: true,
            stored: false,
        })
    }

    /// Makes sure that notifications of this kind are kept, listened for or not.
    pub(crate) fn keep_notifications(&mut self, route: &Route) -> Result<(), Refusal> {
        if self.notified.contains(route) {
            return Ok(());
        }
        let key = &route.routing_key;
        self.declare(self.own, &topic_binding(&route.exchange, key, key))?;
        self.notified.insert(route.clone());
        Ok(())
    }

    /// Bytes that wait.
    pub(crate) fn message_bytes(&self) -> u64 {
        self.host.message_bytes()
    }

    pub(crate) fn queue(&mut self, name: &str) -> Option<QueueState> {
        let declare = DeclareQueue {
            name,
            passive: true,
            durable: false,
            exclusive: false,
            auto_delete: false,
            arguments: &NO_ARGUMENTS,
        };
        let declared = self.host.declare_queue(self.own, &declare, self.now).ok()?;
        Some(QueueState {
            messages: declared.message_count as usize,
            consumers: declared.consumer_count as usize,
        })
    }

    /// Makes the queues of a listener and begins to deliver to it. `outlet` is made for the channel that it gets.
    pub(crate) fn listen(
        &mut self,
        bindings: &[Binding],
        prefetch: u16,
        outlet: impl FnOnce(ChannelId) -> Arc<Outlet>,
    ) -> Result<Arc<Outlet>, Refusal> {
        let connection = self.host.connect();
        let channel = self.host.open_channel(connection);
        let outlet = outlet(channel);
        let slot = Slot {
            outlet: Arc::clone(&outlet),
            connection,
            consumers: Vec::new(),
            outbox: VecDeque::new(),
            stage: Stage::Idle,
            stopped: false,
        };
        self.outlets.insert(channel, slot);
        match self.consume(connection, channel, bindings, prefetch) {
            Ok(consumers) => {
                if let Some(slot) = self.outlets.get_mut(&channel) {
                    slot.consumers = consumers;
                }
                Ok(outlet)
            }
            Err(refusal) => {
                self.release(channel);
                Err(refusal)
            }
        }
    }

    /// Delivers nothing new to a listener; what it was not handed yet goes back. What it was handed stays valid.
    ///
    /// Says whether a message is being handed over this moment.
    pub(crate) fn stop(&mut self, channel: ChannelId) -> bool {
        self.sort();
        let Some(slot) = self.outlets.get_mut(&channel) else {
            return false;
        };
        slot.stopped = true;
        let busy = slot.stage == Stage::Busy;
        let (consumers, outbox) = (
            std::mem::take(&mut slot.consumers),
            std::mem::take(&mut slot.outbox),
        );
        for tag in consumers {
            self.host.cancel(channel, &tag, self.now);
        }
        for delivery in outbox.into_iter().rev() {
            let tag = delivery.delivery_tag;
            let _ = self.host.nack(channel, tag, false, true, self.now);
        }
        busy
    }

    /// Lets go of a listener: what it has not acknowledged goes to others, and its own queue goes.
    pub(crate) fn release(&mut self, channel: ChannelId) {
        self.sort();
        if let Some(slot) = self.outlets.remove(&channel) {
            self.host.disconnect(slot.connection, self.now);
        }
    }

    /// Settles a delivery; false if its listener is gone.
    pub(crate) fn settle(&mut self, channel: ChannelId, tag: u64, requeue: bool) -> bool {
        if !self.outlets.contains_key(&channel) {
            return false;
        }
        let settled = if requeue {
            self.host.nack(channel, tag, false, true, self.now)
        } else {
            self.host.ack(channel, tag, false, self.now)
        };
        settled.is_ok()
    }

    /// The time goes on, and what expires by it does.
    fn tick(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.host.poll_timeout().is_some_and(|at| at <= self.now) {
            self.host.handle_timeout(self.now);
        }
    }

    fn consume(
        &mut self,
        connection: ConnectionId,
        channel: ChannelId,
        bindings: &[Binding],
        prefetch: u16,
    ) -> Result<Vec<Arc<str>>, Refusal> {
        for binding in bindings {
            self.declare(connection, binding)?;
        }
        self.host.qos(channel, prefetch, false, self.now)?;
        let mut consumers = Vec::with_capacity(bindings.len());
        let mut consumed = HashSet::new();
        for binding in bindings {
            if !consumed.insert(&binding.queue) {
                continue;
            }
            let consume = Consume {
                queue: &binding.queue,
                consumer_tag: "",
                no_ack: false,
                exclusive: false,
                arguments: &NO_ARGUMENTS,
            };
            consumers.push(self.host.consume(channel, &consume, self.now)?);
        }
        Ok(consumers)
    }

    fn declare(&mut self, connection: ConnectionId, binding: &Binding) -> Result<(), Refusal> {
        let (kind, own) = match binding.kind {
            Kind::Topic | Kind::Temporary => ("topic", false),
            Kind::Fanout => ("fanout", true),
        };
        self.host.declare_exchange(&DeclareExchange {
            name: &binding.exchange,
            kind,
            passive: false,
            durable: false,
            // A topic's goes with its last server.
            auto_delete: own,
            internal: false,
            arguments: &NO_ARGUMENTS,
        })?;
        let queue = DeclareQueue {
            name: &binding.queue,
            passive: false,
            durable: false,
            // Then it goes with the listener.
            exclusive: own,
            auto_delete: binding.kind == Kind::Temporary,
            arguments: &NO_ARGUMENTS,
        };
        self.host.declare_queue(connection, &queue, self.now)?;
        let bind = Bind {
            source: &binding.exchange,
            destination: &binding.queue,
            routing_key: &binding.key,
            arguments: &NO_ARGUMENTS,
        };
        self.host.bind_queue(connection, &bind)
    }

    /// Puts what the core has for listeners into their outboxes.
    fn sort(&mut self) {
        while let Some(effect) = self.host.poll_effect() {
            // No queue is deleted under its listener, and nothing here outlives the process.
            let Effect::Deliver(delivery) = effect else {
                continue;
            };
            let channel = delivery.channel;
            let Some(slot) = self.outlets.get_mut(&channel) else {
                continue;
            };
            slot.outbox.push_back(delivery);
            if slot.stage == Stage::Idle {
                slot.stage = Stage::Ready;
                self.ready.push_back(channel);
            }
        }
    }

    /// The next message to hand over, and to whom. Nobody else hands over to that one meanwhile.
    fn next(&mut self) -> Option<(Arc<Outlet>, Delivery<Parcel>)> {
        self.sort();
        while let Some(channel) = self.ready.pop_front() {
            let Some(slot) = self.outlets.get_mut(&channel) else {
                continue;
            };
            if let Some(delivery) = slot.outbox.pop_front() {
                slot.stage = Stage::Busy;
                return Some((Arc::clone(&slot.outlet), delivery));
            }
            slot.stage = Stage::Idle;
        }
        None
    }

    fn put_back(&mut self, channel: ChannelId, delivery: Delivery<Parcel>) {
        if let Some(slot) = self.outlets.get_mut(&channel) {
            slot.outbox.push_front(delivery);
            slot.stage = Stage::Ready;
            self.ready.push_front(channel);
        }
    }

    fn handed_over(&mut self, channel: ChannelId, tag: u64, outcome: Outcome) {
        let Some(slot) = self.outlets.get_mut(&channel) else {
            return;
        };
        slot.stage = if slot.outbox.is_empty() {
            Stage::Idle
        } else {
            self.ready.push_back(channel);
            Stage::Ready
        };
        if slot.stopped {
            slot.outlet.handed_over.notify_waiters();
        }
        // What is refused here was settled by the sink with its own hands.
        let _ = match outcome {
            Outcome::Taken => self.host.ack(channel, tag, false, self.now),
            Outcome::Misplaced => self.host.nack(channel, tag, false, false, self.now),
            Outcome::Held => Ok(()),
        };
    }
}

/// Messages that one command hands over at most, before others have their turn.
const BURST: usize = 128;

const NO_ARGUMENTS: FieldTable<'static> = FieldTable::new();

/// The ids of channels are numbers that count up: hash enough.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        // The table looks at the highest bits, too.
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
