//! The task without its socket: commands go to the protocol, whoever waits is noted.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use tokio::sync::{oneshot, watch};

use super::slot::{Pending, Slot, Slots, Subscriber, Unconfirmed, Undo, Unsettled};
use crate::client::channel::Channel;
use crate::client::command::{
    Acknowledge, Answer, ChannelCommand, ChannelState, Command, ConnectionState, Request, Waiter,
    WeakCommandSender,
};
use crate::client::event::ChannelEvents;
use crate::client::{
    Confirmed, ConnectOptions, Error, Publish, PublishError, Stats, TlsError, tls,
};
use crate::codec::FieldTable;
use crate::codec::reply_code::REPLY_SUCCESS;
use crate::protocol::{self, ChannelId, CloseReason, Output, SendError};

/// The protocol and everybody who waits for something of it.
pub(in crate::client) struct Hub {
    pub(super) protocol: protocol::Connection,
    pub(super) state: Arc<ConnectionState>,
    pub(super) stats: Stats,
    pub(super) slots: Slots,
    /// To give to the handles of new channels.
    commands: WeakCommandSender,
    publish_window: usize,
    write_buffer_limit: usize,
    waiting: usize,
    pub(super) blocked: watch::Sender<Option<Arc<str>>>,
    pub(super) connected: Option<Connected>,
    pub(super) over: Option<CloseReason>,
    /// Who waits for the connection to close.
    closers: Vec<oneshot::Sender<()>>,
    /// A waiter or a sink was called in this turn.
    pub(super) woke: bool,
    io_failed: bool,
    tls_error: Option<TlsError>,
}

/// What the handshake found out.
#[derive(Clone, Debug)]
pub(in crate::client) struct Connected {
    pub(in crate::client) server_properties: FieldTable<'static>,
}

impl Hub {
    pub(in crate::client) fn new(
        options: &ConnectOptions,
        protocol: protocol::Connection,
        state: Arc<ConnectionState>,
        commands: WeakCommandSender,
        blocked: watch::Sender<Option<Arc<str>>>,
    ) -> Self {
        Self {
            protocol,
            state,
            stats: Stats::default(),
            slots: Slots::default(),
            commands,
            publish_window: options.publish_window,
            write_buffer_limit: options.write_buffer_limit,
            waiting: 0,
            blocked,
            connected: None,
            over: None,
            closers: Vec::new(),
            woke: false,
            io_failed: false,
            tls_error: None,
        }
    }

    pub(super) fn connected(&mut self) -> Option<Connected> {
        self.connected.take()
    }

    /// Why the connection is over, once it is.
    pub(super) fn over(&self) -> Option<&CloseReason> {
        self.over.as_ref()
    }

    pub(super) fn io_failed(&self) -> bool {
        self.io_failed
    }

    /// What TLS had to say to a read or write that failed.
    pub(in crate::client) fn tls_error(&self) -> Option<&TlsError> {
        self.tls_error.as_ref()
    }

    /// Whether somebody was woken since this was last asked.
    pub(super) fn take_woke(&mut self) -> bool {
        std::mem::take(&mut self.woke)
    }

    /// Notes what the socket has left of the output. Bodies that have not come forward do not count:
    /// one of 50 MB would otherwise stop every other channel until it is through.
    pub(super) fn note_waiting(&mut self, bytes: usize) {
        self.waiting = bytes;
    }

    pub(super) fn takes_commands(&self) -> bool {
        self.waiting < self.write_buffer_limit
    }

    #[cfg(test)]
    pub(super) fn pending_output(&self) -> usize {
        self.protocol.pending_output_bytes()
    }

    pub(super) fn taken(&self, commands: usize) {
        self.state.taken(commands);
    }

    pub(super) fn publish_stats(&self) {
        self.state.stats.store(&self.stats);
    }

    pub(super) fn output(&mut self, now: Instant) -> &mut Output {
        self.protocol.output(now)
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.protocol.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.protocol.handle_timeout(now);
        self.handle_events();
    }

    pub(super) fn handle_input(&mut self, input: &mut BytesMut, now: Instant) {
        self.protocol.handle_input(input, now);
        self.handle_events();
    }

    pub(super) fn handle_eof(&mut self) {
        self.protocol.handle_eof();
        self.handle_events();
    }

    pub(super) fn handle_io_error(&mut self, error: &io::Error) {
        self.io_failed = true;
        self.tls_error = tls::cause(error, "");
        self.protocol.handle_io_error(error);
        self.handle_events();
    }

