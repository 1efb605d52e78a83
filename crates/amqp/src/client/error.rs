//! Why something on an open connection did not work.

use std::io;

use super::{SendError, Violation};
use crate::codec::EncodeError;
use crate::protocol;

/// Why a request, an acknowledgement or a publish was not accepted or not answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The connection is gone and everything on it.
    #[error("the connection is closed: {0}")]
    ConnectionClosed(CloseReason),
    /// The channel is gone; the connection may live on.
    #[error("the channel is closed: {0}")]
    ChannelClosed(ChannelCloseReason),
    /// A name, key or table does not fit AMQP. Nothing was sent.
    #[error("this cannot be sent over AMQP: {0}")]
    Encode(#[from] EncodeError),
    /// 65 536 requests and acknowledgements wait to be sent, or requests of the channel to be answered:
    /// the broker does not read, or not answer.
    #[error(
        "65536 requests or acknowledgements wait already; the broker does not take or answer them"
    )]
    Overloaded,
    /// Every channel number that client and broker agreed on is in use.
    #[error("all {limit} channels of the connection are in use; close some or use another one")]
    NoFreeChannel {
        /// How many there are.
        limit: u16,
    },
    /// The broker answered with something that does not belong to the request.
    #[error("the broker answered {request} with something else")]
    UnexpectedReply {
        /// The method that was sent.
        request: &'static str,
    },
    /// The same consumer tag is in use on this channel.
    #[error("consumer tag {consumer_tag:?} is in use on this channel; choose another or none")]
    ConsumerTagInUse {
        /// The tag.
        consumer_tag: String,
    },
    /// The command is not possible in the present state, such as acknowledging a delivery twice.
    #[error(transparent)]
    NotAllowed(SendError),
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side closed it, or dropped its last handle.
    #[error("closed by this side")]
    Requested,
    /// The broker closed it.
    #[error("the broker said {code} {text}")]
    ByServer {
        /// AMQP's reply code: 320 `CONNECTION_FORCED` for an operator's or shutting broker's doing.
        code: u16,
        /// The broker's words.
        text: String,
    },
    /// The socket failed.
    #[error("the connection broke: {message}")]
    Io {
        /// What kind of failure.
        kind: io::ErrorKind,
        /// The operating system's words.
        message: String,
    },
    /// The broker's end of the socket was closed without a word.
    #[error("the broker hung up without closing the connection")]
    Eof,
    /// Nothing came for two heartbeat intervals.
    #[error("the broker was silent for two heartbeat intervals")]
    HeartbeatMissed,
    /// The broker broke the protocol.
    #[error("the broker broke the protocol: {0}")]
    Misbehaved(Violation),
    /// What listens there speaks something else than AMQP 0-9-1.
    #[error("it does not speak AMQP 0-9-1, it began with {received:02x?}")]
    NotAmqp {
        /// Its first bytes, at most eight.
        received: Vec<u8>,
    },
    /// A name, password or virtual host does not fit the handshake. Nothing of it was sent.
    #[error("the handshake cannot be sent: {0}")]
    Unsendable(EncodeError),
    /// The broker does not offer the login that was wanted.
    #[error("the broker offers no login by {wanted}, only {offered:?}")]
    MechanismNotOffered {
        /// What was wanted.
        wanted: &'static str,
        /// What it offers, separated by blanks.
        offered: String,
    },
    /// The connection's task ended early: its runtime shut down.
    #[error("the connection's task ended early: its runtime shut down")]
    TaskEnded,
}

/// Why a channel ended while its connection lived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelCloseReason {
    /// This side closed it, or dropped its last handle.
    #[error("closed by this side")]
    Requested,
    /// The broker closed it, in answer to something this side sent.
    #[error("the broker said {code} {text}")]
    ByServer {
        /// AMQP's reply code: 404 `NOT_FOUND`, 406 `PRECONDITION_FAILED`, 405 `RESOURCE_LOCKED`, …
        code: u16,
        /// The broker's words.
        text: String,
        /// Class and method of what it objects to; zeros when it does not say.
        method: (u16, u16),
    },
    /// The broker broke a rule of the channel and was told so.
    #[error("the broker broke the protocol: {0}")]
    Misbehaved(Violation),
}

