//! What can be wrong with a received message.

use super::JsonError;

/// A message that a peer sent and that is not what the wire asks for. Such a message is
/// rejected without requeue; it never harms the receiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The body is longer than the receiver allows.
    #[error("body of {length} bytes is over the limit of {limit}")]
    TooLarge {
        /// Bytes of the body.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The content type is not `application/json`, so the body is not decoded.
    #[error("content type {0:?} is not application/json")]
    ContentType(Option<String>),
    /// The content encoding is none that JSON text has.
    #[error("unsupported content encoding {0:?}")]
    ContentEncoding(String),
    /// The body is compressed in a way that nobody here knows.
    #[error("unsupported compression {0:?}")]
    Compression(String),
    /// The body is cut off, or not what its header `compression` says.
    #[error("body cannot be decompressed as {compression}: {problem}")]
    Decompression {
        /// The header.
        compression: &'static str,
        /// The decompressor's words.
        problem: String,
    },
    /// The body is longer than the receiver allows when it is decompressed.
    #[error("body is over the limit of {limit} bytes when decompressed as {compression}")]
    DecompressedTooLarge {
        /// The header.
        compression: &'static str,
        /// Bytes allowed.
        limit: usize,
    },
    /// The body is not UTF-8.
    #[error("body is not UTF-8 from byte {0}")]
    NotUtf8(usize),
    /// The body or the message in the envelope is not JSON.
    #[error("{part} is not JSON: {error}")]
    Json {
        /// `body` or `message`.
        part: &'static str,
        /// What is wrong.
        error: JsonError,
    },
    /// The envelope is of a version that nobody here knows.
    #[error("envelope version {0:?} is not 2.0")]
    EnvelopeVersion(String),
    /// The payload is JSON but not an object.
    #[error("payload is not an object")]
    NotAnObject,
    /// A key that must be there is not.
    #[error("{0:?} is missing")]
    Missing(&'static str),
    /// A value is of the wrong type.
    #[error("{key:?} is not {expected}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The type it should have.
        expected: &'static str,
    },
    /// More context keys than the receiver allows.
    #[error("more than {0} context keys")]
    TooManyContextKeys(usize),
}
