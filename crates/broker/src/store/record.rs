//! Changes as bytes: what a frame's payload holds.
//!
//! A payload is a version and then records, each a kind and its fields as AMQP writes them. Names come again and
//! again, so the first use of one spells it and later ones give its number in the frame. A message that joined
//! several queues at once is written once.

mod decode;
mod encode;

use std::sync::Arc;

pub(super) use decode::{Decoder, RecordError};
pub(super) use encode::Encoder;

use bergen_amqp::codec::FieldTable;

use crate::core::{ExchangeKind, Position};

/// The first byte of a payload.
const VERSION: u8 = 1;

/// One thing that changed, of one virtual host. Borrows its large parts from the frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record<'a> {
    HostAdded {
        host: Arc<str>,
    },
    HostRemoved {
        host: Arc<str>,
    },
    ExchangeDeclared {
        host: Arc<str>,
        name: Arc<str>,
        kind: ExchangeKind,
        auto_delete: bool,
        internal: bool,
        arguments: FieldTable<'a>,
    },
    ExchangeDeleted {
        host: Arc<str>,
        name: Arc<str>,
    },
    QueueDeclared {
        host: Arc<str>,
        name: Arc<str>,
        auto_delete: bool,
        arguments: FieldTable<'a>,
    },
    QueueDeleted {
        host: Arc<str>,
        name: Arc<str>,
    },
    Bound {
        host: Arc<str>,
        binding: Binding<'a>,
    },
    Unbound {
        host: Arc<str>,
        binding: Binding<'a>,
    },
    Enqueued {
        targets: Vec<Target>,
        message: StoredMessage<'a>,
    },
    Removed {
        host: Arc<str>,
        queue: Arc<str>,
        positions: Vec<Position>,
    },
    Returned {
        host: Arc<str>,
        queue: Arc<str>,
        position: Position,
        delivery_count: u32,
    },
    Truncated {
        host: Arc<str>,
        queue: Arc<str>,
        before: Position,
    },
}

/// The identity of a binding is all of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Binding<'a> {
    pub(super) source: Arc<str>,
    pub(super) destination: Arc<str>,
    pub(super) to_exchange: bool,
    pub(super) routing_key: Arc<str>,
    pub(super) arguments: FieldTable<'a>,
}

/// A place that a message took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Arc<str>,
    pub(super) queue: Arc<str>,
    pub(super) position: Position,
    /// Milliseconds since 1970.
    pub(super) at: u64,
}

/// A message whose properties stay as they are encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredMessage<'a> {
    pub(super) exchange: Arc<str>,
    pub(super) routing_key: Arc<str>,
    pub(super) properties: &'a [u8],
    pub(super) body: &'a [u8],
}

/// The first byte of a record.
mod kind {
    pub(super) const HOST_ADDED: u8 = 1;
    pub(super) const HOST_REMOVED: u8 = 2;
    pub(super) const EXCHANGE_DECLARED: u8 = 3;
    pub(super) const EXCHANGE_DELETED: u8 = 4;
    pub(super) const QUEUE_DECLARED: u8 = 5;
    pub(super) const QUEUE_DELETED: u8 = 6;
    pub(super) const BOUND: u8 = 7;
    pub(super) const UNBOUND: u8 = 8;
    pub(super) const ENQUEUED: u8 = 9;
    pub(super) const REMOVED: u8 = 10;
    pub(super) const RETURNED: u8 = 11;
    pub(super) const TRUNCATED: u8 = 12;
}

/// The number that says: this name is spelled here and gets no number.
const UNNUMBERED: u16 = u16::MAX;

#[cfg(test)]
mod tests;
