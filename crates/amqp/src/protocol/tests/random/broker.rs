//! As much of a broker as the histories need: one queue, and an honest account of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::account::{Route, body};
use crate::{
    codec::{
        BasicProperties, Method,
        methods::{basic, channel, confirm, queue},
    },
    protocol::{ChannelId, Event, Message, SendError, tests::pair::Peer, tests::with_id},
};

#[derive(Debug, Default)]
pub(super) struct Broker {
    desks: Vec<Desk>,
    ready: VecDeque<Stored>,
    /// How often each publish came.
    arrivals: BTreeMap<u64, usize>,
    /// Messages that were ever in the queue, and those that have left it.
    queued: BTreeSet<u64>,
    gone: BTreeSet<u64>,
    /// Those that went without an acknowledgement, and may not have arrived.
    given: BTreeSet<u64>,
    own_messages: u64,
    blocked: bool,
    hushed: bool,
}

/// A message in the queue.
#[derive(Debug, Clone, Copy)]
struct Stored {
    id: u64,
    /// It was delivered before.
    redelivered: bool,
}

/// What the broker knows of one channel.
#[derive(Debug)]
struct Desk {
    channel: ChannelId,
    next_delivery: u64,
    unacked: BTreeMap<u64, Stored>,
    /// Publishes that wait for their confirm, and whether it is a refusal.
    unconfirmed: BTreeMap<u64, bool>,
    /// By tag; true if nothing is to be acknowledged.
    consumers: BTreeMap<String, bool>,
    /// Answers of the queue's process, which come when they come.
    late: Vec<Late>,
    prefetch: usize,
    flowing: bool,
    /// What was delivered before came back all at once (`basic.recover`).
    recovered: u64,
}

#[derive(Debug)]
enum Late {
    Started(String, bool),
    Stopped(String),
}

impl Broker {
    /// Answers what has come, now or later, and checks that the client may say it.
    pub(super) fn serve(&mut self, server: &mut Peer, rng: &mut fastrand::Rng) {
        for event in server.take_events() {
            match event {
                Event::ChannelOpened { channel } => self.desks.push(Desk::new(channel)),
                Event::ChannelClosed { channel, .. } => self.close_desk(channel),
                Event::Method { channel, method } => {
                    self.method(channel, &method.decode().unwrap(), server);
                }
                Event::Published {
                    channel,
                    tag,
                    mandatory,
                    message,
                    ..
                } => self.publish(server, channel, tag, mandatory, &message),
                Event::Closed { .. } => self.forget_connection(),
                other => panic!("unexpected {other:?}"),
            }
        }
        for at in 0..self.desks.len() {
            let desk = &mut self.desks[at];
            desk.confirm(server, rng);
            desk.answer_late(server, rng, self.hushed);
            if !self.hushed && rng.bool() {
                self.deliver(at, server, rng);
            }
        }
    }

    /// Delivers nothing any more and takes its time over nothing.
    pub(super) fn hush(&mut self, server: &mut Peer) {
        self.hushed = true;
        self.set_blocked(server, false);
        for desk in &mut self.desks {
            desk.set_flow(server, true);
        }
    }

    /// Does something that was not asked for.
    pub(super) fn act(&mut self, server: &mut Peer, rng: &mut fastrand::Rng) {
        let blocked = self.blocked;
        if rng.u8(..4) == 0 {
            return self.set_blocked(server, !blocked);
        }
        let Some(at) = rng.choice(0..self.desks.len()) else {
            return;
        };
        let desk = &mut self.desks[at];
        match rng.u8(..4) {
            0 => {
                let channel = desk.channel;
                self.close_desk(channel);
                let closed = server.connection.close_channel(channel, 404, "NOT_FOUND");
                check(&closed);
            }
            1 => {
                let flowing = desk.flowing;
                desk.set_flow(server, !flowing);
            }
            _ => {
                if let Some((tag, _)) = desk.consumers.pop_first() {
                    let cancel = basic::Cancel {
                        consumer_tag: &tag,
                        no_wait: rng.bool(),
                    };
                    desk.send(server, cancel);
                }
            }
        }
    }

