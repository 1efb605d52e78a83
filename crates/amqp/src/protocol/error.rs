//! Why things end, and why a command is refused.

use crate::codec::{DecodeError, EncodeError, reply_code};

/// A command was refused; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The handshake is not done.
    #[error("the connection is not open yet")]
    NotConnected,
    /// The connection is closing or closed.
    #[error("the connection is closed")]
    ConnectionClosed,
    /// The channel is closing or closed. What was delivered on it can't be settled any more; the
    /// broker delivers it again.
    #[error("the channel is closed")]
    ChannelClosed,
    /// All channel numbers are in use.
    #[error("all {limit} channels of the connection are in use")]
    NoFreeChannel {
        /// What was agreed.
        limit: u16,
    },
    /// The delivery was settled before, needs no settling, or is not of this channel.
    #[error("delivery {tag} is not waiting to be settled on this channel")]
    UnknownDelivery {
        /// The delivery tag.
        tag: u64,
    },
    /// The broker told the channel to stop publishing (`channel.flow`).
    #[error("the broker has stopped publishing on this channel, wait until it resumes")]
    FlowStopped,
    /// A mandatory publish on a channel with confirms must be recognisable when it comes back.
    #[error("a mandatory publish on a channel with confirms needs a message_id")]
    MissingMessageId,
    /// The method can't be sent this way by this side.
    #[error("{method} can't be sent with this function")]
    WrongMethod {
        /// Name of the method.
        method: &'static str,
    },
    /// A value does not fit the protocol.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// How far a handshake has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Nothing but protocol headers and `connection.start`.
    Greeting,
    /// Credentials are with the server.
    Login,
    /// Credentials were accepted; the virtual host is asked for.
    Open,
    /// The handshake is done.
    Running,
}

/// What the peer did wrong; who is at fault is always the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Its bytes make no sense.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// It sent a method that makes no sense here and now.
    #[error("unexpected {method}")]
    UnexpectedMethod {
        /// Name of the method.
        method: &'static str,
    },
    /// It answered something that was not asked.
    #[error("{method} answers no request, {expected} was awaited")]
    UnexpectedReply {
        /// Name of the method.
        method: &'static str,
        /// What stood first in the line, or "nothing".
        expected: &'static str,
    },
    /// It sent a method, or a header twice, in the middle of a message.
    #[error("{received} in the middle of a message")]
    ContentInterrupted {
        /// What came.
        received: &'static str,
    },
    /// A content header or body without what has to come before.
    #[error("{received} without the frame that has to come before it")]
    ContentOutOfOrder {
        /// What came.
        received: &'static str,
    },
    /// Body frames hold more bytes than their header said.
    #[error("a message body exceeds its declared size of {declared} bytes")]
    BodyTooLong {
        /// Declared size in bytes.
        declared: u64,
    },
    /// A message is longer than we take.
    #[error("a message of {size} bytes exceeds the limit of {limit} bytes")]
    ContentTooLarge {
        /// Declared size in bytes.
        size: u64,
        /// `max_body_size`.
        limit: u64,
    },
    /// Delivery tags of a channel must rise.
    #[error("delivery tag {tag} does not follow the one before it")]
    DeliveryTagOrder {
        /// The tag.
        tag: u64,
    },
    /// A frame on a channel that is not open.
    #[error("frame on channel {channel}, which is not open")]
    ChannelNotOpen {
        /// Number.
        channel: u16,
    },
    /// `channel.open` for a channel that is open.
    #[error("channel {channel} is open already")]
    ChannelInUse {
        /// Number.
        channel: u16,
    },
    /// A channel number above the agreed maximum.
    #[error("channel {channel} exceeds the agreed maximum of {limit}")]
    ChannelMaxExceeded {
        /// Number.
        channel: u16,
        /// What was agreed.
        limit: u16,
    },
    /// `connection.tune-ok` asks for more than was offered, or for frames below 4 096 bytes.
    #[error("{parameter} = {value} is not within what was offered ({offered})")]
    BadTuning {
        /// `frame_max` or `channel_max`.
        parameter: &'static str,
        /// What it asks for.
        value: u32,
        /// What was offered.
        offered: u32,
    },
    /// It goes on sending and reads nothing of what is answered.
    #[error("it sends but does not read: more than {limit} bytes of answers wait")]
    DoesNotRead {
        /// Bytes that may wait.
        limit: usize,
    },
    /// `connection.start-ok` names a mechanism that is not on offer, or its response is garbled.
    #[error("no usable login by mechanism {mechanism:?}")]
    BadLogin {
        /// The mechanism it chose.
        mechanism: String,
    },
}

impl Violation {
    /// The code with which the connection (for [`ContentTooLarge`](Self::ContentTooLarge): the
    /// channel) is closed.
    pub fn reply_code(&self) -> u16 {
        match self {
            Self::Malformed(error) => error.reply_code(),
            Self::UnexpectedMethod { .. }
            | Self::UnexpectedReply { .. }
            | Self::DeliveryTagOrder { .. } => reply_code::COMMAND_INVALID,
            Self::ContentInterrupted { .. } | Self::ContentOutOfOrder { .. } => {
                reply_code::UNEXPECTED_FRAME
            }
            Self::BodyTooLong { .. } => reply_code::FRAME_ERROR,
            Self::ContentTooLarge { .. } => reply_code::CONTENT_TOO_LARGE,
            Self::ChannelNotOpen { .. } | Self::ChannelInUse { .. } => reply_code::CHANNEL_ERROR,
            Self::ChannelMaxExceeded { .. } | Self::BadTuning { .. } => reply_code::NOT_ALLOWED,
            Self::DoesNotRead { .. } => reply_code::RESOURCE_ERROR,
            Self::BadLogin { .. } => reply_code::ACCESS_REFUSED,
        }
    }
}