    /// Begins an orderly close.
    pub(super) fn close(&mut self, now: Instant) {
        self.state.close(crate::client::CloseReason::Requested);
        self.protocol
            .close(REPLY_SUCCESS, "closed by the client", now);
    }

    pub(super) fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::OpenChannel(waiter) => self.open_channel(waiter),
            Command::Close(done) => {
                self.closers.push(done);
                self.close(now);
            }
            Command::Channel(channel, command) => {
                let is_blocked = self.protocol.is_blocked();
                let Some(slot) = self.slots.get_mut(channel) else {
                    // The channel is gone and its state says why; dropping the command tells.
                    return;
                };
                let command = match command {
                    ChannelCommand::Request(_, waiter) if slot.is_overloaded() => {
                        return self.answer(waiter, Err(Error::Overloaded));
                    }
                    other => other,
                };
                let is_behind = !slot.held.is_empty() && Slot::keeps_order(&command);
                if is_behind || slot.must_hold(&command, is_blocked) {
                    slot.held.push_back(command);
                } else {
                    self.channel_command(channel, command);
                }
            }
        }
    }

    /// Takes up what was held on this channel, as far as it may go now.
    pub(super) fn release_held(&mut self, channel: ChannelId) {
        let is_blocked = self.protocol.is_blocked();
        while let Some(slot) = self.slots.get_mut(channel) {
            let ready = slot
                .held
                .front()
                .is_some_and(|next| !slot.must_hold(next, is_blocked));
            let Some(command) = slot.held.pop_front_if(|_| ready) else {
                return;
            };
            self.channel_command(channel, command);
        }
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

    /// The connection is over: everybody is told.
    pub(super) fn end(&mut self) {
        let reason = self
            .over
            .clone()
            .map_or(crate::client::CloseReason::TaskEnded, Into::into);
        self.state.close(reason);
        let reason = Error::ConnectionClosed(self.state.close_reason());
        for slot in self.slots.drain() {
            slot.end(&reason);
        }
        self.closers.clear();
        // Whoever reads the events learns of the end by losing the sender.
        self.blocked = watch::Sender::new(None);
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
            paused: false,
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
            ChannelCommand::Publish(publish, outcome) => self.publish(channel, publish, outcome),
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

    fn publish(
        &mut self,
        channel: ChannelId,
        mut publish: Publish,
        outcome: oneshot::Sender<Result<Confirmed, PublishError>>,
    ) {
        let Some(slot) = self.slots.get_mut(channel) else {
            return;
        };
        let weight = slot.state.weight(publish.body.len());
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
            Ok(Some(tag)) => slot.unconfirmed.push(tag, Unsettled { outcome, weight }),
            Ok(None) => {
                slot.state.release(weight as usize);
                self.woke |= outcome.send(Ok(Confirmed::NotRequested)).is_ok();
            }
            Err(error) => {
                slot.state.release(weight as usize);
                self.woke |= outcome.send(Err(Error::from(error).into())).is_ok();
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
        let answered_by_queue = matches!(request, Request::Consume(..) | Request::Cancel { .. });
        let sent = match request {
            Request::Close => return self.close_channel(channel, Some(waiter)),
            Request::Consume(consume, sink) => {
                let tag: Arc<str> = consume.consumer_tag.as_str().into();
                if slot.consumers.contains_key(&tag) {
                    let consumer_tag = consume.consumer_tag;
                    self.answer(waiter, Err(Error::ConsumerTagInUse { consumer_tag }));
                    return;
                }
                undo = Undo::Consume;
                let sent = self
                    .protocol
                    .request(channel, &super::methods::consume(&consume));
                // Before the answer: deliveries may come right behind it.
                if sent.is_ok() {
                    let subscriber = Subscriber {
                        sink,
                        no_ack: consume.no_ack,
                    };
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
                answered_by_queue,
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
        let reason = Error::ChannelClosed(crate::client::ChannelCloseReason::Requested);
        slot.state.close(reason);
        slot.held.clear();
    }

    pub(super) fn answer<T>(&mut self, waiter: Waiter<T>, answer: Result<T, Error>) {
        self.woke |= waiter.send(answer).is_ok();
    }
}

impl Drop for Hub {
    /// Runs also when the task panics or its runtime shuts down: nobody must wait for ever.
    fn drop(&mut self) {
        self.end();
    }
}
