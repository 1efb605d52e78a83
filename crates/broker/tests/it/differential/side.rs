//! One broker while a program runs on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use bergen_amqp::codec::{
    BasicProperties, FieldTable, FieldValue,
    methods::{basic, channel, confirm, connection, exchange, queue},
};

use super::{
    bugs::Bug,
    names::Names,
    program::{Argument, CHANNELS, Drawn, Match, QUEUES, Settle, Step},
    wire::{Content, Place, Said, Wire},
};

/// Which connection and which channel there a channel of the program is.
const PLACES: [(usize, u16); CHANNELS] = [(0, 1), (0, 2), (1, 1)];

/// The clients of one broker.
#[derive(Debug)]
pub(super) struct Side {
    place: Place,
    names: Names,
    wires: Vec<Wire>,
    /// Asks for all queues, each on its own channel: a queue that is not there closes it.
    prober: Wire,
    channels: [Channel; CHANNELS],
    probes: Vec<String>,
    bug: Option<Bug>,
    step: usize,
}

/// What the broker said on a channel.
#[derive(Debug, Default)]
struct Channel {
    heard: Heard,
    /// Delivery tags that wait to be settled.
    held: Vec<u64>,
    /// What was consumed or got here.
    queues: BTreeSet<usize>,
    consumers: Vec<String>,
    confirmed: BTreeSet<u64>,
    published: u64,
    /// Whether the last `basic.get` is to be settled.
    get_needs_ack: bool,
}

/// What was heard in one step, in an order that does not depend on how queues of the broker race.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Heard {
    answers: Vec<String>,
    deliveries: BTreeMap<String, Vec<(Content, Tag)>>,
    confirms: BTreeMap<u64, bool>,
}

/// A delivery tag. Which one a delivery has depends on races between queues.
#[derive(Debug, Clone, Copy)]
struct Tag(u64);

impl PartialEq for Tag {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// All that a step did that can be seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    channels: Vec<Heard>,
    queues: Vec<String>,
}

impl View {
    /// What is here and not the same there.
    pub(super) fn beside(&self, other: &Self) -> String {
        let mut text = String::new();
        for (number, (one, other)) in self.channels.iter().zip(&other.channels).enumerate() {
            if one != other {
                writeln!(text, "channel {number}: {one:#?}").unwrap();
            }
        }
        for (number, (one, other)) in self.queues.iter().zip(&other.queues).enumerate() {
            if one != other {
                writeln!(text, "queue {number}: {one}").unwrap();
            }
        }
        text
    }
}

impl Side {
    pub(super) fn new(place: &Place, names: Names, bug: Option<Bug>) -> Self {
        let mut side = Self {
            place: place.clone(),
            names,
            wires: vec![Wire::open(place, 2), Wire::open(place, 1)],
            prober: Wire::open(place, u16::try_from(QUEUES).unwrap()),
            channels: Default::default(),
            probes: Vec::new(),
            bug,
            step: 0,
        };
        for at in 0..CHANNELS {
            side.confirm(at);
        }
        side
    }

    /// Does what the step says and waits until the channel has heard all that comes of it at once.
    pub(super) fn act(&mut self, number: usize, step: &Step) {
        self.step = number;
        if let Some(at) = self.send(step) {
            // A closing channel is asked once it is open again.
            if !matches!(step, Step::Reopen { .. }) {
                self.mark(at);
            }
            self.hear_all(at);
        }
    }

    /// Asks for the queues and gives every channel the time to hear what they said before.
    pub(super) fn round(&mut self) {
        self.probe();
        for at in 0..CHANNELS {
            self.sync(at);
        }
    }

    pub(super) fn view(&self) -> View {
        View {
            channels: self
                .channels
                .iter()
                .map(|channel| channel.heard.clone())
                .collect(),
            queues: self.probes.clone(),
        }
    }

    /// The step is over: what was delivered can be settled from now on.
    pub(super) fn finish_step(&mut self) {
        for channel in &mut self.channels {
            let heard = std::mem::take(&mut channel.heard);
            for (consumer, deliveries) in heard.deliveries {
                let needs_ack = match consumer.as_str() {
                    "get" => channel.get_needs_ack,
                    consumer => !consumer.ends_with("no-ack"),
                };
                if needs_ack {
                    channel.held.extend(deliveries.iter().map(|(_, tag)| tag.0));
                }
            }
        }
    }

