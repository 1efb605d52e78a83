//! What things take in memory: estimates that no choice of names, arguments or headers evades.

use bergen_amqp::codec::{FieldTable, FieldValue};

use super::{Body, Message};

/// A message beside its headers and body: itself, its other properties, its place in a queue.
const MESSAGE: usize = 400;

/// A queue without name, arguments, messages and consumers.
const QUEUE: usize = 1000;

/// An exchange without name, arguments and bindings.
const EXCHANGE: usize = 600;

/// A binding without key and arguments, which are kept twice: as they came and to be compared.
const BINDING: usize = 600;

/// A consumer without tag and arguments.
const CONSUMER: usize = 400;

/// What one queue that holds this message counts it as, in bytes.
pub(super) fn of_message<B: Body>(message: &Message<B>) -> u32 {
    let headers = message.properties.headers.as_ref().map_or(0, of_table);
    u32::try_from(MESSAGE + headers + message.body.size()).unwrap_or(u32::MAX)
}

/// What a queue counts as without its messages, in bytes.
pub(super) fn of_queue(name: &str, arguments: &FieldTable<'_>) -> u64 {
    (QUEUE + name.len() + of_table(arguments)) as u64
}

/// What a consumer counts as, in bytes.
pub(super) fn of_consumer(tag: &str, arguments: &FieldTable<'_>) -> u64 {
    (CONSUMER + tag.len() + of_table(arguments)) as u64
}

/// What an exchange counts as without its bindings, in bytes.
pub(super) fn of_exchange(name: &str, arguments: &FieldTable<'_>) -> u64 {
    (EXCHANGE + name.len() + of_table(arguments)) as u64
}

/// What a binding counts as, in bytes.
pub(super) fn of_binding(routing_key: &str, arguments: &FieldTable<'_>) -> u64 {
    (BINDING + 2 * (routing_key.len() + of_table(arguments))) as u64
}

/// What a table takes, in bytes.
fn of_table(table: &FieldTable<'_>) -> usize {
    table
        .iter()
        .map(|(key, value)| key.len() + of_value(value))
        .sum()
}

fn of_value(value: &FieldValue<'_>) -> usize {
    size_of::<(String, FieldValue<'_>)>()
        + match value {
            FieldValue::LongString(bytes) | FieldValue::Bytes(bytes) => bytes.len(),
            FieldValue::Array(values) => values.iter().map(of_value).sum(),
            FieldValue::Table(table) => of_table(table),
            _ => 0,
        }
}
