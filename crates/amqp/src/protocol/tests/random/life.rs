//! One connection of a history, from the handshake to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{
    account::{Account, Route, body},
    broker::Broker,
    sabotage::Saboteur,
};
use crate::{
    codec::methods::{basic, confirm},
    protocol::{
        ChannelId, CloseReason, Delivery, Event, Publish, PublishTag, Reply, RequestId, SendError,
        ServerConfig,
        tests::{
            declare,
            pair::{self, Pair, client_config},
            with_id,
        },
    },
};

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// In order, when everything is settled.
    Settled,
    /// It breaks, in the middle of a frame or not, and both ends notice.
    Cut,
    /// Bytes vanish, both ways or one way.
    Silence,
    /// One end says good-bye while everything is under way.
    ByClient,
    ByServer,
    ByBoth,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Plain,
    Consume { tag: &'static str, no_ack: bool },
    Cancel { tag: &'static str },
    Get { no_ack: bool },
    Recover,
}

/// How far a consumer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consumer {
    Running { no_ack: bool },
    Stopping { no_ack: bool },
}

pub(super) struct Life<'a> {
    pair: Pair,
    broker: &'a mut Broker,
    account: &'a mut Account,
    rng: fastrand::Rng,
    saboteur: Option<Saboteur>,
    end: End,
    max_body: u64,
    channels: Vec<ChannelId>,
    requests: BTreeMap<RequestId, (ChannelId, Asked)>,
    /// Answers that come in the order of their requests, by channel.
    in_order: BTreeMap<ChannelId, Vec<RequestId>>,
    publishes: BTreeMap<(ChannelId, PublishTag), u64>,
    consumers: BTreeMap<(ChannelId, &'static str), Consumer>,
    /// Consumer tags that were given up before they started.
    spoiled: BTreeSet<(ChannelId, &'static str)>,
    /// Unsettled deliveries.
    held: BTreeMap<(ChannelId, u64), u64>,
    newest: BTreeMap<ChannelId, u64>,
    /// What was acknowledged on which channel.
    acked: BTreeMap<u64, ChannelId>,
    blocked: bool,
    over: Option<CloseReason>,
}

impl<'a> Life<'a> {
    pub(super) fn new(
        broker: &'a mut Broker,
        account: &'a mut Account,
        mut rng: fastrand::Rng,
        saboteur: Option<Saboteur>,
    ) -> Self {
        let mut client = client_config();
        client.frame_max = [4096, 10_000, 131_072][rng.usize(..3)];
        client.heartbeat = Duration::from_secs(rng.u64(..3));
        client.max_body_size = [1 << 20, 100_000][usize::from(rng.u8(..4) == 0)];
        let max_body = client.max_body_size;
        let mut pair = Pair::connected_with(client, ServerConfig::default(), rng.u64(..));
        pair.latency = Duration::from_millis(rng.u64(..200));
        pair.cut_frames = rng.bool();
        let ends = [
            End::Settled,
            End::Settled,
            End::Cut,
            End::Silence,
            End::ByClient,
            End::ByServer,
            End::ByBoth,
        ];
        Self {
            end: ends[rng.usize(..ends.len())],
            pair,
            broker,
            account,
            rng,
            saboteur,
            max_body,
            channels: Vec::new(),
            requests: BTreeMap::new(),
            in_order: BTreeMap::new(),
            publishes: BTreeMap::new(),
            consumers: BTreeMap::new(),
            spoiled: BTreeSet::new(),
            held: BTreeMap::new(),
            newest: BTreeMap::new(),
            acked: BTreeMap::new(),
            blocked: false,
            over: None,
        }
    }

    pub(super) fn live(mut self) {
        for _ in 0..self.rng.usize(5..60) {
            self.act();
            if self.rng.u8(..12) == 0 {
                self.broker.act(&mut self.pair.server, &mut self.rng);
            }
            self.turn();
            assert_eq!(self.over, None, "nobody has ended the connection");
        }
        if self.rng.u8(..8) == 0 {
            // Far longer than heartbeats allow anybody to be silent.
            self.pair.advance(Duration::from_mins(2));
            self.turn();
        }
        match self.end {
            End::Settled => self.settle_all(),
            End::Cut => self.pair.cut(),
            End::Silence => {
                let which = self.rng.usize(..3);
                self.pair.silent = which == 0;
                self.pair.unheard = [None, Some(pair::End::Client), Some(pair::End::Server)][which];
                self.pair.advance(Duration::from_secs(self.rng.u64(..10)));
                self.listen();
                self.close_client();
                self.pair.advance(Duration::from_mins(1));
            }
            End::ByClient => self.close_client(),
            End::ByServer => self.close_server(),
            End::ByBoth => {
                self.close_client();
                self.close_server();
            }
        }
        for _ in 0..20 {
            self.turn();
        }
        // Whoever has not heard of it learns by the end of the stream.
        self.pair.cut();
        self.broker_turn();
        self.listen();
        assert!(self.over.is_some(), "the end was told");
        self.check_reason();
        assert!(self.channels.is_empty(), "each channel has an end");
        assert_eq!(self.requests, BTreeMap::new(), "each request has an end");
        assert_eq!(self.publishes, BTreeMap::new(), "each publish has an end");
    }

    fn close_client(&mut self) {
        self.pair.client.connection.close(200, "bye", self.pair.now);
    }

    fn close_server(&mut self) {
        self.pair.server.connection.close(320, "bye", self.pair.now);
    }

    /// Lets everything come to its end, without a failure.
    fn settle_all(&mut self) {
        self.broker.hush(&mut self.pair.server);
        for _ in 0..2000 {
            let answered = self.requests.is_empty() && self.publishes.is_empty();
            if answered && self.pair.is_idle() {
                break;
            }
            self.turn();
        }
        assert_eq!(self.requests, BTreeMap::new(), "each request is answered");
        assert_eq!(self.publishes, BTreeMap::new(), "each publish is confirmed");
        for (channel, tag) in self.held.keys().copied().collect::<Vec<_>>() {
            self.ack(channel, tag, false).expect("it was not settled");
        }
        self.pair.drive();
        self.broker_turn();
        assert_eq!(self.broker.unacked(), 0, "what was settled has arrived");
        let open = self
            .acked
            .iter()
            .filter(|(_, on)| self.channels.contains(on));
        for (id, _) in open {
            assert!(self.broker.has_gone(*id), "{id} was acknowledged");
        }
        self.listen();
        assert_eq!(self.blocked, self.broker.is_blocked());
        assert!(self.pair.client.connection.is_connected());
        self.close_client();
    }

    fn check_reason(&self) {
        let reason = self.over.as_ref().expect("it is over");
        let expected = match reason {
            CloseReason::Local => self.end != End::Cut && self.end != End::ByServer,
            CloseReason::Peer { close, .. } => {
                close.code == 320 && matches!(self.end, End::ByServer | End::ByBoth)
            }
            CloseReason::Disconnected { .. } => matches!(self.end, End::Cut | End::ByServer),
            CloseReason::HeartbeatMissed { .. } => self.end == End::Silence,
            _ => false,
        };
        assert!(expected, "{reason:?} by {:?}", self.end);
    }

    fn turn(&mut self) {
        let pause = Duration::from_millis(self.rng.u64(..300));
        self.pair.advance(pause);
        self.broker_turn();
        self.listen();
    }

    fn broker_turn(&mut self) {
        self.broker.serve(&mut self.pair.server, &mut self.rng);
    }

    /// Does something that a client might do.
    fn act(&mut self) {
        if self.channels.is_empty() || self.rng.u8(..20) == 0 {
            return self.open();
        }
        let at = self.rng.usize(..self.channels.len());
        let channel = self.channels[at];
        match self.rng.u8(..24) {
            0 => {
                let connection = &mut self.pair.client.connection;
                match connection.close_channel(channel, 200, "bye") {
                    // Its end is told later; it can't be used from now on.
                    Ok(()) => {
                        self.channels.remove(at);
                        self.held.retain(|(on, _), _| *on != channel);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            1..4 => self.ask(channel, Asked::Plain),
            4 => self.ask(channel, Asked::Recover),
            5 => {
                let no_ack = self.rng.bool();
                self.ask(channel, Asked::Get { no_ack });
            }
            6..8 => self.consume(channel),
            8 => self.cancel(channel),
            9 => {
                if let Some((request, (channel, asked))) = self.pop_request() {
                    self.pair.client.connection.abandon(channel, request);
                    if let Asked::Consume { tag, .. } = asked {
                        self.spoiled.insert((channel, tag));
                    }
                }
            }
            10..16 => {
                for _ in 0..self.rng.usize(..10) {
                    self.publish(channel);
                }
            }
            _ => self.settle_some(),
        }
    }

    fn open(&mut self) {
        let channel = self.pair.client.connection.open_channel().unwrap();
        self.channels.push(channel);
        let connection = &mut self.pair.client.connection;
        let select = confirm::Select::default().into();
        let request = connection.request(channel, &select).unwrap();
        self.asked(channel, request, Asked::Plain);
        if self.rng.bool() {
            let qos = basic::Qos {
                prefetch_count: self.rng.u16(..20),
                ..Default::default()
            };
            let connection = &mut self.pair.client.connection;
            let request = connection.request(channel, &qos.into()).unwrap();
            self.asked(channel, request, Asked::Plain);
        }
        self.consume(channel);
    }

    fn consume(&mut self, channel: ChannelId) {
        let tag = ["a", "b", "c"][self.rng.usize(..3)];
        let starting = self.requests.values().any(|(on, asked)| {
            *on == channel && matches!(asked, Asked::Consume { tag: other, .. } if *other == tag)
        });
        let taken = starting
            || self.consumers.contains_key(&(channel, tag))
            || self.spoiled.contains(&(channel, tag));
        if !taken {
            let no_ack = self.rng.u8(..5) == 0;
            self.ask(channel, Asked::Consume { tag, no_ack });
        }
    }

    fn cancel(&mut self, channel: ChannelId) {
        let running = self.consumers.iter_mut();
        let next = running.filter_map(|((on, tag), consumer)| match *consumer {
            Consumer::Running { no_ack } if *on == channel => Some((*tag, no_ack, consumer)),
            _ => None,
        });
        if let Some((tag, no_ack, consumer)) = self.rng.choice(next.collect::<Vec<_>>()) {
            *consumer = Consumer::Stopping { no_ack };
            self.ask(channel, Asked::Cancel { tag });
        }
    }

    fn ask(&mut self, channel: ChannelId, asked: Asked) {
        let method = match asked {
            Asked::Plain => declare("q"),
            Asked::Consume { tag, no_ack } => basic::Consume {
                consumer_tag: tag,
                no_ack,
                ..Default::default()
            }
            .into(),
            Asked::Cancel { tag } => basic::Cancel {
                consumer_tag: tag,
                no_wait: false,
            }
            .into(),
            Asked::Get { no_ack } => basic::Get { queue: "q", no_ack }.into(),
            Asked::Recover => basic::Recover { requeue: true }.into(),
        };
        let request = self.pair.client.connection.request(channel, &method);
        self.asked(channel, request.unwrap(), asked);
    }

    fn asked(&mut self, channel: ChannelId, request: RequestId, asked: Asked) {
        if !matches!(asked, Asked::Consume { .. } | Asked::Cancel { .. }) {
            self.in_order.entry(channel).or_default().push(request);
        }
        self.requests.insert(request, (channel, asked));
    }

    /// A request that is given up. What would leave the account unclear is not.
    fn pop_request(&mut self) -> Option<(RequestId, (ChannelId, Asked))> {
        let kept = |asked: &Asked| matches!(asked, Asked::Recover | Asked::Cancel { .. });
        let given_up = self.requests.iter();
        let given_up = given_up.filter(|(_, (_, asked))| !kept(asked));
        let given_up = given_up.map(|(request, _)| *request).collect::<Vec<_>>();
        let request = self.rng.choice(given_up)?;
        let (channel, asked) = self.requests.remove(&request)?;
        if let Asked::Get { no_ack: true } = asked {
            // Its message would be lost.
            self.requests.insert(request, (channel, asked));
            return None;
        }
        self.forget_order(channel, request);
        Some((request, (channel, asked)))
    }

    fn publish(&mut self, channel: ChannelId) {
        let route = match self.rng.u8(..40) {
            0 => Route::Missing,
            1..4 => Route::Full,
            4..12 => Route::Nowhere,
            _ => Route::Queue,
        };
        let mandatory = self.rng.bool();
        let id = self.account.publish(route, mandatory);
        let properties = with_id(&id.to_string());
        let publish = Publish {
            exchange: "",
            routing_key: route.key(),
            mandatory,
            properties: &properties,
            body: body(id).into(),
        };
        let connection = &mut self.pair.client.connection;
        match connection.publish(channel, &publish) {
            Ok(tag) => {
                let tag = tag.expect("the channel confirms");
                let before = self.publishes.insert((channel, tag), id);
                assert_eq!(before, None, "tag {tag} is given once");
            }
            Err(SendError::FlowStopped) => {
                assert!(connection.is_flow_stopped(channel));
                self.account.take_back(id);
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn settle_some(&mut self) {
        for _ in 0..self.rng.usize(..20) {
            let held = self.held.keys().copied();
            let Some((channel, tag)) = self.rng.choice(held.collect::<Vec<_>>()) else {
                return;
            };
            // What comes back all at once can't be settled meanwhile.
            let recovers =
                |(on, asked): &(ChannelId, Asked)| *on == channel && *asked == Asked::Recover;
            if self.requests.values().any(recovers) {
                continue;
            }
            let what = self.rng.u8(..8);
            let multiple = what > 0 && self.rng.u8(..8) == 0;
            let tag = if multiple && self.rng.bool() { 0 } else { tag };
            let requeue = self.rng.bool();
            let connection = &mut self.pair.client.connection;
            let settled = match what {
                0 => connection.reject(channel, tag, requeue),
                1 => connection.nack(channel, tag, multiple, requeue),
                _ => self.ack(channel, tag, multiple),
            };
            if let Err(error) = settled {
                panic!("{tag} on {channel:?}: {error}");
            }
            if what < 2 {
                for id in self.take_held(channel, tag, multiple) {
                    if !requeue {
                        self.account.done.insert(id);
                    }
                }
            }
        }
    }

    fn ack(&mut self, channel: ChannelId, tag: u64, multiple: bool) -> Result<(), SendError> {
        let lost = self.saboteur.as_mut().is_some_and(Saboteur::loses_ack);
        if !lost {
            self.pair.client.connection.ack(channel, tag, multiple)?;
        }
        for id in self.take_held(channel, tag, multiple) {
            self.account.done.insert(id);
            self.acked.insert(id, channel);
        }
        Ok(())
    }

    fn take_held(&mut self, channel: ChannelId, tag: u64, multiple: bool) -> Vec<u64> {
        let (from, to) = match (tag, multiple) {
            (0, true) => (0, u64::MAX),
            (tag, true) => (0, tag),
            (tag, false) => (tag, tag),
        };
        let settled = self.held.range((channel, from)..=(channel, to));
        let settled: Vec<_> = settled.map(|(key, id)| (*key, *id)).collect();
        for (key, _) in &settled {
            self.held.remove(key);
        }
        settled.into_iter().map(|(_, id)| id).collect()
    }

    fn listen(&mut self) {
        for event in self.pair.client.take_events() {
            let reported = match &mut self.saboteur {
                Some(saboteur) => saboteur.report(event),
                None => vec![event],
            };
            for event in reported {
                self.heard(event);
            }
        }
    }

    fn heard(&mut self, event: Event) {
        assert_eq!(self.over, None, "nothing comes behind the end");
        match event {
            Event::ChannelOpened { .. } | Event::Flow { .. } => {}
            Event::Reply {
                channel,
                request,
                reply,
            } => self.answered(channel, request, reply),
            Event::Delivery { channel, delivery } => {
                let tag = &*delivery.consumer_tag;
                let tag = ["a", "b", "c"].into_iter().find(|known| *known == tag);
                let consumer = tag.and_then(|tag| self.consumers.get(&(channel, tag)));
                let Some(&Consumer::Running { no_ack } | &Consumer::Stopping { no_ack }) = consumer
                else {
                    panic!("{tag:?} does not consume on {channel:?}");
                };
                self.took(channel, &delivery, no_ack);
            }
            Event::Discarded { body_size, .. } => {
                assert!(body_size > self.max_body);
                self.account.discarded += 1;
            }
            Event::ConsumerCancelled {
                channel,
                consumer_tag,
            } => {
                let running = |(on, tag): &(ChannelId, &str), consumer: &mut Consumer| {
                    *on == channel
                        && **tag == *consumer_tag
                        && matches!(consumer, Consumer::Running { .. })
                };
                self.consumers
                    .retain(|key, consumer| !running(key, consumer));
            }
            Event::Confirmed {
                channel,
                tag,
                outcome,
            } => {
                let id = self.publishes.remove(&(channel, tag));
                self.account
                    .end(id.expect("it waits for its confirm"), Some(outcome));
            }
            Event::ChannelClosed {
                channel, unsettled, ..
            } => {
                self.channels.retain(|open| *open != channel);
                for request in unsettled.requests {
                    let asked = self.requests.remove(&request);
                    assert_eq!(asked.map(|(on, _)| on), Some(channel));
                }
                for tag in unsettled.publishes {
                    let id = self.publishes.remove(&(channel, tag));
                    self.account
                        .end(id.expect("it waits for its confirm"), None);
                }
                self.held.retain(|(on, _), _| *on != channel);
                self.consumers.retain(|(on, _), _| *on != channel);
                self.in_order.remove(&channel);
            }
            Event::Blocked { .. } => assert!(!std::mem::replace(&mut self.blocked, true)),
            Event::Unblocked => assert!(std::mem::replace(&mut self.blocked, false)),
            Event::Closed { reason } => self.over = Some(reason),
            other => panic!("unexpected {other:?}"),
        }
    }

    fn answered(&mut self, channel: ChannelId, request: RequestId, reply: Reply) {
        let (on, asked) = self.requests.remove(&request).expect("it was asked");
        assert_eq!(on, channel);
        if !matches!(asked, Asked::Consume { .. } | Asked::Cancel { .. }) {
            let first = self.in_order.get(&channel).and_then(|order| order.first());
            assert_eq!(first, Some(&request), "answers keep their order");
            self.forget_order(channel, request);
        }
        match (asked, reply) {
            (Asked::Plain, Reply::Done | Reply::QueueDeclared { .. })
            | (Asked::Get { .. }, Reply::NoMessage) => {}
            (Asked::Consume { tag, no_ack }, Reply::ConsumerStarted { consumer_tag }) => {
                assert_eq!(*consumer_tag, *tag);
                let running = Consumer::Running { no_ack };
                let before = self.consumers.insert((channel, tag), running);
                assert_eq!(before, None);
            }
            (Asked::Cancel { tag }, Reply::ConsumerStopped { consumer_tag }) => {
                assert_eq!(*consumer_tag, *tag);
                let before = self.consumers.remove(&(channel, tag));
                assert!(matches!(before, Some(Consumer::Stopping { .. })));
            }
            (Asked::Get { no_ack }, Reply::Message { delivery, .. }) => {
                self.took(channel, &delivery, no_ack);
            }
            (Asked::Recover, Reply::Done) => self.held.retain(|(on, _), _| *on != channel),
            other => panic!("no answer: {other:?}"),
        }
    }

    fn took(&mut self, channel: ChannelId, delivery: &Delivery, no_ack: bool) {
        let id = delivery.properties.message_id.as_deref();
        let id = id.and_then(|id| id.parse().ok()).expect("a message id");
        assert!(delivery.body == body(id), "message {id} has its own body");
        let tag = delivery.delivery_tag;
        let newest = self.newest.insert(channel, tag);
        assert!(newest.is_none_or(|newest| newest < tag), "tags rise");
        self.account.delivered(id, delivery.redelivered);
        // It comes again if its acknowledgement crossed the end of its channel.
        self.acked.remove(&id);
        if no_ack {
            self.account.done.insert(id);
        } else {
            self.held.insert((channel, tag), id);
        }
    }

    fn forget_order(&mut self, channel: ChannelId, request: RequestId) {
        if let Some(order) = self.in_order.get_mut(&channel) {
            order.retain(|other| *other != request);
        }
    }
}