    /// Ends the connections and deletes what is left.
    pub(super) fn clean_up(mut self) {
        for wire in self.wires.drain(..) {
            wire.close();
        }
        let mut wire = Wire::open(&self.place, 1);
        for number in 0..QUEUES {
            wire.send(
                1,
                queue::Delete {
                    queue: &self.names.queue(number),
                    if_unused: false,
                    if_empty: false,
                    no_wait: false,
                },
            );
        }
        for name in self.names.own_exchanges() {
            wire.send(
                1,
                exchange::Delete {
                    exchange: &name,
                    if_unused: false,
                    no_wait: false,
                },
            );
        }
        wire.flush();
        wire.close();
        self.prober.close();
    }

    /// Sends the step; the channel that it was sent on, if it was not left out.
    fn send(&mut self, step: &Step) -> Option<usize> {
        let step = match self.bug {
            Some(bug) => bug.twisted(step),
            None => step.clone(),
        };
        let names = self.names.clone();
        let mut at = step.channel()?;
        if matches!(step, Step::Settle { .. }) {
            // Where there is something to settle.
            at = (at..at + CHANNELS)
                .map(|at| at % CHANNELS)
                .find(|at| !self.channels[*at].held.is_empty())?;
        }
        let (wire, number) = PLACES[at];
        let channel = &mut self.channels[at];
        let wire = &mut self.wires[wire];
        match step {
            Step::DeclareExchange {
                exchange,
                kind,
                flags,
                alternate,
                ..
            } => {
                let mut arguments = FieldTable::new();
                if let Some(alternate) = alternate {
                    arguments.insert("alternate-exchange", names.exchange(alternate));
                }
                wire.send(
                    number,
                    exchange::Declare {
                        exchange: &names.exchange(exchange),
                        kind: ["direct", "topic", "fanout", "headers", "nosuch"][kind],
                        passive: flags.passive,
                        durable: flags.durable,
                        auto_delete: flags.auto_delete,
                        internal: flags.internal,
                        no_wait: false,
                        arguments,
                    },
                );
            }
            Step::DeleteExchange {
                exchange,
                if_unused,
                ..
            } => wire.send(
                number,
                exchange::Delete {
                    exchange: &names.exchange(exchange),
                    if_unused,
                    no_wait: false,
                },
            ),
            Step::BindExchange {
                from,
                to,
                key,
                unbind,
                ..
            } => {
                let (source, destination) = (&*names.exchange(from), &*names.exchange(to));
                let (routing_key, arguments) = (&*names.key(key), FieldTable::new());
                if unbind {
                    wire.send(
                        number,
                        exchange::Unbind {
                            destination,
                            source,
                            routing_key,
                            no_wait: false,
                            arguments,
                        },
                    );
                } else {
                    wire.send(
                        number,
                        exchange::Bind {
                            destination,
                            source,
                            routing_key,
                            no_wait: false,
                            arguments,
                        },
                    );
                }
            }
            Step::DeclareQueue {
                queue,
                flags,
                arguments,
                ..
            } => wire.send(
                number,
                queue::Declare {
                    queue: &names.queue(queue),
                    passive: flags.passive,
                    durable: flags.durable,
                    exclusive: flags.exclusive,
                    auto_delete: flags.auto_delete,
                    no_wait: false,
                    arguments: declared(&names, &arguments),
                },
            ),
            Step::DeleteQueue {
                queue,
                if_unused,
                if_empty,
                ..
            } => wire.send(
                number,
                queue::Delete {
                    queue: &names.queue(queue),
                    if_unused,
                    if_empty,
                    no_wait: false,
                },
            ),
            Step::Purge { queue, .. } => wire.send(
                number,
                queue::Purge {
                    queue: &names.queue(queue),
                    no_wait: false,
                },
            ),
            Step::BindQueue {
                exchange,
                queue,
                key,
                header,
                unbind,
                ..
            } => {
                let (queue, exchange) = (&*names.queue(queue), &*names.exchange(exchange));
                let (routing_key, arguments) = (&*names.key(key), asked(header.as_ref()));
                if unbind {
                    wire.send(
                        number,
                        queue::Unbind {
                            queue,
                            exchange,
                            routing_key,
                            arguments,
                        },
                    );
                } else {
                    wire.send(
                        number,
                        queue::Bind {
                            queue,
                            exchange,
                            routing_key,
                            no_wait: false,
                            arguments,
                        },
                    );
                }
            }
            Step::Publish {
                exchange,
                key,
                mandatory,
                message,
                ..
            } => {
                channel.published += 1;
                // A key that is a queue's name where the default exchange is meant.
                let routing_key = match exchange {
                    0 if key < QUEUES => names.queue(key),
                    _ => names.key(key),
                };
                let publish = basic::Publish {
                    exchange: &names.exchange(exchange),
                    routing_key: &routing_key,
                    mandatory,
                    immediate: false,
                };
                let body = format!("{} {}", self.step, ".".repeat(message.size));
                wire.publish(
                    number,
                    publish,
                    &properties(&names, &message),
                    body.as_bytes(),
                );
            }
            Step::Consume {
                queue,
                no_ack,
                exclusive,
                priority,
                ..
            } => {
                channel.queues.insert(queue);
                let end = if no_ack { "no-ack" } else { "" };
                let tag = format!("c{}{end}", self.step);
                let mut arguments = FieldTable::new();
                if let Some(priority) = priority {
                    arguments.insert("x-priority", priority);
                }
                wire.send(
                    number,
                    basic::Consume {
                        queue: &names.queue(queue),
                        consumer_tag: &tag,
                        no_local: false,
                        no_ack,
                        exclusive,
                        no_wait: false,
                        arguments,
                    },
                );
                channel.consumers.push(tag);
            }
            Step::Cancel { which, .. } => {
                let tag = channel
                    .consumers
                    .get(which % channel.consumers.len().max(1));
                wire.send(
                    number,
                    basic::Cancel {
                        consumer_tag: tag.map_or("none", String::as_str),
                        no_wait: false,
                    },
                );
            }
            Step::Get { queue, no_ack, .. } => {
                channel.queues.insert(queue);
                channel.get_needs_ack = !no_ack;
                wire.send(
                    number,
                    basic::Get {
                        queue: &names.queue(queue),
                        no_ack,
                    },
                );
            }
            Step::Settle { which, how, .. } => {
                let mut tag = *channel.held.get(which % channel.held.len().max(1))?;
                if how.multiple() {
                    if channel.queues.len() > 1 {
                        // Which of them come first depends on a race.
                        tag = channel.held.iter().copied().max()?;
                    }
                    channel.held.retain(|other| *other > tag);
                } else {
                    channel.held.retain(|other| *other != tag);
                }
                settle(wire, number, tag, how);
            }
            Step::UnknownTag { how, .. } => settle(wire, number, 9999, how),
            Step::Recover { requeue, .. } => {
                channel.held.clear();
                wire.send(number, basic::Recover { requeue });
            }
            Step::Qos { count, global, .. } => wire.send(
                number,
                basic::Qos {
                    prefetch_size: 0,
                    prefetch_count: count,
                    global,
                },
            ),
            Step::Reopen { .. } => {
                wire.send(
                    number,
                    channel::Close {
                        reply_code: 200,
                        reply_text: "",
                        class_id: 0,
                        method_id: 0,
                    },
                );
                *channel = Channel::default();
            }
            Step::Wait => {}
        }
        Some(at)
    }

