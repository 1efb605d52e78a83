//! What outlives the broker, as it changes.

use std::sync::Arc;

use bergen_amqp::codec::FieldTable;
use bytes::Bytes;

use super::{ExchangeKind, Message, Position};

/// One change of durable state. Applied in order to an empty virtual host
/// ([`restore`](super::VirtualHost::restore)), the changes make what was there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change<B = Bytes> {
    /// A durable exchange was declared.
    ExchangeDeclared {
        /// Its name.
        name: Arc<str>,
        /// Its type.
        kind: ExchangeKind,
        /// Whether it goes with its last binding.
        auto_delete: bool,
        /// Whether clients may not publish to it.
        internal: bool,
        /// As declared.
        arguments: FieldTable<'static>,
    },
    /// A durable exchange is gone, and its bindings with it.
    ExchangeDeleted {
        /// Its name.
        name: Arc<str>,
    },
    /// A durable queue was declared.
    QueueDeclared {
        /// Its name.
        name: Arc<str>,
        /// Whether it goes with its last consumer.
        auto_delete: bool,
        /// As declared.
        arguments: FieldTable<'static>,
    },
    /// A durable queue is gone, its bindings and messages with it.
    QueueDeleted {
        /// Its name.
        name: Arc<str>,
    },
    /// A durable exchange was bound to a durable queue or exchange.
    Bound {
        /// The exchange that messages come from.
        source: Arc<str>,
        /// Where they go.
        destination: Arc<str>,
        /// Whether that is an exchange.
        to_exchange: bool,
        /// The binding key.
        routing_key: Arc<str>,
        /// As given.
        arguments: FieldTable<'static>,
    },
    /// Such a binding is gone.
    Unbound {
        /// The exchange that messages came from.
        source: Arc<str>,
        /// Where they went.
        destination: Arc<str>,
        /// Whether that is an exchange.
        to_exchange: bool,
        /// The binding key.
        routing_key: Arc<str>,
        /// As given.
        arguments: FieldTable<'static>,
    },
    /// A persistent message (in a stream or a quorum queue: any message) joined a durable queue.
    Enqueued {
        /// The queue.
        queue: Arc<str>,
        /// Its place there.
        position: Position,
        /// The message.
        message: Arc<Message<B>>,
        /// Milliseconds since 1970 when it came, for expiry and streams after a restart.
        at: u64,
    },
    /// Messages left a durable queue: acknowledged, expired, dropped, dead-lettered or purged.
    Removed {
        /// The queue.
        queue: Arc<str>,
        /// Their places.
        positions: Vec<Position>,
    },
    /// A message of a queue that counts deliveries was given back.
    Returned {
        /// The queue.
        queue: Arc<str>,
        /// Its place.
        position: Position,
        /// How often it has been given back.
        delivery_count: u32,
    },
    /// All that stands before this offset left a stream.
    Truncated {
        /// The stream.
        queue: Arc<str>,
        /// The first offset that is left.
        before: Position,
    },
}
