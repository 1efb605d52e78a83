//! What handles ask for: done at once, or held until it may be.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::hub::Hub;
use super::slot::{Pending, Slot, Subscriber, Unconfirmed, Undo, Unsettled};
use crate::client::channel::Channel;
use crate::client::command::{
    Acknowledge, Answer, ChannelCommand, ChannelState, Command, Request, Waiter,
};
use crate::client::event::ChannelEvents;
use crate::client::{ChannelCloseReason, Confirmed, Error, Publish};
use crate::codec::reply_code::REPLY_SUCCESS;
use crate::protocol::{self, ChannelId, SendError};

impl Hub {
    pub(super) fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::OpenChannel(waiter) => self.open_channel(waiter),
            Command::Close(done) => {
                self.closers.push(done);
                self.close(now);
            }
            Command::Channel(channel, command) => {
                let stopped = self.is_stopped(channel);
                let Some(slot) = self.slots.get_mut(channel) else {
                    // The channel is gone and its state says why; dropping the command tells.
                    return;
                };
                let command = match command {
                    ChannelCommand::Request(request, waiter) if slot.is_overloaded() => {
                        drop(request);
                        return self.answer(waiter, Err(Error::Overloaded));
                    }
                    other => other,
                };
                let is_behind = !slot.held.is_empty() && Slot::keeps_order(&command);
                if is_behind || slot.must_hold(&command, stopped) {
                    slot.held.push_back(command);
                } else {
                    self.channel_command(channel, command);
                }
            }
        }
    }

    /// Takes up what was held on this channel, as far as it may go now.
    pub(super) fn release_held(&mut self, channel: ChannelId) {
        let stopped = self.is_stopped(channel);
        while let Some(slot) = self.slots.get_mut(channel) {
            let ready = slot
                .held
                .front()
                .is_some_and(|next| !slot.must_hold(next, stopped));
            let Some(command) = slot.held.pop_front_if(|_| ready) else {
                return;
            };
            self.channel_command(channel, command);
        }
    }

    /// Whether the broker takes no publishes on this channel. The protocol knows before its events
    /// are handled, and refuses them from then on.
    fn is_stopped(&self, channel: ChannelId) -> bool {
        self.protocol.is_blocked() || self.protocol.is_flow_stopped(channel)
    }

    /// Closes a channel that nobody holds any more, once everything on it is settled.
    pub(super) fn close_if_abandoned(&mut self, channel: ChannelId) {
        let Some(slot) = self.slots.get_mut(channel) else {
            return;
        };
        if slot.abandoned && slot.is_settled() {
            self.close_channel(channel, None);
        }
    }
    fn open_channel(&mut self, waiter: Waiter<(Channel, ChannelEvents)>) {
        let id = match self.protocol.open_channel() {
            Ok(id) => id,
            Err(error) => {
                self.answer(waiter, Err(error.into()));
                return;
            }
        };
        let state = Arc::new(ChannelState::new(
            Arc::clone(&self.state),
            self.publish_window,
        ));
        let (events, receiver) = ChannelEvents::new(Arc::clone(&state));
        let slot = Slot {
            state,
            events,
            opening: Some((waiter, receiver)),
            requests: VecDeque::new(),
            unconfirmed: Unconfirmed::default(),
            consumers: HashMap::new(),
            held: VecDeque::new(),
            closers: Vec::new(),
            abandoned: false,
        };
        self.slots.insert(id, slot);
    }

    /// The handle of a channel that has opened.
    pub(super) fn handle(&self, id: ChannelId, state: &Arc<ChannelState>) -> Option<Channel> {
        let commands = self.commands.upgrade()?;
        Some(Channel::new(id, Arc::clone(state), commands))
    }

    fn channel_command(&mut self, channel: ChannelId, command: ChannelCommand) {
        match command {
            ChannelCommand::Publish(publish, weight, outcome) => {
                self.publish(channel, publish, Unsettled { outcome, weight });
            }
            ChannelCommand::Acknowledge(acknowledge) => self.acknowledge(channel, acknowledge),
            ChannelCommand::Request(request, waiter) => self.request(channel, *request, waiter),
            ChannelCommand::Dropped => {
                if let Some(slot) = self.slots.get_mut(channel) {
                    slot.abandoned = true;
                }
                self.close_if_abandoned(channel);
            }
        }
    }

    fn publish(&mut self, channel: ChannelId, mut publish: Publish, unsettled: Unsettled) {
        let Some(slot) = self.slots.get_mut(channel) else {
            return;
        };
        if publish.mandatory && publish.properties.message_id.is_none() {
            // Unique as long as it matters: among the channel's unconfirmed publishes.
            publish.properties.message_id = Some(self.stats.publishes.to_string().into());
        }
        let sent = self.protocol.publish(
            channel,
            &protocol::Publish {
                exchange: &publish.exchange,
                routing_key: &publish.routing_key,
                mandatory: publish.mandatory,
                properties: &publish.properties,
                body: publish.body.clone(),
            },
        );
        self.stats.publishes += 1;
        match sent {
            Ok(Some(tag)) => slot.unconfirmed.push(tag, unsettled),
            Ok(None) => {
                slot.state.release(unsettled.weight as usize);
                let told = unsettled.outcome.send(Ok(Confirmed::NotRequested));
                self.woke |= told.is_ok();
            }
            Err(error) => {
                slot.state.release(unsettled.weight as usize);
                let told = unsettled.outcome.send(Err(Error::from(error).into()));
                self.woke |= told.is_ok();
            }
        }
    }

    pub(super) fn acknowledge(&mut self, channel: ChannelId, acknowledge: Acknowledge) {
        let done = match acknowledge {
            Acknowledge::Ack {
                delivery_tag,
                multiple,
            } => self.protocol.ack(channel, delivery_tag, multiple),
            Acknowledge::Nack {
                delivery_tag,
                multiple,
                requeue,
            } => self.protocol.nack(channel, delivery_tag, multiple, requeue),
            Acknowledge::Reject {
                delivery_tag,
                requeue,
            } => self.protocol.reject(channel, delivery_tag, requeue),
        };
        if let Err(error) = done {
            tracing::warn!(channel = channel.number(), ?acknowledge, %error, "an acknowledgement was not sent");
        }
    }

    pub(super) fn request(&mut self, channel: ChannelId, request: Request, waiter: Waiter<Answer>) {
        let Some(slot) = self.slots.get_mut(channel) else {
            return;
        };
        let mut undo = Undo::Nothing;
        let consumer_tag = request.consumer_tag().map(ToOwned::to_owned);
        let sent = match request {
            Request::Close => return self.close_channel(channel, Some(waiter)),
            Request::Consume(consume, sink) => {
                let tag: Arc<str> = consume.consumer_tag.as_str().into();
                if slot.consumers.contains_key(&tag) {
                    let consumer_tag = consume.consumer_tag;
                    drop(sink);
                    self.answer(waiter, Err(Error::ConsumerTagInUse { consumer_tag }));
                    return;
                }
                undo = Undo::Consume;
                let sent = self
                    .protocol
                    .request(channel, &super::methods::consume(&consume));
                // Before the answer: deliveries may come right behind it.
                if sent.is_ok() {
                    let subscriber = Subscriber::new(sink, consume.no_ack);
                    slot.consumers.insert(tag, subscriber);
                }
                sent
            }
            Request::Get { queue, no_ack } => {
                undo = if no_ack { Undo::Nothing } else { Undo::Get };
                self.protocol
                    .request(channel, &super::methods::get(&queue, no_ack))
            }
            other => match super::methods::plain(&other) {
                Some(method) => self.protocol.request(channel, &method),
                None => Err(SendError::WrongMethod {
                    method: other.name(),
                }),
            },
        };
        match sent {
            Ok(request) => slot.requests.push_back(Pending {
                request,
                waiter,
                undo,
                consumer_tag,
            }),
            Err(error) => self.answer(waiter, Err(error.into())),
        }
    }

    /// Begins to close a channel; `waiter` is told when it is done.
    pub(super) fn close_channel(&mut self, channel: ChannelId, waiter: Option<Waiter<Answer>>) {
        let Some(slot) = self.slots.get_mut(channel) else {
            return;
        };
        slot.abandoned = false;
        slot.closers.extend(waiter);
        // An error says that it is closing already.
        let _ = self
            .protocol
            .close_channel(channel, REPLY_SUCCESS, "closed by the client");
        let reason = Error::ChannelClosed(ChannelCloseReason::Requested);
        slot.state.close(reason);
        slot.held.clear();
    }

    pub(super) fn answer<T>(&mut self, waiter: Waiter<T>, answer: Result<T, Error>) {
        self.woke |= waiter.send(answer).is_ok();
    }
}