    /// The connection is gone: what was not acknowledged is ready again.
    pub(super) fn forget_connection(&mut self) {
        while let Some(desk) = self.desks.first() {
            self.close_desk(desk.channel);
        }
        self.blocked = false;
        self.hushed = false;
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// How often a publish came.
    pub(super) fn arrivals(&self, id: u64) -> usize {
        self.arrivals.get(&id).copied().unwrap_or(0)
    }

    /// Deliveries that nobody has settled.
    pub(super) fn unacked(&self) -> usize {
        self.desks.iter().map(|desk| desk.unacked.len()).sum()
    }

    /// Whether a message has left the queue for good.
    pub(super) fn has_gone(&self, id: u64) -> bool {
        self.gone.contains(&id)
    }

    /// Every message is in one place, and none has gone that the client had not done with.
    pub(super) fn balance(&self, is_done: impl Fn(u64) -> bool) {
        let ready: BTreeSet<_> = self.ready.iter().map(|stored| stored.id).collect();
        assert_eq!(
            ready.len(),
            self.ready.len(),
            "nothing is in the queue twice"
        );
        let places = ready.len() + self.gone.len() + self.given.len();
        assert_eq!(places, self.queued.len());
        for places in [
            (&ready, &self.gone),
            (&ready, &self.given),
            (&self.gone, &self.given),
        ] {
            assert!(places.0.is_disjoint(places.1));
        }
        for id in &self.gone {
            assert!(
                is_done(*id),
                "{id} has gone and the client knows nothing of it"
            );
        }
    }

    fn set_blocked(&mut self, server: &mut Peer, blocked: bool) {
        if blocked != self.blocked && server.connection.is_connected() {
            self.blocked = blocked;
            let reason = blocked.then_some("low on memory");
            server.connection.set_blocked(reason).unwrap();
        }
    }

    fn close_desk(&mut self, channel: ChannelId) {
        let at = self.desks.iter().position(|desk| desk.channel == channel);
        if let Some(at) = at {
            let desk = self.desks.remove(at);
            self.requeue(desk.unacked.into_values());
        }
    }

    fn requeue(&mut self, messages: impl DoubleEndedIterator<Item = Stored>) {
        for stored in messages.rev() {
            self.ready.push_front(Stored {
                redelivered: true,
                ..stored
            });
        }
    }

    fn publish(
        &mut self,
        server: &mut Peer,
        channel: ChannelId,
        tag: Option<u64>,
        mandatory: bool,
        message: &Message,
    ) {
        let id = message.properties.message_id.as_deref();
        let id: u64 = id.and_then(|id| id.parse().ok()).expect("a message id");
        assert!(message.body == body(id), "message {id} has its own body");
        // What comes behind the end of a channel does not count.
        let Some(desk) = self.desks.iter_mut().find(|desk| desk.channel == channel) else {
            return;
        };
        let mut routes = Route::ALL.into_iter();
        let route = routes.find(|route| route.key() == &*message.routing_key);
        if route == Some(Route::Missing) {
            self.close_desk(channel);
            return check(&server.connection.close_channel(channel, 404, "NOT_FOUND"));
        }
        *self.arrivals.entry(id).or_default() += 1;
        if let Some(tag) = tag {
            desk.unconfirmed.insert(tag, route == Some(Route::Full));
        }
        match route {
            Some(Route::Queue) => {
                self.queued.insert(id);
                let redelivered = false;
                self.ready.push_back(Stored { id, redelivered });
            }
            Some(Route::Nowhere) if mandatory => {
                let returned = basic::Return {
                    reply_code: 312,
                    ..Default::default()
                };
                let (properties, body) = (&message.properties, message.body.clone());
                desk.send_content(server, returned, properties, body);
            }
            _ => {}
        }
    }

    fn method(&mut self, channel: ChannelId, method: &Method<'_>, server: &mut Peer) {
        let Some(desk) = self.desks.iter_mut().find(|desk| desk.channel == channel) else {
            return;
        };
        match method {
            Method::QueueDeclare(declare) => {
                let queue = declare.queue;
                desk.send(
                    server,
                    queue::DeclareOk {
                        queue,
                        ..Default::default()
                    },
                );
            }
            Method::ConfirmSelect(_) => desk.send(server, confirm::SelectOk {}),
            Method::BasicQos(qos) => {
                desk.prefetch = qos.prefetch_count.into();
                desk.send(server, basic::QosOk {});
            }
            Method::BasicConsume(consume) => {
                let started = Late::Started(consume.consumer_tag.to_owned(), consume.no_ack);
                desk.late.push(started);
            }
            Method::BasicCancel(cancel) => {
                desk.consumers.remove(cancel.consumer_tag);
                desk.late
                    .push(Late::Stopped(cancel.consumer_tag.to_owned()));
            }
            Method::BasicGet(get) => match self.ready.pop_front() {
                None => desk.send(server, basic::GetEmpty {}),
                Some(stored) => {
                    let get_ok = basic::GetOk {
                        delivery_tag: desk.next_delivery,
                        redelivered: stored.redelivered,
                        ..Default::default()
                    };
                    desk.hand_out(server, get_ok, stored, get.no_ack);
                    if get.no_ack {
                        self.given.insert(stored.id);
                    }
                }
            },
            Method::BasicRecover(_) => {
                desk.send(server, basic::RecoverOk {});
                let unacked = std::mem::take(&mut desk.unacked);
                desk.recovered = desk.next_delivery;
                self.requeue(unacked.into_values());
            }
            Method::BasicAck(ack) => {
                let settled = desk.settle(ack.delivery_tag, ack.multiple);
                self.gone.extend(settled.iter().map(|stored| stored.id));
            }
            Method::BasicNack(nack) => {
                let settled = desk.settle(nack.delivery_tag, nack.multiple);
                self.reject(&settled, nack.requeue);
            }
            Method::BasicReject(reject) => {
                let settled = desk.settle(reject.delivery_tag, false);
                self.reject(&settled, reject.requeue);
            }
            Method::BasicCancelOk(_) | Method::ChannelFlowOk(_) => {}
            other => panic!("unexpected {}", other.name()),
        }
    }

    fn reject(&mut self, rejected: &[Stored], requeue: bool) {
        if requeue {
            self.requeue(rejected.iter().copied());
        } else {
            self.gone.extend(rejected.iter().map(|stored| stored.id));
        }
    }

    /// Sends some messages to the consumers of a channel, its own if there are none else.
    fn deliver(&mut self, at: usize, server: &mut Peer, rng: &mut fastrand::Rng) {
        let desk = &mut self.desks[at];
        for _ in 0..rng.usize(..6) {
            let Some((tag, no_ack)) = rng.choice(&desk.consumers) else {
                return;
            };
            let is_full = desk.prefetch > 0 && desk.unacked.len() >= desk.prefetch;
            if is_full && !no_ack {
                return;
            }
            let stored = self.ready.pop_front().unwrap_or_else(|| {
                let id = 2 * self.own_messages + 1;
                self.own_messages += 1;
                self.queued.insert(id);
                let redelivered = false;
                Stored { id, redelivered }
            });
            let (tag, no_ack) = (tag.clone(), *no_ack);
            let deliver = basic::Deliver {
                consumer_tag: &tag,
                delivery_tag: desk.next_delivery,
                redelivered: stored.redelivered,
                ..Default::default()
            };
            desk.hand_out(server, deliver, stored, no_ack);
            if no_ack {
                self.given.insert(stored.id);
            }
        }
    }
}

impl Desk {
    fn new(channel: ChannelId) -> Self {
        Self {
            channel,
            next_delivery: 1,
            unacked: BTreeMap::new(),
            unconfirmed: BTreeMap::new(),
            consumers: BTreeMap::new(),
            late: Vec::new(),
            prefetch: 0,
            flowing: true,
            recovered: 0,
        }
    }

