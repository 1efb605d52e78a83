//! What a connection tells its owner.

use std::sync::Arc;

use bytes::Bytes;

use super::{ChannelCloseReason, ChannelId, CloseReason, Login, Tuning};
use crate::codec::{BasicProperties, DecodeError, FieldTable, Method};

/// A confirm-mode sequence number: 1 for the first publish behind `confirm.select` on its channel.
pub type PublishTag = u64;

/// Names one synchronous request of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// What [`Connection::poll_event`](super::Connection::poll_event) yields.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is done; channels can be opened.
    Connected {
        /// What the peer said about itself, `capabilities` included.
        peer_properties: FieldTable<'static>,
        /// What was agreed.
        tuning: Tuning,
    },
    /// The channel is open at both ends. (Client: requests could be sent before that. Server: the
    /// client opened it and has been answered.)
    ChannelOpened {
        /// Which.
        channel: ChannelId,
    },
    /// Client: the answer to a request. Answers come in the order of the requests of a channel.
    Reply {
        /// On which channel it was made.
        channel: ChannelId,
        /// What [`Connection::request`](super::Connection::request) returned.
        request: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// Client: a message for a consumer.
    Delivery {
        /// On which channel; acknowledge there.
        channel: ChannelId,
        /// The message.
        delivery: Box<Delivery>,
    },
    /// Client: a message was longer than `max_body_size`. It was thrown away and, where it had to be
    /// settled, rejected without requeue.
    Discarded {
        /// On which channel.
        channel: ChannelId,
        /// Whose message it was; empty for an answer to `basic.get`.
        consumer_tag: Arc<str>,
        /// Declared size in bytes.
        body_size: u64,
    },
    /// Client: the broker ended a consumer (`basic.cancel`): its queue was deleted, or its node or
    /// leader went away. The channel lives on, and what was delivered before can still be settled.
    ConsumerCancelled {
        /// On which channel.
        channel: ChannelId,
        /// The consumer.
        consumer_tag: Arc<str>,
    },
    /// Client: the broker settled one publish. The tags that one `multiple` frame covers come in
    /// their order.
    Confirmed {
        /// On which channel.
        channel: ChannelId,
        /// What [`Connection::publish`](super::Connection::publish) returned.
        tag: PublishTag,
        /// What became of it.
        outcome: Outcome,
    },
    /// Client: a mandatory message came back that belongs to no unconfirmed publish, as on a channel
    /// without confirms.
    Returned {
        /// On which channel.
        channel: ChannelId,
        /// Why.
        returned: Returned,
        /// The message itself.
        message: Box<Message>,
    },
    /// Client: the broker asks the channel to stop (`active: false`) or resume publishing. It has
    /// been answered; [`Connection::publish`](super::Connection::publish) refuses meanwhile.
    Flow {
        /// On which channel.
        channel: ChannelId,
        /// Whether publishing is allowed.
        active: bool,
    },
    /// The channel is gone. Nothing more will be said about it.
    ChannelClosed {
        /// Which.
        channel: ChannelId,
        /// Why.
        reason: ChannelCloseReason,
        /// What will never be answered.
        unsettled: Unsettled,
    },
    /// Client: the broker lacks memory or disk and reads no more publishes (`connection.blocked`).
    Blocked {
        /// Its words.
        reason: String,
    },
    /// Client: the broker has recovered.
    Unblocked,
    /// Server: decide with [`Connection::accept`](super::Connection::accept) or
    /// [`Connection::refuse`](super::Connection::refuse) whether this client may log in.
    LoginRequested {
        /// Who it says it is.
        login: Login,
        /// What it says about itself.
        client_properties: FieldTable<'static>,
    },
    /// Server: decide with [`Connection::accept`](super::Connection::accept) or
    /// [`Connection::refuse`](super::Connection::refuse) whether it may use this virtual host.
    OpenRequested {
        /// Its name.
        virtual_host: String,
    },
    /// Server: any method of a client that the protocol itself does not answer, in order of arrival.
    Method {
        /// On which channel.
        channel: ChannelId,
        /// The method.
        method: MethodBytes,
    },
    /// Server: a client published.
    Published {
        /// On which channel.
        channel: ChannelId,
        /// Confirm-mode number to acknowledge with; `None` on a channel without confirms.
        tag: Option<PublishTag>,
        /// Whether to return it when no queue takes it.
        mandatory: bool,
        /// Whether to return it when no consumer takes it at once.
        immediate: bool,
        /// The message and where it goes.
        message: Box<Message>,
    },
    /// The connection is over; the last event of all. Output may be left to write (a `close-ok`).
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// Done, without further news.
    Done,
    /// `queue.declare-ok`
    QueueDeclared {
        /// The queue's name, which the broker made up if none was given.
        queue: String,
        /// Messages ready for delivery.
        message_count: u32,
        /// Active consumers.
        consumer_count: u32,
    },
    /// `queue.purge-ok` and `queue.delete-ok`: how many messages went.
    MessageCount(u32),
    /// `basic.consume-ok`
    ConsumerStarted {
        /// The tag that deliveries will carry.
        consumer_tag: Arc<str>,
    },
    /// `basic.cancel-ok`: no delivery for this consumer follows.
    ConsumerStopped {
        /// Its tag.
        consumer_tag: Arc<str>,
    },
    /// `basic.get-ok`
    Message {
        /// The message; its consumer tag is empty.
        delivery: Box<Delivery>,
        /// How many are left in the queue.
        message_count: u32,
    },
    /// `basic.get-empty`
    NoMessage,
}

