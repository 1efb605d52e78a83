//! Connections and channels.

use std::time::Instant;

use super::VirtualHost;
use crate::core::{
    Body, ChannelId, ConnectionId, Refusal,
    channel::{Channel, Connection},
};

impl<B: Body> VirtualHost<B> {
    /// A client has come.
    pub fn connect(&mut self) -> ConnectionId {
        ConnectionId(self.connections.insert_with(|_| Connection {
            channels: Vec::new(),
            queues: Vec::new(),
            reading: true,
        }))
    }

    /// A client has gone: its channels close, its exclusive queues go.
    pub fn disconnect(&mut self, connection: ConnectionId, now: Instant) {
        self.clock.set(now);
        let Some(state) = self.connections.get_mut(connection.0) else {
            return;
        };
        let channels = std::mem::take(&mut state.channels);
        for channel in channels {
            self.end_channel(channel);
        }
        let queues = self
            .connections
            .remove(connection.0)
            .map(|state| state.queues);
        for queue in queues.into_iter().flatten() {
            self.remove_queue(queue);
        }
        self.bury();
    }

    /// A client opens a channel.
    pub fn open_channel(&mut self, connection: ConnectionId) -> ChannelId {
        let reading = self
            .connections
            .get(connection.0)
            .is_some_and(|state| state.reading);
        let channel = ChannelId(
            self.channels
                .insert_with(|_| Channel::new(connection, reading)),
        );
        if let Some(state) = self.connections.get_mut(connection.0) {
            state.channels.push(channel);
        }
        channel
    }

    /// A channel is gone: its consumers end, what it has not settled is requeued.
    pub fn close_channel(&mut self, channel: ChannelId, now: Instant) {
        self.clock.set(now);
        let connection = self.channels.get(channel.0).map(|state| state.connection);
        if let Some(state) = connection.and_then(|id| self.connections.get_mut(id.0)) {
            state.channels.retain(|other| *other != channel);
        }
        self.end_channel(channel);
        self.bury();
    }

    /// Whether the client reads what is sent to it: while not, its consumers get nothing. At first it does.
    pub fn set_reading(&mut self, connection: ConnectionId, reading: bool, now: Instant) {
        self.clock.set(now);
        let Some(state) = self.connections.get_mut(connection.0) else {
            return;
        };
        state.reading = reading;
        let channels = state.channels.clone();
        for channel in channels {
            if let Some(state) = self.channels.get_mut(channel.0) {
                state.reading = reading;
            }
            self.wake_channel(channel);
        }
    }

    /// `channel.flow` of the client: whether this channel's consumers get anything. At first they do.
    pub fn set_flow(&mut self, channel: ChannelId, active: bool, now: Instant) {
        self.clock.set(now);
        if let Some(state) = self.channels.get_mut(channel.0) {
            state.flow = active;
        }
        self.wake_channel(channel);
    }

    /// `basic.qos`: for each consumer from now on, or (`global`) for all of the channel together. 0 is no limit.
    pub fn qos(
        &mut self,
        channel: ChannelId,
        prefetch_count: u16,
        global: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.clock.set(now);
        let state = self.channel(channel)?;
        if global {
            state.global_prefetch = prefetch_count;
            self.wake_channel(channel);
        } else {
            state.prefetch = prefetch_count;
        }
        Ok(())
    }

    /// Lets those of its consumers wait for messages that can take some again.
    pub(super) fn wake_channel(&mut self, channel: ChannelId) {
        let Some(state) = self.channels.get(channel.0) else {
            return;
        };
        if !state.is_open() || state.is_full() || state.consumers.is_empty() {
            return;
        }
        // By id, so that equal histories have equal outcomes.
        let mut consumers: Vec<_> = state.consumers.values().copied().collect();
        consumers.sort_unstable();
        for consumer in consumers {
            self.wake(consumer);
        }
    }

    fn end_channel(&mut self, channel: ChannelId) {
        let Some(state) = self.channels.get_mut(channel.0) else {
            return;
        };
        let mut consumers: Vec<_> = state.consumers.drain().map(|(_, id)| id).collect();
        consumers.sort_unstable();
        for consumer in consumers {
            self.end_consumer(consumer);
        }
        let Some(mut state) = self.channels.remove(channel.0) else {
            return;
        };
        let unsettled = std::iter::from_fn(|| state.unsettled.pop_through(u64::MAX)).collect();
        self.requeue(channel, unsettled);
    }
}
