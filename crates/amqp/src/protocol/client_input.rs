//! What a server says to a client on its channels.

use std::{hash::BuildHasher, sync::Arc};

use bytes::Bytes;

use super::{
    ChannelId, Connection, Delivery, Event, Message, Outcome, Reply, RequestId, Returned,
    Violation,
    channel::{Channel, ChannelState, Consumer, Pending},
    content::{Complete, Content, Head, Origin},
};
use crate::codec::{
    BasicProperties, Method,
    methods::{basic, channel},
};

impl Connection {
    pub(super) fn handle_server_method(
        &mut self,
        number: u16,
        method: &Method<'_>,
    ) -> Result<(), Violation> {
        let Some(channel) = self.channels.number(number) else {
            return Err(Violation::ChannelNotOpen { channel: number });
        };
        let id = channel.id;
        // Behind our own `channel.close` the server knows the channel no more, and any frame on it would cost
        // the connection.
        let may_answer = channel.is_usable();
        match method {
            Method::BasicDeliver(deliver) => {
                channel.content = Some(Content::new(delivery_head(channel, deliver)));
            }
            Method::BasicAck(ack) => {
                self.settle(id, ack.delivery_tag, ack.multiple, &Outcome::Ack);
            }
            Method::BasicNack(nack) => {
                self.settle(id, nack.delivery_tag, nack.multiple, &Outcome::Nack);
            }
            Method::BasicReturn(returned) => {
                channel.content = Some(Content::new(Head::Return {
                    reply_code: returned.reply_code,
                    reply_text: returned.reply_text.to_owned(),
                    exchange: channel.exchange.get(returned.exchange),
                    routing_key: channel.routing_key.get(returned.routing_key),
                }));
            }
            Method::BasicGetOk(get_ok) => {
                let pending = answered(channel, method)?;
                channel.content = Some(Content::new(get_head(channel, &pending, get_ok)));
            }
            Method::BasicCancel(cancel) => {
                let consumer_tag = match channel.consumers.remove_entry(cancel.consumer_tag) {
                    Some((consumer_tag, _)) => consumer_tag,
                    None => Arc::from(cancel.consumer_tag),
                };
                if !cancel.no_wait && may_answer {
                    let cancel_ok = basic::CancelOk {
                        consumer_tag: cancel.consumer_tag,
                    };
                    self.send_quietly(number, &cancel_ok.into());
                }
                self.events.push_back(Event::ConsumerCancelled {
                    channel: id,
                    consumer_tag,
                });
            }
            Method::ChannelOpenOk(_) if channel.state == ChannelState::Opening => {
                channel.state = ChannelState::Open;
                self.events.push_back(Event::ChannelOpened { channel: id });
            }
            // Closed by us before it was open.
            Method::ChannelOpenOk(_) if channel.state == ChannelState::Closing => {}
            &Method::ChannelFlow(channel::Flow { active }) => {
                channel.flow_stopped = !active;
                if may_answer {
                    self.send_quietly(number, &channel::FlowOk { active }.into());
                }
                self.events.push_back(Event::Flow {
                    channel: id,
                    active,
                });
            }
            Method::ChannelClose(close) => self.handle_channel_close(number, close)?,
            Method::ChannelCloseOk(_) => self.handle_channel_close_ok(number)?,
            _ => self.handle_reply(id, method)?,
        }
        Ok(())
    }

    /// A message has come in whole.
    pub(super) fn message_for_client(
        &mut self,
        id: ChannelId,
        message: Complete,
    ) -> Result<(), Violation> {
        let Complete {
            head,
            properties,
            body,
            size,
        } = message;
        match head {
            Head::Delivery(origin) => {
                let Some(body) = self.keep(id, &origin, body, size) else {
                    return Ok(());
                };
                self.track(id, &origin)?;
                let delivery = Box::new(origin.into_delivery(properties, body));
                self.events.push_back(Event::Delivery {
                    channel: id,
                    delivery,
                });
            }
            Head::Get {
                origin,
                request,
                message_count,
            } => {
                let reply = match self.keep(id, &origin, body, size) {
                    Some(body) => {
                        if let Err(violation) = self.track(id, &origin) {
                            self.unanswer_get(id, request);
                            return Err(violation);
                        }
                        let delivery = Box::new(origin.into_delivery(properties, body));
                        Reply::Message {
                            delivery,
                            message_count,
                        }
                    }
                    None => Reply::NoMessage,
                };
                if let Some(request) = request {
                    self.events.push_back(Event::Reply {
                        channel: id,
                        request,
                        reply,
                    });
                }
            }
            Head::Return {
                reply_code,
                reply_text,
                exchange,
                routing_key,
            } => {
                let returned = Returned {
                    reply_code,
                    reply_text,
                };
                if let Some(message_id) = &properties.message_id {
                    let hash = self.hash_keys.hash_one(message_id.as_ref());
                    let confirms = self
                        .channels
                        .get_mut(id)
                        .and_then(|open| open.confirms.as_mut());
                    if confirms.is_some_and(|confirms| confirms.returned(hash, returned.clone())) {
                        return Ok(());
                    }
                }
                let body = body.unwrap_or_default();
                let message = Box::new(Message {
                    exchange,
                    routing_key,
                    properties,
                    body,
                });
                self.events.push_back(Event::Returned {
                    channel: id,
                    returned,
                    message,
                });
            }
            // A server does not publish; such a method never begins a content here.
            Head::Publish(_) => {}
        }
        Ok(())
    }