/// A message on its way to a consumer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// Whose it is; empty for `basic.get`.
    pub consumer_tag: Arc<str>,
    /// What to acknowledge, on the same channel.
    pub delivery_tag: u64,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
    /// Exchange it was published to; empty is the default exchange.
    pub exchange: Arc<str>,
    /// Routing key it was published with.
    pub routing_key: Arc<str>,
    /// Its properties.
    pub properties: BasicProperties<'static>,
    /// Its body.
    pub body: Bytes,
}

/// A message that is not a delivery: published to a server, or returned to a client.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// Exchange; empty is the default exchange.
    pub exchange: Arc<str>,
    /// Routing key.
    pub routing_key: Arc<str>,
    /// Its properties.
    pub properties: BasicProperties<'static>,
    /// Its body.
    pub body: Bytes,
}

/// What a client publishes.
#[derive(Debug, Clone)]
pub struct Publish<'a> {
    /// Exchange; empty is the default exchange.
    pub exchange: &'a str,
    /// Routing key.
    pub routing_key: &'a str,
    /// Whether the broker returns it when no queue takes it. On a channel with confirms the
    /// properties then need a `message_id` that no other unconfirmed publish of the channel has.
    pub mandatory: bool,
    /// Its properties.
    pub properties: &'a BasicProperties<'a>,
    /// Its body. Kept by reference if it is longer than 4 KiB, else copied.
    pub body: Bytes,
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The broker has taken responsibility (or dropped it, if it was not mandatory).
    Ack,
    /// The broker could not handle it (`basic.nack`).
    Nack,
    /// It was mandatory and no queue took it.
    Returned(Returned),
}

/// Why a message came back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Returned {
    /// 312 no route, 313 no consumers.
    pub reply_code: u16,
    /// The broker's words.
    pub reply_text: String,
}

/// What a closed channel leaves without an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsettled {
    /// Requests in their order, abandoned ones left out.
    pub requests: Vec<RequestId>,
    /// Publishes, in their order, of which nobody knows whether the broker took them.
    pub publishes: Vec<PublishTag>,
    /// Consumers that ended with the channel.
    pub consumers: Vec<Arc<str>>,
}

/// A method as it came, checked once and borrowed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodBytes(Payload);

/// The payload of a method frame. Acknowledgements, of which there are as many as messages, need no allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Payload {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Bytes),
}

/// As long as a payload may be to be kept in place: those of `basic.ack` and its like have 13 bytes.
const SHORT: usize = 22;

impl MethodBytes {
    pub(super) fn new(payload: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        match (u8::try_from(payload.len()), bytes.get_mut(..payload.len())) {
            (Ok(length), Some(start)) => {
                start.copy_from_slice(payload);
                Self(Payload::Short { length, bytes })
            }
            _ => Self(Payload::Long(Bytes::copy_from_slice(payload))),
        }
    }

    /// The method.
    pub fn decode(&self) -> Result<Method<'_>, DecodeError> {
        Method::decode(match &self.0 {
            Payload::Short { length, bytes } => {
                bytes.get(..usize::from(*length)).unwrap_or_default()
            }
            Payload::Long(bytes) => bytes,
        })
    }
}
