//! A client's commands.

use std::hash::BuildHasher;

use super::{
    ChannelId, Connection, Publish, PublishTag, RequestId, SendError,
    channel::{Channel, Pending},
    confirms::Confirms,
    connection::State,
};
use crate::codec::{
    Method,
    methods::{basic, channel, connection},
};

/// How many acknowledgements that no `multiple` can cover one channel keeps back.
const GATHER_LIMIT: usize = 4096;

impl Connection {
    /// Client: opens a channel. It can be used at once, ahead of the broker's answer
    /// ([`Event::ChannelOpened`](super::Event::ChannelOpened)).
    pub fn open_channel(&mut self) -> Result<ChannelId, SendError> {
        let tuning = match (&self.state, self.tuning) {
            (State::Running, Some(tuning)) if self.is_client() => tuning,
            (State::Closing { .. } | State::Closed, _) => return Err(SendError::ConnectionClosed),
            (State::Handshake(_), _) => return Err(SendError::NotConnected),
            _ => {
                return Err(SendError::WrongMethod {
                    method: "channel.open",
                });
            }
        };
        let limit = tuning.channel_max;
        let id = self
            .channels
            .open_any(limit)
            .ok_or(SendError::NoFreeChannel { limit })?;
        self.send_quietly(id.number(), &channel::Open {}.into());
        Ok(id)
    }

    /// Client: sends a synchronous method (all of `exchange`, `queue`, `tx`, `confirm.select`,
    /// `basic.qos`, `consume`, `cancel`, `get`, `recover`, `channel.flow`) with its `no_wait` unset.
    ///
    /// Requests pipeline. The answer is an [`Event::Reply`](super::Event::Reply), in the order of the
    /// requests but for `consume` and `cancel`, whose answers may come later; if the broker closes the
    /// channel instead, the request is among the unsettled of
    /// [`Event::ChannelClosed`](super::Event::ChannelClosed).
    pub fn request(
        &mut self,
        channel: ChannelId,
        method: &Method<'_>,
    ) -> Result<RequestId, SendError> {
        let info = method.info();
        let own = info.id.0 == connection::CLASS_ID
            || [channel::Open::ID, channel::Close::ID].contains(&info.id);
        if own || !self.is_client() || !info.sender.includes_client() || !method.expects_reply() {
            return Err(SendError::WrongMethod { method: info.name });
        }
        self.usable_channel(channel)?;
        self.flush_acks_of(channel);
        self.output.method(channel.number(), method)?;
        let request = RequestId(self.next_request());
        self.expect(channel, Some(request), method);
        Ok(request)
    }

    /// Client: nobody waits for this request any more. Its answer will be swallowed when it comes
    /// and not be taken for another's: a message that it brings (`basic.get`) goes back to its queue,
    /// a consumer that it starts is cancelled. Nothing happens if it was answered already.
    pub fn abandon(&mut self, channel: ChannelId, request: RequestId) {
        let Some(open) = self.channels.get_mut(channel) else {
            return;
        };
        let waiting = open
            .pending
            .iter_mut()
            .find(|pending| pending.request == Some(request));
        if let Some(pending) = waiting {
            pending.request = None;
        } else if let Some(content) = &mut open.content {
            content.abandon(request);
        }
    }

    /// Client: publishes a message. All its frames are queued as one unit, or none.
    ///
    /// Returns its tag on a channel with confirms, that is one on which `confirm.select` was sent,
    /// be it answered or not; every publish there takes a tag.
    pub fn publish(
        &mut self,
        channel: ChannelId,
        publish: &Publish<'_>,
    ) -> Result<Option<PublishTag>, SendError> {
        if !self.is_client() {
            return Err(SendError::WrongMethod {
                method: "basic.publish",
            });
        }
        let open = self.usable_channel(channel)?;
        if open.flow_stopped {
            return Err(SendError::FlowStopped);
        }
        let confirming = open.confirms.is_some();
        let message_id = match (
            &publish.properties.message_id,
            confirming && publish.mandatory,
        ) {
            (Some(message_id), true) => Some(self.hash_keys.hash_one(message_id.as_ref())),
            (None, true) => return Err(SendError::MissingMessageId),
            (_, false) => None,
        };
        let method = basic::Publish {
            exchange: publish.exchange,
            routing_key: publish.routing_key,
            mandatory: publish.mandatory,
            immediate: false,
        };
        self.output.content(
            channel.number(),
            &method.into(),
            publish.properties,
            publish.body.clone(),
        )?;
        let confirms = self
            .channels
            .get_mut(channel)
            .and_then(|open| open.confirms.as_mut());
        Ok(confirms.map(|confirms| confirms.publish(message_id)))
    }

    /// Client: tags from the oldest unconfirmed publish of the channel to the newest. Settled ones
    /// in between count, as they take room; stop publishing at some number of yours.
    pub fn unconfirmed(&self, channel: ChannelId) -> usize {
        self.channels
            .get(channel)
            .and_then(|open| open.confirms.as_ref())
            .map_or(0, Confirms::span)
    }

