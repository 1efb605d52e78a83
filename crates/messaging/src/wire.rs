//! What travels: envelope, request, reply, failure, keep-alive and context, as plain types.
//!
//! Nothing here does I/O or knows a broker. Arguments, results and context values stay
//! [`RawJson`]: a slice of the received text, decoded only by who reads it.

pub mod convert;
pub mod envelope;

mod compression;
mod context;
mod error;
mod failure;
mod fields;
mod id;
pub(crate) mod json;
mod keep_alive;
mod properties;
mod reply;
mod request;
mod scratch;
#[cfg(test)]
mod tests;
mod text;
mod write;

pub use compression::Compression;
pub use context::Context;
pub use envelope::Limits;
pub use error::WireError;
pub use failure::Failure;
pub use id::Id;
pub use json::{Elements, JsonError, JsonKind, Members, RawJson};
pub use keep_alive::KeepAlive;
pub use properties::MessageProperties;
pub use reply::{Outcome, Reply, decode_reply, encode_reply};
pub use request::{
    CallIds, OutgoingRequest, Request, RequestIds, RequestVersion, decode_request, encode_request,
};
pub use text::Text;
pub use write::Charset;
