//! Methods about messages.

use std::sync::Arc;
use std::time::Instant;

use bergen_amqp::codec::methods::{MethodId, basic, tx};
use bergen_amqp::codec::reply_code;
use bergen_amqp::protocol::{self, Message, PublishTag};

use super::durable::Awaiting;
use super::effects::send_message;
use super::methods::{bounded, connection_refusal};
use super::reply_to::DIRECT_REPLY;
use super::state::{Scene, State};
use super::transaction::Step;
use crate::core::{self, Consume, Published, Refusal};

const PUBLISH: MethodId = basic::Publish::ID;

impl State {
    /// A client has published.
    pub(super) fn published(
        &mut self,
        key: usize,
        wire: protocol::ChannelId,
        (tag, mandatory, immediate): (Option<PublishTag>, bool, bool),
        mut message: Box<Message>,
        now: Instant,
    ) {
        let Some(mut scene) = self.scene(key) else {
            return;
        };
        if scene.session.channel(wire).is_none() {
            return;
        }
        let host = scene.session.membership.map(|membership| membership.host);
        let number = scene.session.number;
        let done = match scene.admit(wire, immediate, &mut message) {
            Ok(()) => match scene.defer(wire, mandatory, message) {
                Ok(Some(message)) => scene.publish(wire, mandatory, message, now).map(Some),
                Ok(None) => Ok(None),
                Err(refusal) => Err(refusal),
            },
            Err(refusal) => Err(refusal),
        };
        if let Some(host) = host {
            self.effects(host, now);
        }
        match done {
            Ok(Some(published)) => {
                if let Some(tag) = tag {
                    let waiting = Awaiting {
                        session: key,
                        number,
                        channel: wire,
                        tag,
                    };
                    self.confirm(waiting, published);
                }
            }
            Ok(None) => {}
            Err(refusal) => self.refuse(key, wire, &refusal, PUBLISH, now),
        }
        self.hold_publisher(key);
    }

    /// A publish is confirmed at the end of the turn, or when it has reached the disk.
    fn confirm(&mut self, publish: Awaiting, published: Published) {
        let later = published.stored && published.accepted && self.durable.is_kept();
        let Some(session) = self.sessions.get_mut(publish.session) else {
            return;
        };
        let Some(channel) = session.channel_mut(publish.channel) else {
            return;
        };
        let Some(confirms) = &mut channel.confirms else {
            return;
        };
        confirms.publish((!later).then_some(published.accepted));
        channel.counts.confirmed += 1;
        if later {
            self.durable.wait(publish);
        } else {
            session.confirm_later(publish.channel.number());
        }
    }

    /// `tx.commit`
    pub(super) fn commit(&mut self, key: usize, wire: protocol::ChannelId, now: Instant) {
        let Some(mut scene) = self.scene(key) else {
            return;
        };
        let Some(at) = scene.session.membership.map(|membership| membership.host) else {
            return;
        };
        let Ok(steps) = scene
            .transaction(wire)
            .map(super::transaction::Transaction::take)
        else {
            return;
        };
        for step in steps {
            let Some(mut scene) = self.scene(key) else {
                return;
            };
            let Some(id) = scene.session.channel(wire).map(|channel| channel.id) else {
                return;
            };
            let done = match step {
                Step::Publish { message, mandatory } => {
                    scene.publish(wire, mandatory, message, now).map(drop)
                }
                Step::Ack {
                    delivery_tag,
                    multiple,
                } => scene.host.core.ack(id, delivery_tag, multiple, now),
                Step::Nack {
                    delivery_tag,
                    multiple,
                    requeue,
                } => {
                    let core = &mut scene.host.core;
                    core.nack(id, delivery_tag, multiple, requeue, now)
                }
            };
            self.effects(at, now);
            if let Err(refusal) = done {
                return self.refuse(key, wire, &refusal, tx::Commit::ID, now);
            }
        }
        if let Some(session) = self.sessions.get_mut(key) {
            session.send(wire, tx::CommitOk {});
        }
    }
}