    fn confirm(&mut self, at: usize) {
        let (wire, number) = PLACES[at];
        self.wires[wire].send(number, confirm::Select { no_wait: false });
    }

    /// Reads until all that the broker had to say on this channel is heard.
    fn sync(&mut self, at: usize) {
        self.mark(at);
        self.hear_all(at);
    }

    /// Asks for the answer that comes behind all others.
    fn mark(&mut self, at: usize) {
        let (wire, number) = PLACES[at];
        self.wires[wire].send(number, channel::Flow { active: true });
    }

    fn hear_all(&mut self, at: usize) {
        let wire = PLACES[at].0;
        self.wires[wire].flush();
        loop {
            let (on, said) = self.wires[wire].next();
            let place = PLACES.iter().position(|place| *place == (wire, on));
            match said {
                Said::FlowOk if place == Some(at) => return,
                Said::ConnectionClosed(why) => {
                    self.reconnect(wire, &why);
                    return;
                }
                Said::ChannelClosed(why) => {
                    let place = place.unwrap();
                    self.reopen(place, why);
                    if place == at {
                        self.mark(at);
                    }
                    self.wires[wire].flush();
                }
                said => {
                    let is_closed = said == Said::Other("ChannelCloseOk(CloseOk)".to_owned());
                    self.hear(place.unwrap(), said);
                    if is_closed {
                        self.wires[wire].send(PLACES[at].1, channel::Open {});
                        self.confirm(at);
                        self.mark(at);
                        self.wires[wire].flush();
                    }
                }
            }
        }
    }