    /// Client: acknowledges a delivery, with `multiple` all of the channel up to it (tag 0: all).
    ///
    /// The frame leaves with the turn's output, together with others where one `multiple` says it.
    pub fn ack(
        &mut self,
        channel: ChannelId,
        delivery_tag: u64,
        multiple: bool,
    ) -> Result<(), SendError> {
        let open = self.usable_channel(channel)?;
        let had_acks = open.deliveries.has_acks();
        if !open.deliveries.ack(delivery_tag, multiple) {
            return Err(SendError::UnknownDelivery { tag: delivery_tag });
        }
        if !had_acks {
            self.acks.channels.push(channel);
        }
        self.acks.hurry();
        Ok(())
    }

    /// Client: acknowledges one delivery that may just as well come again, so that there is no hurry: the
    /// frame goes along with what else is written, or by itself 5 ms after the last input.
    pub fn ack_soon(&mut self, channel: ChannelId, delivery_tag: u64) -> Result<(), SendError> {
        let open = self.usable_channel(channel)?;
        let had_acks = open.deliveries.has_acks();
        if !open.deliveries.ack(delivery_tag, false) {
            return Err(SendError::UnknownDelivery { tag: delivery_tag });
        }
        if !had_acks {
            self.acks.channels.push(channel);
        }
        self.acks.wait(self.last_received);
        Ok(())
    }

    /// Client: gives back a delivery, with `multiple` all of the channel up to it (tag 0: all).
    /// Without `requeue` the broker drops or dead-letters it.
    pub fn nack(
        &mut self,
        channel: ChannelId,
        delivery_tag: u64,
        multiple: bool,
        requeue: bool,
    ) -> Result<(), SendError> {
        self.usable_channel(channel)?;
        // `multiple` would take along what is acknowledged and not sent.
        self.flush_acks_of(channel);
        let open = self.usable_channel(channel)?;
        let last = open
            .deliveries
            .remove(delivery_tag, multiple)
            .ok_or(SendError::UnknownDelivery { tag: delivery_tag })?;
        let nack = basic::Nack {
            delivery_tag: last,
            multiple,
            requeue,
        };
        self.send_quietly(channel.number(), &nack.into());
        Ok(())
    }

    /// Client: gives back one delivery. Without `requeue` the broker drops or dead-letters it.
    pub fn reject(
        &mut self,
        channel: ChannelId,
        delivery_tag: u64,
        requeue: bool,
    ) -> Result<(), SendError> {
        let open = self.usable_channel(channel)?;
        open.deliveries
            .remove(delivery_tag, false)
            .ok_or(SendError::UnknownDelivery { tag: delivery_tag })?;
        let reject = basic::Reject {
            delivery_tag,
            requeue,
        };
        self.send_quietly(channel.number(), &reject.into());
        Ok(())
    }

    /// Notes what answer comes next on the channel, and what the request changes here.
    pub(super) fn expect(
        &mut self,
        channel: ChannelId,
        request: Option<RequestId>,
        method: &Method<'_>,
    ) {
        let Some(open) = self.channels.get_mut(channel) else {
            return;
        };
        let (no_ack, consumer_tag) = match method {
            Method::BasicConsume(consume) => (consume.no_ack, Some(consume.consumer_tag.into())),
            Method::BasicCancel(cancel) => (false, Some(cancel.consumer_tag.into())),
            Method::BasicGet(get) => (get.no_ack, None),
            _ => (false, None),
        };
        if let Method::ConfirmSelect(_) = method {
            // The broker counts from here on, not from its answer.
            open.confirms.get_or_insert_with(Confirms::new);
        }
        let (name, method) = (method.name(), method.id());
        open.pending.push_back(Pending {
            request,
            method,
            name,
            no_ack,
            consumer_tag,
        });
    }

    /// Whether the broker has stopped publishing on the channel (`channel.flow`).
    pub fn is_flow_stopped(&self, channel: ChannelId) -> bool {
        self.channels
            .get(channel)
            .is_some_and(|open| open.flow_stopped)
    }

    /// Queues the acknowledgements of this turn.
    pub(super) fn flush_acks(&mut self) {
        for id in self.acks.channels.drain(..) {
            if let Some(channel) = self.channels.get_mut(id) {
                flush_channel(channel, &mut self.output);
            }
        }
        self.acks.reset();
    }

    /// Instead of [`flush_acks`](Self::flush_acks) while the peer does not read: the frames would pile
    /// up, whereas one `multiple` that is sent later says as much.
    pub(super) fn gather_acks(&mut self) {
        let (channels, output) = (&mut self.channels, &mut self.output);
        self.acks.channels.retain(|id| {
            let Some(channel) = channels.get_mut(*id) else {
                return false;
            };
            let gathers = channel.deliveries.gather() <= GATHER_LIMIT;
            if !gathers {
                flush_channel(channel, output);
            }
            gathers
        });
    }

    /// Queues the acknowledgements of one channel, ahead of something that must not overtake them.
    pub(super) fn flush_acks_of(&mut self, id: ChannelId) {
        if let Some(channel) = self.channels.get_mut(id)
            && channel.deliveries.has_acks()
        {
            flush_channel(channel, &mut self.output);
            self.acks.channels.retain(|acked| *acked != id);
        }
    }
}

fn flush_channel(channel: &mut Channel, output: &mut super::Output) {
    let number = channel.id.number();
    channel
        .deliveries
        .flush(|tag, multiple| output.ack(number, tag, multiple));
}
