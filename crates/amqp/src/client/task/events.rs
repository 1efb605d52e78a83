//! What the protocol reports, brought to whoever waits for it.

use std::sync::Arc;

use super::hub::{Connected, Hub};
use super::slot::{Pending, Undo};
use crate::client::command::{Acknowledge, Answer, Request};
use crate::client::{ChannelEvent, Confirmed, Delivery, Disposition, QueueDeclared};
use crate::protocol::{ChannelId, Event, Outcome, PublishTag, Reply, RequestId};

impl Hub {
    /// Handles all that the protocol has to report.
    pub(super) fn handle_events(&mut self) {
        while let Some(event) = self.protocol.poll_event() {
            self.handle_event(event);
        }
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Delivery { channel, delivery } => self.deliver(channel, *delivery),
            Event::Confirmed {
                channel,
                tag,
                outcome,
            } => self.confirm(channel, tag, outcome),
            Event::Reply {
                channel,
                request,
                reply,
            } => self.reply(channel, request, reply),
            Event::Connected {
                peer_properties, ..
            } => {
                self.connected = Some(Connected {
                    server_properties: peer_properties,
                });
            }
            Event::ChannelOpened { channel } => self.opened(channel),
            Event::ConsumerCancelled {
                channel,
                consumer_tag,
            } => {
                self.cancelled(channel, &consumer_tag);
            }
            Event::ChannelClosed {
                channel, reason, ..
            } => {
                if let Some(slot) = self.slots.remove(channel) {
                    slot.end(&reason.into());
                    self.woke = true;
                }
            }
            Event::Returned {
                channel,
                returned,
                message,
            } => {
                self.tell(channel, ChannelEvent::Returned { returned, message });
            }
            Event::Flow { channel, active } => {
                self.tell(channel, ChannelEvent::Flow { active });
                self.release_held(channel);
                self.close_if_abandoned(channel);
            }
            Event::Discarded {
                channel,
                consumer_tag,
                body_size,
            } => {
                tracing::warn!(
                    channel = channel.number(),
                    %consumer_tag,
                    body_size,
                    "a message longer than the client takes was rejected"
                );
            }
            Event::Blocked { reason } => {
                self.blocked.send_replace(Some(reason.into()));
            }
            Event::Unblocked => {
                self.blocked.send_replace(None);
                for channel in self.slots.ids() {
                    self.release_held(channel);
                    self.close_if_abandoned(channel);
                }
            }
            Event::Closed { reason } => self.over = Some(reason),
            // What only a server is told.
            _ => {}
        }
    }

    fn deliver(&mut self, channel: ChannelId, delivery: Delivery) {
        self.stats.deliveries += 1;
        self.woke = true;
        let delivery_tag = delivery.delivery_tag;
        let subscriber = self
            .slots
            .get_mut(channel)
            .and_then(|slot| slot.consumers.get_mut(&delivery.consumer_tag));
        let disposition = match subscriber {
            Some(subscriber) => {
                let disposition = subscriber.deliver(delivery);
                self.stats.sink_panics += u64::from(disposition.is_none());
                if subscriber.no_ack {
                    return;
                }
                // The next one who takes it would panic too.
                disposition.unwrap_or(Disposition::Reject { requeue: false })
            }
            // It was cancelled, or the broker invents consumers: somebody else should have it.
            None => Disposition::Reject { requeue: true },
        };
        let settled = match disposition {
            Disposition::Ack => self.protocol.ack(channel, delivery_tag, false),
            Disposition::AckSoon => self.protocol.ack_soon(channel, delivery_tag),
            Disposition::Reject { requeue } => self.protocol.reject(channel, delivery_tag, requeue),
            Disposition::Hold => return,
        };
        if let Err(error) = settled {
            tracing::debug!(channel = channel.number(), delivery_tag, %error, "not settled");
        }
    }

    fn confirm(&mut self, channel: ChannelId, tag: PublishTag, outcome: Outcome) {
        let Some(slot) = self.slots.get_mut(channel) else {
            return;
        };
        let Some(settled) = slot.unconfirmed.settle(tag) else {
            return;
        };
        self.stats.confirms += 1;
        slot.state.release(settled.weight as usize);
        let confirmed = match outcome {
            Outcome::Ack => Confirmed::Ack,
            Outcome::Nack => Confirmed::Nack,
            Outcome::Returned(returned) => Confirmed::Returned(returned),
        };
        let (has_held, abandoned) = (!slot.held.is_empty(), slot.abandoned);
        // Nobody is woken if the confirmation was dropped.
        self.woke |= settled.outcome.send(Ok(confirmed)).is_ok();
        if has_held {
            self.release_held(channel);
        }
        if abandoned {
            self.close_if_abandoned(channel);
        }
    }

    fn opened(&mut self, channel: ChannelId) {
        let Some(slot) = self.slots.get_mut(channel) else {
            return;
        };
        let state = Arc::clone(&slot.state);
        let Some((waiter, events)) = slot.opening.take() else {
            return;
        };
        match self.handle(channel, &state) {
            // If nobody waits any more the handle comes back and is dropped, which closes the channel.
            Some(handle) => self.answer(waiter, Ok((handle, events))),
            // All handles of the connection are gone; so is whoever waited.
            None => self.close_channel(channel, None),
        }
    }

    fn reply(&mut self, channel: ChannelId, request: RequestId, reply: Reply) {
        let Some(pending) = self
            .slots
            .get_mut(channel)
            .and_then(|slot| slot.answered(request))
        else {
            return;
        };
        if let Reply::ConsumerStopped { consumer_tag } = &reply
            && let Some(slot) = self.slots.get_mut(channel)
        {
            slot.consumers.remove(consumer_tag);
        }
        let answer = match reply {
            Reply::QueueDeclared {
                queue,
                message_count,
                consumer_count,
            } => Answer::QueueDeclared(QueueDeclared {
                name: queue,
                message_count,
                consumer_count,
            }),
            Reply::MessageCount(count) => Answer::Count(count),
            Reply::ConsumerStarted { consumer_tag } => {
                Answer::ConsumerTag(consumer_tag.as_ref().to_owned())
            }
            Reply::Message { delivery, .. } => Answer::Got(Some(delivery)),
            Reply::NoMessage => Answer::Got(None),
            _ => Answer::Done,
        };
        let Pending {
            waiter,
            undo,
            consumer_tag,
            ..
        } = pending;
        match waiter.send(Ok(answer)) {
            Ok(()) => self.woke = true,
            Err(Ok(answer)) => self.undo(channel, undo, answer),
            Err(Err(_)) => {}
        }
        if consumer_tag.is_some() {
            self.release_held(channel);
        }
    }

    /// Nobody waited for this answer any more.
    fn undo(&mut self, channel: ChannelId, undo: Undo, answer: Answer) {
        match (undo, answer) {
            (Undo::Consume, Answer::ConsumerTag(consumer_tag)) => {
                let (waiter, _) = tokio::sync::oneshot::channel();
                self.request(channel, Request::Cancel { consumer_tag }, waiter);
            }
            (Undo::Get, Answer::Got(Some(delivery))) => {
                let delivery_tag = delivery.delivery_tag;
                self.acknowledge(
                    channel,
                    Acknowledge::Reject {
                        delivery_tag,
                        requeue: true,
                    },
                );
            }
            _ => {}
        }
    }

    fn cancelled(&mut self, channel: ChannelId, consumer_tag: &Arc<str>) {
        let Some(slot) = self.slots.get_mut(channel) else {
            return;
        };
        if let Some(mut subscriber) = slot.consumers.remove(consumer_tag) {
            let told = subscriber.cancelled();
            self.stats.sink_panics += u64::from(told.is_none());
            let consumer_tag = consumer_tag.as_ref().to_owned();
            self.tell(channel, ChannelEvent::ConsumerCancelled { consumer_tag });
        }
    }

    fn tell(&mut self, channel: ChannelId, event: ChannelEvent) {
        if let Some(slot) = self.slots.get_mut(channel) {
            slot.events.send(event);
            self.woke = true;
        }
    }
}