    fn hear(&mut self, at: usize, said: Said) {
        let bug = self.bug;
        let twisted = |mut what: Content| {
            if let Some(bug) = bug {
                bug.twist(&mut what);
            }
            what
        };
        let channel = &mut self.channels[at];
        let heard = &mut channel.heard;
        match said {
            Said::Deliver {
                consumer,
                tag,
                what,
            } => heard
                .deliveries
                .entry(consumer)
                .or_default()
                .push((twisted(what), Tag(tag))),
            Said::Got { tag, left, what } => {
                heard.answers.push(format!("got, {left} are left"));
                heard
                    .deliveries
                    .entry("get".to_owned())
                    .or_default()
                    .push((twisted(what), Tag(tag)));
            }
            Said::Confirmed { tag, multiple, ack } => {
                let first = if multiple { 1 } else { tag };
                for tag in first..=tag {
                    if channel.confirmed.insert(tag) {
                        heard.confirms.insert(tag, ack);
                    }
                }
            }
            Said::Other(text) => heard.answers.push(text),
            Said::FlowOk | Said::ChannelClosed(_) | Said::ConnectionClosed(_) => {}
        }
    }

    /// The broker closed a channel: it is opened again, as a new one.
    fn reopen(&mut self, at: usize, why: String) {
        let (wire, number) = PLACES[at];
        let mut heard = std::mem::take(&mut self.channels[at].heard);
        heard.answers.push(why);
        self.channels[at] = Channel {
            heard,
            ..Channel::default()
        };
        self.wires[wire].send(number, channel::CloseOk {});
        self.wires[wire].send(number, channel::Open {});
        self.confirm(at);
    }

    fn reconnect(&mut self, wire: usize, why: &str) {
        self.wires[wire].send(0, connection::CloseOk {});
        self.wires[wire].flush();
        let places: Vec<_> = (0..CHANNELS).filter(|at| PLACES[*at].0 == wire).collect();
        let channels = u16::try_from(places.len()).unwrap();
        self.wires[wire] = Wire::open(&self.place, channels);
        for at in places {
            let mut heard = std::mem::take(&mut self.channels[at].heard);
            heard.answers.push(why.to_owned());
            self.channels[at] = Channel {
                heard,
                ..Channel::default()
            };
            self.confirm(at);
        }
    }

    fn probe(&mut self) {
        let names = self.names.clone();
        for number in 0..QUEUES {
            let queue = names.queue(number);
            self.prober.send(
                u16::try_from(number + 1).unwrap(),
                queue::Declare {
                    queue: &queue,
                    passive: true,
                    durable: false,
                    exclusive: false,
                    auto_delete: false,
                    no_wait: false,
                    arguments: FieldTable::new(),
                },
            );
        }
        self.prober.flush();
        self.probes = vec![String::new(); QUEUES];
        for _ in 0..QUEUES {
            let (number, said) = self.prober.next();
            let text = match said {
                Said::Other(text) => text,
                Said::ChannelClosed(why) => {
                    self.prober.send(number, channel::CloseOk {});
                    why
                }
                other => panic!("{other:?}"),
            };
            self.probes[usize::from(number) - 1] = text;
        }
        for number in 1..=QUEUES {
            if self.probes[number - 1].contains("reply_code") {
                self.prober.open_channel(u16::try_from(number).unwrap());
            }
        }
    }
}

fn settle(wire: &mut Wire, number: u16, delivery_tag: u64, how: Settle) {
    match how {
        Settle::Ack { multiple } => wire.send(
            number,
            basic::Ack {
                delivery_tag,
                multiple,
            },
        ),
        Settle::Nack { multiple, requeue } => wire.send(
            number,
            basic::Nack {
                delivery_tag,
                multiple,
                requeue,
            },
        ),
        Settle::Reject { requeue } => wire.send(
            number,
            basic::Reject {
                delivery_tag,
                requeue,
            },
        ),
    }
}