    /// The body, unless nobody takes the message; then it is given back or dropped here.
    fn keep(
        &mut self,
        id: ChannelId,
        origin: &Origin,
        body: Option<Bytes>,
        size: u64,
    ) -> Option<Bytes> {
        let usable = self.channels.get(id).is_some_and(Channel::is_usable);
        if usable && !origin.unwanted && body.is_some() {
            return body;
        }
        self.stats.discarded += 1;
        if usable && !origin.no_ack {
            // Too large today is too large tomorrow; unwanted here may be wanted elsewhere.
            let (delivery_tag, requeue) = (origin.delivery_tag, body.is_some());
            self.send_quietly(
                id.number(),
                &basic::Reject {
                    delivery_tag,
                    requeue,
                }
                .into(),
            );
        }
        if usable && body.is_none() {
            let consumer_tag = Arc::clone(&origin.consumer_tag);
            self.events.push_back(Event::Discarded {
                channel: id,
                consumer_tag,
                body_size: size,
            });
        }
        None
    }

    /// Notes a delivery that has to be settled.
    fn track(&mut self, id: ChannelId, origin: &Origin) -> Result<(), Violation> {
        let tag = origin.delivery_tag;
        let deliveries = self
            .channels
            .get_mut(id)
            .map(|channel| &mut channel.deliveries);
        if origin.no_ack || deliveries.is_none_or(|deliveries| deliveries.push(tag)) {
            Ok(())
        } else {
            Err(Violation::DeliveryTagOrder { tag })
        }
    }

    /// What came for a `basic.get` is no answer, so the request is among those without one.
    fn unanswer_get(&mut self, id: ChannelId, request: Option<RequestId>) {
        if let Some(channel) = self.channels.get_mut(id) {
            channel.pending.push_front(Pending {
                request,
                method: basic::Get::ID,
                name: "basic.get",
                no_ack: false,
                consumer_tag: None,
            });
        }
    }

    fn settle(&mut self, id: ChannelId, tag: u64, multiple: bool, outcome: &Outcome) {
        let events = &mut self.events;
        let confirms = self
            .channels
            .get_mut(id)
            .and_then(|channel| channel.confirms.as_mut());
        let count = confirms.map_or(0, |confirms| {
            confirms.settle(tag, multiple, outcome, |tag, outcome| {
                events.push_back(Event::Confirmed {
                    channel: id,
                    tag,
                    outcome,
                });
            })
        });
        if count == 0 {
            self.stats.unknown_confirms += 1;
        }
    }

    fn handle_reply(&mut self, id: ChannelId, method: &Method<'_>) -> Result<(), Violation> {
        let Some(channel) = self.channels.get_mut(id) else {
            return Ok(());
        };
        let pending = answered(channel, method)?;
        let reply = match method {
            Method::QueueDeclareOk(declared) => Reply::QueueDeclared {
                queue: declared.queue.to_owned(),
                message_count: declared.message_count,
                consumer_count: declared.consumer_count,
            },
            Method::QueuePurgeOk(purged) => Reply::MessageCount(purged.message_count),
            Method::QueueDeleteOk(deleted) => Reply::MessageCount(deleted.message_count),
            Method::BasicConsumeOk(started) => {
                let consumer_tag: Arc<str> = Arc::from(started.consumer_tag);
                let abandoned = pending.request.is_none();
                let consumer = Consumer {
                    no_ack: pending.no_ack,
                    abandoned,
                };
                channel
                    .consumers
                    .insert(Arc::clone(&consumer_tag), consumer);
                if abandoned && channel.is_usable() {
                    self.cancel_abandoned(id, started.consumer_tag);
                }
                Reply::ConsumerStarted { consumer_tag }
            }
            Method::BasicCancelOk(stopped) => {
                let known = channel.consumers.remove_entry(stopped.consumer_tag);
                let consumer_tag =
                    known.map_or_else(|| Arc::from(stopped.consumer_tag), |(tag, _)| tag);
                Reply::ConsumerStopped { consumer_tag }
            }
            Method::BasicGetEmpty(_) => Reply::NoMessage,
            Method::BasicRecoverOk(_) => {
                // All of it comes again, under other tags.
                channel.deliveries.forget();
                Reply::Done
            }
            _ => Reply::Done,
        };
        match pending.request {
            Some(request) => {
                self.events.push_back(Event::Reply {
                    channel: id,
                    request,
                    reply,
                });
            }
            None => self.stats.orphan_replies += 1,
        }
        Ok(())
    }

