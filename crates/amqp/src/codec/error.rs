//! What can be wrong with bytes: the peer's ([`DecodeError`]) or ours ([`EncodeError`]).

use super::reply_code;

/// The peer sent bytes that are not AMQP 0-9-1 as RabbitMQ speaks it.
///
/// None of these can be repaired: the connection has to end, with
/// [`reply_code`](Self::reply_code) as the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The data end inside a value.
    #[error("the data end inside a {reading}")]
    Truncated {
        /// What was being read.
        reading: &'static str,
    },
    /// Bytes follow the last field.
    #[error("{count} bytes are left over after the last field")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A short string, which is a name or a text, is not UTF-8.
    #[error("a short string is not UTF-8")]
    InvalidUtf8,
    /// A field table holds a value of a type that RabbitMQ does not have.
    #[error("unknown field type 0x{0:02x} in a table")]
    UnknownFieldType(u8),
    /// Tables and arrays are nested too deep.
    #[error("tables are nested more than {limit} deep")]
    TooDeep {
        /// The deepest nesting that is read.
        limit: usize,
    },
    /// No such class and method.
    #[error("unknown method {method_id} of class {class_id}")]
    UnknownMethod {
        /// Class number sent by the peer.
        class_id: u16,
        /// Method number sent by the peer.
        method_id: u16,
    },
    /// A content header names a class that has no content.
    #[error("content header for class {0}, only class 60 (basic) has content")]
    ContentClass(u16),
    /// The property flags use bits that the basic class does not define.
    #[error("undefined property flags 0x{0:04x}")]
    PropertyFlags(u16),
    /// A frame begins with a byte that is no frame type.
    #[error("unknown frame type {0}")]
    UnknownFrameType(u8),
    /// A frame is longer than what was agreed.
    #[error("frame of {size} bytes exceeds the agreed maximum of {max} bytes")]
    FrameTooLarge {
        /// Whole size in bytes: header, payload and end.
        size: usize,
        /// Agreed maximum in bytes.
        max: usize,
    },
    /// The byte behind the payload is not the frame end (0xCE).
    #[error("frame ends with 0x{0:02x} instead of 0xce")]
    FrameEnd(u8),
    /// A heartbeat was sent on a channel other than 0.
    #[error("heartbeat on channel {0}, it belongs on channel 0")]
    HeartbeatChannel(u16),
    /// The bytes that must be a protocol header are not.
    #[error("not an AMQP protocol header: {0:02x?}")]
    ProtocolHeader([u8; 8]),
}

impl DecodeError {
    /// The reply code with which RabbitMQ and we close the connection over this error.
    pub fn reply_code(self) -> u16 {
        match self {
            Self::UnknownFrameType(_)
            | Self::FrameTooLarge { .. }
            | Self::FrameEnd(_)
            | Self::Truncated { .. }
            | Self::TrailingBytes { .. }
            | Self::InvalidUtf8
            | Self::ProtocolHeader(_) => reply_code::FRAME_ERROR,
            Self::UnknownMethod { .. } => reply_code::COMMAND_INVALID,
            Self::HeartbeatChannel(_) | Self::ContentClass(_) => reply_code::UNEXPECTED_FRAME,
            Self::UnknownFieldType(_) | Self::TooDeep { .. } | Self::PropertyFlags(_) => {
                reply_code::SYNTAX_ERROR
            }
        }
    }
}

/// A value of ours does not fit into the protocol.
///
/// Nothing was written; the caller has to change the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Names (exchanges, queues, routing keys, consumer tags, table keys, most properties) have at
    /// most 255 bytes.
    #[error("a name of {length} bytes is too long, AMQP allows 255 bytes")]
    ShortStringTooLong {
        /// Length in bytes.
        length: usize,
    },
    /// A byte string, array or table does not fit a 32-bit length.
    #[error("a value of {length} bytes is too long, AMQP allows 4 GiB")]
    TooLong {
        /// Length in bytes.
        length: usize,
    },
    /// Tables and arrays are nested deeper than we would read ourselves.
    #[error("tables are nested more than {limit} deep")]
    TooDeep {
        /// The deepest nesting that is written.
        limit: usize,
    },
    /// A method or content header does not fit one frame; unlike a body it can't be split.
    #[error(
        "a frame of {size} bytes exceeds the agreed maximum of {max} bytes, shorten its tables"
    )]
    FrameTooLarge {
        /// Whole size in bytes: header, payload and end.
        size: usize,
        /// Agreed maximum in bytes.
        max: usize,
    },
}
