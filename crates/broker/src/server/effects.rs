//! What commands mean for others: deliveries, consumers that end, changes to keep.

use std::sync::Arc;
use std::time::Instant;

use bergen_amqp::codec::methods::basic;
use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};
use bergen_amqp::protocol;

use super::session::Session;
use super::state::{Host, State};
use crate::core::{Delivery, Effect, Extra, Message};

impl State {
    /// Carries out what a command in this host has led to.
    pub(super) fn effects(&mut self, at: usize, now: Instant) {
        let Some(host) = self.hosts.get_mut(at).and_then(Option::as_mut) else {
            return;
        };
        let limit = self.settings.limits.write_buffer;
        while let Some(effect) = host.core.poll_effect() {
            match effect {
                Effect::Deliver(delivery) => {
                    let Some(&route) = host.routes.get(&delivery.channel) else {
                        continue;
                    };
                    let Some(session) = self.sessions.get_mut(route.session) else {
                        continue;
                    };
                    host.counts.delivered += 1;
                    self.totals.delivered += 1;
                    if delivery.redelivered {
                        host.counts.redelivered += 1;
                        self.totals.redelivered += 1;
                    }
                    deliver(session, route.channel, &delivery);
                    stall(session, host, limit, now);
                    session.wake();
                }
                Effect::ConsumerCancelled {
                    channel,
                    consumer_tag,
                } => {
                    let Some(&route) = host.routes.get(&channel) else {
                        continue;
                    };
                    if let Some(session) = self.sessions.get_mut(route.session) {
                        consumer_ended(session, route.channel, &consumer_tag);
                        session.wake();
                    }
                }
                Effect::Store(change) => self.durable.add(&host.name, change),
            }
        }
    }

    /// Ends a turn: what clients wait for is on its way, what has changed goes to the log.
    pub(super) fn end_turn(&mut self, key: Option<usize>, now: Instant) {
        if let Some(session) = key.and_then(|key| self.sessions.get_mut(key)) {
            session.flush_confirms();
        }
        self.durable.commit();
        self.watch();
        self.arm(now);
    }

    /// A client has read what waited for it.
    pub(super) fn drained(&mut self, key: usize, now: Instant) {
        let limit = self.settings.limits.write_buffer;
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if !session.stalled || session.connection.pending_output_bytes() > limit / 4 {
            return;
        }
        session.stalled = false;
        let Some(membership) = session.membership else {
            return;
        };
        if let Some(host) = self.hosts.get_mut(membership.host).and_then(Option::as_mut) {
            host.core.set_reading(membership.id, true, now);
        }
        self.effects(membership.host, now);
        self.end_turn(Some(key), now);
    }

    /// Does what is due in the virtual hosts.
    pub(super) fn tick(&mut self, now: Instant) {
        for at in 0..self.hosts.len() {
            if let Some(host) = self.hosts.get_mut(at).and_then(Option::as_mut) {
                host.core.handle_timeout(now);
            }
            self.effects(at, now);
        }
        self.armed = None;
        self.end_turn(None, now);
    }

    /// Has the clock ring earlier, if something is due earlier than it knows.
    fn arm(&mut self, now: Instant) {
        let hosts = self.hosts.iter().flatten();
        let Some(next) = hosts.filter_map(|host| host.core.poll_timeout()).min() else {
            return;
        };
        if self.armed.is_none_or(|armed| next < armed) {
            self.armed = Some(next.max(now));
            self.clock.notify_one();
        }
    }
}

impl Session {
    /// Sends the confirms of this turn.
    pub(super) fn flush_confirms(&mut self) {
        while let Some(number) = self.confirming.pop() {
            let Self {
                channels,
                connection,
                ..
            } = self;
            let Some(channel) = channels
                .get_mut(usize::from(number))
                .and_then(Option::as_deref_mut)
            else {
                continue;
            };
            let wire = channel.wire;
            if let Some(confirms) = &mut channel.confirms {
                confirms.flush(|confirm| {
                    let (delivery_tag, multiple) = (confirm.tag, confirm.multiple);
                    let method = if confirm.taken {
                        basic::Ack {
                            delivery_tag,
                            multiple,
                        }
                        .into()
                    } else {
                        basic::Nack {
                            delivery_tag,
                            multiple,
                            requeue: false,
                        }
                        .into()
                    };
                    if let Err(error) = connection.send(wire, &method) {
                        tracing::debug!(%error, "a confirm has nobody to go to");
                    }
                });
            }
        }
    }
}

/// Nothing more is delivered to a client while so much waits for its socket.
fn stall(session: &mut Session, host: &mut Host, limit: usize, now: Instant) {
    if session.stalled || session.connection.pending_output_bytes() <= limit {
        return;
    }
    session.stalled = true;
    if let Some(membership) = session.membership {
        host.core.set_reading(membership.id, false, now);
    }
}

fn deliver(session: &mut Session, wire: protocol::ChannelId, delivery: &Delivery) {
    let Some(channel) = session.channel_mut(wire) else {
        return;
    };
    channel.counts.delivered += 1;
    channel.counts.redelivered += u64::from(delivery.redelivered);
    let message = &*delivery.message;
    let method = basic::Deliver {
        consumer_tag: &delivery.consumer_tag,
        delivery_tag: delivery.delivery_tag,
        redelivered: delivery.redelivered,
        exchange: &message.exchange,
        routing_key: &message.routing_key,
    };
    send_message(session, wire, &method.into(), message, delivery.extra);
}

/// Sends a message to a client, with the header that it has only on its way there.
pub(super) fn send_message(
    session: &mut Session,
    wire: protocol::ChannelId,
    method: &bergen_amqp::codec::Method<'_>,
    message: &Message,
    extra: Option<Extra>,
) {
    let body = message.body.clone();
    let sent = match extra {
        None => session
            .connection
            .send_content(wire, method, &message.properties, body),
        Some(extra) => {
            let properties = with_extra(&message.properties, extra);
            session
                .connection
                .send_content(wire, method, &properties, body)
        }
    };
    if let Err(error) = sent {
        // Its properties do not fit the frames that this client takes.
        tracing::warn!(connection = %session.name, %error, "a message cannot be sent");
    }
}

fn with_extra(properties: &BasicProperties<'static>, extra: Extra) -> BasicProperties<'static> {
    let (name, value) = match extra {
        Extra::StreamOffset(offset) => ("x-stream-offset", offset),
        Extra::DeliveryCount(count) => ("x-delivery-count", count.into()),
    };
    let mut properties = properties.clone();
    let value = FieldValue::from(i64::try_from(value).unwrap_or(i64::MAX));
    properties
        .headers
        .get_or_insert_with(FieldTable::new)
        .insert(name, value);
    properties
}

fn consumer_ended(session: &mut Session, wire: protocol::ChannelId, consumer_tag: &Arc<str>) {
    if let Some(channel) = session.channel_mut(wire)
        && let Some(direct_reply) = &channel.direct_reply
        && direct_reply.consumer_tag == *consumer_tag
    {
        channel.direct_reply = None;
    }
    if session.cancel_notify {
        let method = basic::Cancel {
            consumer_tag,
            no_wait: true,
        };
        session.send(wire, method);
    }
}