/// What is short-lived lives this long, in milliseconds; a step takes a small part of it.
const SHORT: i32 = 1_500;

fn declared(names: &Names, arguments: &[Argument]) -> FieldTable<'static> {
    let mut table = FieldTable::new();
    for argument in arguments {
        let (name, value): (_, FieldValue<'static>) = match argument {
            Argument::MessageTtl(short) => {
                ("x-message-ttl", if *short { SHORT } else { 60_000 }.into())
            }
            Argument::Expires => ("x-expires", SHORT.into()),
            Argument::MaxLength(number) => ("x-max-length", (*number).into()),
            Argument::MaxBytes(number) => ("x-max-length-bytes", (*number).into()),
            Argument::Overflow(which) => (
                "x-overflow",
                ["drop-head", "reject-publish", "reject-publish-dlx"][*which].into(),
            ),
            Argument::DeadLetter(exchange) => {
                ("x-dead-letter-exchange", names.exchange(*exchange).into())
            }
            Argument::DeadKey(key) => ("x-dead-letter-routing-key", names.key(*key).into()),
            Argument::MaxPriority(number) => ("x-max-priority", (*number).into()),
            Argument::SingleActive(active) => ("x-single-active-consumer", (*active).into()),
            Argument::Kind(kind) => (
                "x-queue-type",
                ["classic", "classic", "quorum", "nosuch"][*kind].into(),
            ),
            Argument::DeliveryLimit(limit) => ("x-delivery-limit", (*limit).into()),
            Argument::Odd(which) => match which {
                0 => ("x-expires", 0.into()),
                1 => ("x-max-length", "many".into()),
                2 => ("x-overflow", "upwards".into()),
                3 => ("x-message-ttl", (-1).into()),
                4 => ("x-max-priority", FieldValue::I64(2)),
                _ => ("x-ha-policy", "all".into()),
            },
        };
        table.insert(name, value);
    }
    table
}

fn asked(header: Option<&Match>) -> FieldTable<'static> {
    match header {
        None => FieldTable::new(),
        Some(Match { kind, value }) => FieldTable::new()
            .with("x-match", ["all", "any", "all-with-x", "other"][*kind])
            .with("h", *value)
            .with("x-h", *value),
    }
}

fn properties(names: &Names, message: &Drawn) -> BasicProperties<'static> {
    let mut headers = FieldTable::new();
    if let Some(value) = message.header {
        headers.insert("h", value);
        headers.insert("x-h", value);
    }
    if let Some(which) = message.copies {
        let key = vec![FieldValue::from(names.key(which))];
        match which {
            0 => headers.insert("CC", key),
            1 => headers.insert("BCC", key),
            2 => headers.insert("CC", vec![FieldValue::from(names.queue(2))]),
            _ => headers.insert("CC", "no list"),
        };
    }
    BasicProperties {
        headers: (!headers.is_empty()).then_some(headers),
        delivery_mode: message.persistent.then_some(2),
        priority: message.priority,
        expiration: message.expiration.map(|which| match which {
            0 => "0".into(),
            1 => SHORT.to_string().into(),
            2 => "60000".into(),
            _ => "soon".into(),
        }),
        ..BasicProperties::default()
    }
}

impl Settle {
    fn multiple(self) -> bool {
        matches!(
            self,
            Self::Ack { multiple: true } | Self::Nack { multiple: true, .. }
        )
    }
}

impl Step {
    fn channel(&self) -> Option<usize> {
        Some(match self {
            Self::DeclareExchange { channel, .. }
            | Self::DeleteExchange { channel, .. }
            | Self::BindExchange { channel, .. }
            | Self::DeclareQueue { channel, .. }
            | Self::DeleteQueue { channel, .. }
            | Self::Purge { channel, .. }
            | Self::BindQueue { channel, .. }
            | Self::Publish { channel, .. }
            | Self::Consume { channel, .. }
            | Self::Cancel { channel, .. }
            | Self::Get { channel, .. }
            | Self::Settle { channel, .. }
            | Self::UnknownTag { channel, .. }
            | Self::Recover { channel, .. }
            | Self::Qos { channel, .. }
            | Self::Reopen { channel } => *channel,
            Self::Wait => return None,
        })
    }
}
