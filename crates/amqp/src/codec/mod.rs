//! Bytes to AMQP 0-9-1 values and back, without I/O and without state.
//!
//! - [`frame`]: the envelope of everything on the wire, and ready-made encoders for the hot path;
//! - [`methods`]: every method of the protocol with RabbitMQ's extensions, declared once;
//! - [`properties`]: the fourteen message properties and the content header;
//! - [`table`]: field tables, the typed maps inside methods and headers;
//! - [`primitives`]: integers, strings and packed bits;
//! - [`reply_code`]: the numbers that `close` and `basic.return` carry;
//! - [`error`]: what can be wrong with a peer's bytes or with ours.
//!
//! Decoding borrows from the input and trusts nothing in it: no memory is set aside from a declared
//! length, tables nest at most [`MAX_DEPTH`](table::MAX_DEPTH) deep, and bytes left over are errors.
//! Encoding appends to a buffer and leaves it as it was when it fails.

pub mod error;
pub mod frame;
pub mod methods;
pub mod primitives;
pub mod properties;
pub mod reply_code;
pub mod table;

pub use error::{DecodeError, EncodeError};
pub use frame::{ContentHeader, Frame, FrameKind, RawFrame};
pub use methods::Method;
pub use properties::BasicProperties;
pub use table::{FieldTable, FieldValue};
