//! What is published.

use std::sync::Arc;

use bergen_amqp::codec::{BasicProperties, properties::PERSISTENT};
use bytes::Bytes;

/// The body of a message: bytes for brokers on the wire, anything else for those inside a process.
///
/// A clone shares what it can: a message that is dead-lettered gets other headers and keeps its body.
pub trait Body: Clone {
    /// Its size in bytes, or what it should count as: length limits and memory watermarks go by it.
    fn size(&self) -> usize;
}

impl Body for Bytes {
    fn size(&self) -> usize {
        self.len()
    }
}

/// A message as it was published. Queues share it; it never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Message<B = Bytes> {
    /// The exchange it was published to; empty is the default exchange.
    pub exchange: Arc<str>,
    /// The routing key it was published with.
    pub routing_key: Arc<str>,
    /// Its properties. The core looks at `expiration`, `priority`, `delivery_mode` and `headers`.
    pub properties: BasicProperties<'static>,
    /// Its body.
    pub body: B,
}

impl<B> Message<B> {
    pub(super) fn is_persistent(&self) -> bool {
        self.properties.delivery_mode == Some(PERSISTENT)
    }
}