    fn cancel_abandoned(&mut self, id: ChannelId, consumer_tag: &str) {
        let cancel = basic::Cancel {
            consumer_tag,
            no_wait: false,
        }
        .into();
        self.send_quietly(id.number(), &cancel);
        self.expect(id, None, &cancel);
    }
}

impl Origin {
    fn into_delivery(self, properties: BasicProperties<'static>, body: Bytes) -> Delivery {
        Delivery {
            consumer_tag: self.consumer_tag,
            delivery_tag: self.delivery_tag,
            redelivered: self.redelivered,
            exchange: self.exchange,
            routing_key: self.routing_key,
            properties,
            body,
        }
    }
}

/// The request that `method` answers.
///
/// RabbitMQ's channels answer in order, except that `consume-ok` and `cancel-ok` come from the queue's
/// process, so that answers to later requests may overtake them. These two are found by their
/// consumer; the others must answer the oldest of the rest.
fn answered(channel: &mut Channel, method: &Method<'_>) -> Result<Pending, Violation> {
    let pending = &mut channel.pending;
    let at = match method {
        Method::BasicConsumeOk(basic::ConsumeOk { consumer_tag })
        | Method::BasicCancelOk(basic::CancelOk { consumer_tag }) => {
            let awaits = |request: &Pending, name: &str| {
                method.answers(request.method) && request.consumer_tag.as_deref() == Some(name)
            };
            pending
                .iter()
                .position(|request| awaits(request, consumer_tag))
                // The broker was to choose the name.
                .or_else(|| pending.iter().position(|request| awaits(request, "")))
        }
        _ => pending
            .iter()
            .position(|request| request.consumer_tag.is_none())
            .filter(|at| {
                let oldest = pending.get(*at);
                oldest.is_some_and(|oldest| method.answers(oldest.method))
            }),
    };
    if let Some(answered) = at.and_then(|at| pending.remove(at)) {
        return Ok(answered);
    }
    Err(match pending.front() {
        Some(oldest) => Violation::UnexpectedReply {
            method: method.name(),
            expected: oldest.name,
        },
        None => Violation::UnexpectedMethod {
            method: method.name(),
        },
    })
}

fn delivery_head(channel: &mut Channel, deliver: &basic::Deliver<'_>) -> Head {
    let (consumer_tag, consumer) = match channel.consumers.get_key_value(deliver.consumer_tag) {
        Some((consumer_tag, consumer)) => (Arc::clone(consumer_tag), *consumer),
        None => (
            Arc::from(deliver.consumer_tag),
            Consumer {
                no_ack: false,
                abandoned: false,
            },
        ),
    };
    Head::Delivery(Origin {
        consumer_tag,
        delivery_tag: deliver.delivery_tag,
        redelivered: deliver.redelivered,
        exchange: channel.exchange.get(deliver.exchange),
        routing_key: channel.routing_key.get(deliver.routing_key),
        no_ack: consumer.no_ack,
        unwanted: consumer.abandoned,
    })
}

fn get_head(channel: &mut Channel, pending: &Pending, get_ok: &basic::GetOk<'_>) -> Head {
    Head::Get {
        origin: Origin {
            consumer_tag: Arc::default(),
            delivery_tag: get_ok.delivery_tag,
            redelivered: get_ok.redelivered,
            exchange: channel.exchange.get(get_ok.exchange),
            routing_key: channel.routing_key.get(get_ok.routing_key),
            no_ack: pending.no_ack,
            unwanted: pending.request.is_none(),
        },
        request: pending.request,
        message_count: get_ok.message_count,
    }
}