    /// Sends a message under the next delivery tag.
    fn hand_out<'a>(
        &mut self,
        server: &mut Peer,
        method: impl Into<Method<'a>>,
        stored: Stored,
        no_ack: bool,
    ) {
        if !no_ack {
            self.unacked.insert(self.next_delivery, stored);
        }
        self.next_delivery += 1;
        let properties = with_id(&stored.id.to_string());
        self.send_content(server, method, &properties, body(stored.id).into());
    }

    /// As RabbitMQ: settling what is not unacknowledged is an error of the client.
    fn settle(&mut self, tag: u64, multiple: bool) -> Vec<Stored> {
        let Some(last) = self.unacked.remove(&tag) else {
            assert!(tag < self.recovered, "406 unknown delivery tag {tag}");
            return Vec::new();
        };
        let mut settled = Vec::new();
        if multiple {
            let later = self.unacked.split_off(&tag);
            settled.extend(std::mem::replace(&mut self.unacked, later).into_values());
        }
        settled.push(last);
        settled
    }

    /// Confirms some of the publishes, in any order, many with one frame where that is the truth.
    fn confirm(&mut self, server: &mut Peer, rng: &mut fastrand::Rng) {
        while !self.unconfirmed.is_empty() && rng.bool() {
            let Some((&tag, &refused)) = rng.choice(&self.unconfirmed) else {
                return;
            };
            let before = self.unconfirmed.range(..tag);
            let same = before.clone().all(|(_, other)| *other == refused);
            let multiple = same && rng.bool();
            let delivery_tag = tag;
            if refused {
                let requeue = false;
                self.send(
                    server,
                    basic::Nack {
                        delivery_tag,
                        multiple,
                        requeue,
                    },
                );
            } else {
                self.send(
                    server,
                    basic::Ack {
                        delivery_tag,
                        multiple,
                    },
                );
            }
            self.unconfirmed.remove(&tag);
            if multiple {
                self.unconfirmed = self.unconfirmed.split_off(&tag);
            }
        }
    }