impl Scene<'_> {
    /// Whether a client may publish this, apart from where it goes.
    fn admit(
        &mut self,
        wire: protocol::ChannelId,
        immediate: bool,
        message: &mut Message,
    ) -> Result<(), Refusal> {
        if immediate {
            let text = "NOT_IMPLEMENTED - immediate=true".to_owned();
            return Err(connection_refusal(reply_code::NOT_IMPLEMENTED, text));
        }
        let rights = self.rights()?;
        rights.publish(&message.exchange)?;
        rights.user_id(message.properties.user_id.as_deref())?;
        self.fill_in_reply_to(wire, message)
    }

    /// Keeps a message for the end of its transaction, if there is one.
    fn defer(
        &mut self,
        wire: protocol::ChannelId,
        mandatory: bool,
        message: Box<Message>,
    ) -> Result<Option<Box<Message>>, Refusal> {
        let limit = self.limits.transaction_size;
        let Some(transaction) = &mut self.channel(wire)?.transaction else {
            return Ok(Some(message));
        };
        bounded(transaction.add(Step::Publish { message, mandatory }), limit)?;
        Ok(None)
    }

    fn publish(
        &mut self,
        wire: protocol::ChannelId,
        mandatory: bool,
        message: Box<Message>,
        now: Instant,
    ) -> Result<Published, Refusal> {
        let Message {
            exchange,
            routing_key,
            properties,
            body,
            ..
        } = *message;
        let message = Arc::new(core::Message {
            exchange,
            routing_key,
            properties,
            body,
        });
        let publish = core::Publish { mandatory };
        self.channel(wire)?.counts.published += 1;
        self.host.counts.published += 1;
        self.totals.published += 1;
        if !mandatory {
            return self.host.core.publish(publish, message, now);
        }
        let published = self.host.core.publish(publish, Arc::clone(&message), now)?;
        if !published.routed {
            self.give_back(wire, &message);
        }
        Ok(published)
    }

    fn give_back(&mut self, wire: protocol::ChannelId, message: &core::Message) {
        if let Some(channel) = self.session.channel_mut(wire) {
            channel.counts.returned += 1;
        }
        self.host.counts.returned += 1;
        self.totals.returned += 1;
        let method = basic::Return {
            reply_code: reply_code::NO_ROUTE,
            reply_text: "NO_ROUTE",
            exchange: &message.exchange,
            routing_key: &message.routing_key,
        };
        let kept = message.without_bcc();
        let message = kept.as_ref().unwrap_or(message);
        send_message(self.session, wire, &method.into(), message, None);
    }

    pub(super) fn basic_qos(
        &mut self,
        wire: protocol::ChannelId,
        qos: &basic::Qos,
        now: Instant,
    ) -> Result<(), Refusal> {
        if qos.prefetch_size != 0 {
            let text = format!("NOT_IMPLEMENTED - prefetch_size!=0 ({})", qos.prefetch_size);
            return Err(connection_refusal(reply_code::NOT_IMPLEMENTED, text));
        }
        let id = self.channel(wire)?.id;
        self.host
            .core
            .qos(id, qos.prefetch_count, qos.global, now)?;
        self.session.send(wire, basic::QosOk {});
        Ok(())
    }

    pub(super) fn basic_consume(
        &mut self,
        wire: protocol::ChannelId,
        consume: &basic::Consume<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let consumer_tag = if consume.queue == DIRECT_REPLY {
            self.consume_direct_reply(wire, consume, now)?
        } else {
            let name = self.queue_name(wire, consume.queue)?;
            self.rights()?.read_queue(&name)?;
            let id = self.channel(wire)?.id;
            let command = Consume {
                queue: &name,
                consumer_tag: consume.consumer_tag,
                no_ack: consume.no_ack,
                exclusive: consume.exclusive,
                arguments: &consume.arguments,
            };
            self.host.core.consume(id, &command, now)?
        };
        if !consume.no_wait {
            let consumer_tag = &consumer_tag;
            self.session.send(wire, basic::ConsumeOk { consumer_tag });
        }
        Ok(())
    }

    pub(super) fn basic_cancel(
        &mut self,
        wire: protocol::ChannelId,
        cancel: &basic::Cancel<'_>,
        now: Instant,
    ) {
        let Some(channel) = self.session.channel(wire) else {
            return;
        };
        self.host.core.cancel(channel.id, cancel.consumer_tag, now);
        self.cancel_direct_reply(wire, cancel.consumer_tag);
        if !cancel.no_wait {
            let consumer_tag = cancel.consumer_tag;
            self.session.send(wire, basic::CancelOk { consumer_tag });
        }
    }

    pub(super) fn basic_get(
        &mut self,
        wire: protocol::ChannelId,
        get: &basic::Get<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let name = self.queue_name(wire, get.queue)?;
        self.rights()?.read_queue(&name)?;
        let channel = self.channel(wire)?;
        let id = channel.id;
        let Some(got) = self.host.core.get(id, &name, get.no_ack, now)? else {
            self.session.send(wire, basic::GetEmpty {});
            return Ok(());
        };
        self.channel(wire)?.counts.got += 1;
        self.host.counts.got += 1;
        self.totals.got += 1;
        let method = basic::GetOk {
            delivery_tag: got.delivery_tag,
            redelivered: got.redelivered,
            exchange: &got.message.exchange,
            routing_key: &got.message.routing_key,
            message_count: got.message_count,
        };
        send_message(self.session, wire, &method.into(), &got.message, got.extra);
        Ok(())
    }
}
