//! What is published.

use std::sync::Arc;

use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue, properties::PERSISTENT};
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

impl<B: Body> Message<B> {
    /// What one queue that holds it counts as in memory, in bytes: an estimate that no flood of small or
    /// header-heavy messages evades.
    pub(super) fn cost(&self) -> u32 {
        let headers = self.properties.headers.as_ref().map_or(0, table_size);
        u32::try_from(OVERHEAD + headers + self.body.size()).unwrap_or(u32::MAX)
    }

    pub(super) fn is_persistent(&self) -> bool {
        self.properties.delivery_mode == Some(PERSISTENT)
    }
}

/// What a message takes beside headers and body: itself, its other properties, its place in a queue.
const OVERHEAD: usize = 400;

fn table_size(table: &FieldTable<'_>) -> usize {
    table
        .iter()
        .map(|(key, value)| key.len() + value_size(value))
        .sum()
}

fn value_size(value: &FieldValue<'_>) -> usize {
    size_of::<(String, FieldValue<'_>)>()
        + match value {
            FieldValue::LongString(bytes) | FieldValue::Bytes(bytes) => bytes.len(),
            FieldValue::Array(values) => values.iter().map(value_size).sum(),
            FieldValue::Table(table) => table_size(table),
            _ => 0,
        }
}