/// Why it is unknown whether a published message arrived.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The connection ended before the broker confirmed.
    #[error("unconfirmed when the connection closed: {0}")]
    ConnectionLost(CloseReason),
    /// The channel ended before the broker confirmed. On a pipelined channel the culprit may be
    /// another publish than this one.
    #[error("unconfirmed when the channel closed: {0}")]
    ChannelClosed(ChannelCloseReason),
    /// The message does not fit AMQP; it was not sent.
    #[error("this cannot be sent over AMQP: {0}")]
    Encode(EncodeError),
    /// It was not sent, because too much waits for the broker already ([`Error::Overloaded`]).
    #[error("not sent: {}", Error::Overloaded)]
    Overloaded,
    /// It was not sent, because the channel cannot take it as it is.
    #[error("not sent: {0}")]
    NotAllowed(SendError),
}

impl CloseReason {
    /// The AMQP reply code, if the broker gave one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::ByServer { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl ChannelCloseReason {
    /// The AMQP reply code, if the broker gave one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::ByServer { code, .. } => Some(*code),
            Self::Requested | Self::Misbehaved(_) => None,
        }
    }
}

impl Error {
    /// Whether the whole connection is gone, so that only another one helps.
    pub fn is_connection_closed(&self) -> bool {
        matches!(self, Self::ConnectionClosed(_))
    }

    /// The AMQP reply code, if the broker closed the channel or the connection with one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::ConnectionClosed(reason) => reason.code(),
            Self::ChannelClosed(reason) => reason.code(),
            _ => None,
        }
    }
}

impl From<CloseReason> for Error {
    fn from(reason: CloseReason) -> Self {
        Self::ConnectionClosed(reason)
    }
}

impl From<ChannelCloseReason> for Error {
    fn from(reason: ChannelCloseReason) -> Self {
        Self::ChannelClosed(reason)
    }
}

impl From<Error> for PublishError {
    fn from(error: Error) -> Self {
        match error {
            Error::ConnectionClosed(reason) => Self::ConnectionLost(reason),
            Error::ChannelClosed(reason) => Self::ChannelClosed(reason),
            Error::Encode(error) => Self::Encode(error),
            Error::Overloaded => Self::Overloaded,
            Error::NotAllowed(error) => Self::NotAllowed(error),
            // They end requests, never a publish.
            Error::NoFreeChannel { .. }
            | Error::UnexpectedReply { .. }
            | Error::ConsumerTagInUse { .. } => Self::ConnectionLost(CloseReason::TaskEnded),
        }
    }
}

impl From<protocol::CloseReason> for CloseReason {
    fn from(reason: protocol::CloseReason) -> Self {
        use protocol::CloseReason as Theirs;
        match reason {
            Theirs::Local => Self::Requested,
            Theirs::Peer { close, .. } => Self::ByServer {
                code: close.code,
                text: close.text,
            },
            Theirs::Misbehaved(violation) => Self::Misbehaved(violation),
            // A client refuses nobody.
            Theirs::Refused { code, text } => Self::ByServer { code, text },
            Theirs::HeartbeatMissed { .. } => Self::HeartbeatMissed,
            Theirs::HandshakeTimedOut { limit, .. } => Self::Io {
                kind: io::ErrorKind::TimedOut,
                message: format!("the handshake took longer than {limit:?}"),
            },
            Theirs::Disconnected { .. } => Self::Eof,
            Theirs::Io { kind, message, .. } => Self::Io { kind, message },
            Theirs::NotAmqp { received } => Self::NotAmqp { received },
            Theirs::Unsendable(error) => Self::Unsendable(error),
            Theirs::MechanismNotOffered { wanted, offered } => {
                Self::MechanismNotOffered { wanted, offered }
            }
        }
    }
}

impl From<protocol::ChannelCloseReason> for Error {
    fn from(reason: protocol::ChannelCloseReason) -> Self {
        use protocol::ChannelCloseReason as Theirs;
        match reason {
            Theirs::Local => Self::ChannelClosed(ChannelCloseReason::Requested),
            Theirs::Peer(close) => Self::ChannelClosed(ChannelCloseReason::ByServer {
                code: close.code,
                text: close.text,
                method: (close.class_id, close.method_id),
            }),
            Theirs::Misbehaved(violation) => {
                Self::ChannelClosed(ChannelCloseReason::Misbehaved(violation))
            }
            Theirs::Connection(reason) => Self::ConnectionClosed(reason.into()),
        }
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Encode(error) => Self::Encode(error),
            SendError::NoFreeChannel { limit } => Self::NoFreeChannel { limit },
            SendError::ChannelClosed => Self::ChannelClosed(ChannelCloseReason::Requested),
            SendError::ConnectionClosed => Self::ConnectionClosed(CloseReason::Requested),
            other => Self::NotAllowed(other),
        }
    }
}
