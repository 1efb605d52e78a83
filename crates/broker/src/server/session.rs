//! One client: its end of the protocol, who it is, its channels.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Instant, SystemTime};

use bergen_amqp::codec::FieldTable;
use bergen_amqp::protocol::{self, Connection};

use super::access::{Rights, User};
use super::confirms::Confirms;
use super::listen::Peer;
use super::transaction::Transaction;
use crate::core;

/// A client, from its first byte on.
#[derive(Debug)]
pub(super) struct Session {
    /// Rises with every client, never used twice.
    pub(super) number: u64,
    pub(super) connection: Connection,
    pub(super) peer: Peer,
    /// As management shows it: `127.0.0.1:40000 -> 127.0.0.1:5672`.
    pub(super) name: Arc<str>,
    pub(super) connected_at: SystemTime,
    /// What the client says about itself.
    pub(super) client_properties: FieldTable<'static>,
    /// Whether it wants to know when its consumers end without its doing.
    pub(super) cancel_notify: bool,
    pub(super) mechanism: &'static str,
    /// Who logged in.
    pub(super) user: Option<Arc<User>>,
    /// The answer to its login, and when to give it.
    pub(super) login: Option<(Instant, Result<Arc<User>, String>)>,
    /// Where it is, from `connection.open` to its end.
    pub(super) membership: Option<Membership>,
    /// What it may do there.
    pub(super) rights: Option<Rights>,
    /// By their number on the wire.
    pub(super) channels: Vec<Option<Box<Channel>>>,
    /// It does not read: its consumers get nothing until it does.
    pub(super) stalled: bool,
    /// Whether it published while memory or the disk was short: nothing is read from it then.
    pub(super) stopped: Stopped,
    /// Bytes of messages that have come in part.
    pub(super) incoming: usize,
    /// Its task waits for something to do.
    pub(super) waker: Option<Waker>,
    /// Channels with confirms to send at the end of the turn.
    pub(super) confirming: Vec<u16>,
}

/// Whether nothing is read from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    No,
    /// It was not told, as it is over in a moment.
    Silently,
    /// It was told by `connection.blocked`.
    Told,
}

/// A client's place in a virtual host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Membership {
    /// Which host.
    pub(super) host: usize,
    /// What the core calls it.
    pub(super) id: core::ConnectionId,
}

/// An open channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) wire: protocol::ChannelId,
    pub(super) id: core::ChannelId,
    /// What an empty queue name means.
    pub(super) last_queue: Arc<str>,
    /// From `confirm.select` on.
    pub(super) confirms: Option<Confirms>,
    /// From `tx.select` on.
    pub(super) transaction: Option<Transaction>,
    /// Who awaits direct replies (`amq.rabbitmq.reply-to`), and under which name.
    pub(super) direct_reply: Option<DirectReply>,
    pub(super) counts: ChannelCounts,
}

/// The consumer of `amq.rabbitmq.reply-to`.
#[derive(Debug, Clone)]
pub(super) struct DirectReply {
    pub(super) consumer_tag: Arc<str>,
    /// The queue that others reply to.
    pub(super) queue: Arc<str>,
}

/// Messages that passed a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelCounts {
    /// Published.
    pub published: u64,
    /// Confirmed to the publisher.
    pub confirmed: u64,
    /// Returned to the publisher.
    pub returned: u64,
    /// Delivered to consumers that acknowledge.
    pub delivered: u64,
    /// Of all deliveries, how many had been delivered before.
    pub redelivered: u64,
    /// Fetched by `basic.get`.
    pub got: u64,
    /// Acknowledgements.
    pub acknowledged: u64,
}

impl Session {
    pub(super) fn channel(&self, wire: protocol::ChannelId) -> Option<&Channel> {
        let channel = self.channels.get(usize::from(wire.number()))?.as_deref()?;
        (channel.wire == wire).then_some(channel)
    }

    pub(super) fn channel_mut(&mut self, wire: protocol::ChannelId) -> Option<&mut Channel> {
        let channel = self
            .channels
            .get_mut(usize::from(wire.number()))?
            .as_deref_mut()?;
        (channel.wire == wire).then_some(channel)
    }

    pub(super) fn add_channel(&mut self, channel: Channel) {
        let at = usize::from(channel.wire.number());
        if self.channels.len() <= at {
            self.channels.resize_with(at + 1, || None);
        }
        if let Some(slot) = self.channels.get_mut(at) {
            *slot = Some(Box::new(channel));
        }
    }

    pub(super) fn take_channel(&mut self, wire: protocol::ChannelId) -> Option<Box<Channel>> {
        self.channel(wire)?;
        self.channels.get_mut(usize::from(wire.number()))?.take()
    }

    /// Lets the connection's task run, if it is not running just now.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Sends a method, unless the channel has gone meanwhile.
    pub(super) fn send<'a>(
        &mut self,
        channel: protocol::ChannelId,
        method: impl Into<bergen_amqp::codec::Method<'a>>,
    ) {
        let method = method.into();
        if let Err(error) = self.connection.send(channel, &method) {
            tracing::debug!(connection = %self.name, %error, "{} is not sent", method.name());
        }
    }

    /// Notes that a channel has confirms to send.
    pub(super) fn confirm_later(&mut self, number: u16) {
        if self.confirming.last() != Some(&number) && !self.confirming.contains(&number) {
            self.confirming.push(number);
        }
    }
}