    fn answer_late(&mut self, server: &mut Peer, rng: &mut fastrand::Rng, now: bool) {
        while let Some(next) = self.late.first()
            && (now || rng.bool())
        {
            match next {
                Late::Started(tag, no_ack) => {
                    self.send(server, basic::ConsumeOk { consumer_tag: tag });
                    self.consumers.insert(tag.clone(), *no_ack);
                }
                Late::Stopped(tag) => self.send(server, basic::CancelOk { consumer_tag: tag }),
            }
            self.late.remove(0);
        }
    }

    fn set_flow(&mut self, server: &mut Peer, active: bool) {
        if active != self.flowing {
            self.flowing = active;
            self.send(server, channel::Flow { active });
        }
    }

    fn send<'a>(&self, server: &mut Peer, method: impl Into<Method<'a>>) {
        check(&server.connection.send(self.channel, &method.into()));
    }

    fn send_content<'a>(
        &self,
        server: &mut Peer,
        method: impl Into<Method<'a>>,
        properties: &BasicProperties<'_>,
        body: Bytes,
    ) {
        let sent = server
            .connection
            .send_content(self.channel, &method.into(), properties, body);
        check(&sent);
    }
}

/// Channel and connection may be closed meanwhile; nothing else may go wrong.
fn check(sent: &Result<(), SendError>) {
    use SendError::{ChannelClosed, ConnectionClosed};
    assert!(
        matches!(sent, Ok(()) | Err(ChannelClosed | ConnectionClosed)),
        "{sent:?}"
    );
}
