//! What comes of commands.

use std::sync::Arc;

use bytes::Bytes;

use super::{Change, ChannelId, Message};

/// What somebody else is to be told, or what is to be written down.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Effect<B = Bytes> {
    /// A message goes to a consumer.
    Deliver(Delivery<B>),
    /// A consumer has ended with its queue. (`basic.cancel` of the server)
    ConsumerCancelled {
        /// On which channel.
        channel: ChannelId,
        /// Which.
        consumer_tag: Arc<str>,
    },
    /// Something changed that outlives the broker.
    Store(Change<B>),
}

/// A message on its way to a consumer.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery<B = Bytes> {
    /// On which channel.
    pub channel: ChannelId,
    /// Whose it is.
    pub consumer_tag: Arc<str>,
    /// What to settle: 1 for the first of the channel.
    pub delivery_tag: u64,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// The offset of a stream's message, which the owner adds to its headers as `x-stream-offset`; and the count of
    /// deliveries before this one in queues that count them, `x-delivery-count`.
    pub extra: Option<Extra>,
    /// The message.
    pub message: Arc<Message<B>>,
}

/// A header that a delivery has and its message has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// `x-stream-offset`
    StreamOffset(u64),
    /// `x-delivery-count`
    DeliveryCount(u32),
}

/// What `basic.get` found.
#[derive(Debug, Clone, PartialEq)]
pub struct Got<B = Bytes> {
    /// What to settle.
    pub delivery_tag: u64,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// As in [`Delivery`].
    pub extra: Option<Extra>,
    /// How many are left.
    pub message_count: u32,
    /// The message.
    pub message: Arc<Message<B>>,
}

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Whether any queue was found for it. If not, and it is mandatory, the owner returns it with 312.
    pub routed: bool,
    /// Whether all queues took it. One with `x-overflow: reject-publish` may not: the owner sends `basic.nack`.
    pub accepted: bool,
    /// Whether it was written down ([`Effect::Store`]): the owner confirms when that has reached the disk.
    pub stored: bool,
}
