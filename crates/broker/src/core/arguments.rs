//! What the arguments of declarations say.

use std::{sync::Arc, time::Duration};

use bergen_amqp::codec::FieldTable;

use super::{DeclareQueue, Refusal};

mod check;
mod consumer;
mod equivalence;

pub(super) use check::interval;
pub(super) use consumer::ConsumerArguments;
pub(super) use equivalence::{check_equivalent, check_same, shown, type_name};

/// The type of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum QueueKind {
    /// A queue.
    #[default]
    Classic,
    /// As RabbitMQ's quorum queues: durable, with a count of deliveries. There is one copy, on this machine.
    Quorum,
    /// A log that is read without taking from it.
    Stream,
}

impl QueueKind {
    /// What `x-queue-type` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
            Self::Stream => "stream",
        }
    }
}

/// What happens with a message that does not fit into its queue any more: `x-overflow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Overflow {
    /// The oldest message makes room.
    #[default]
    DropHead,
    /// It is not taken.
    RejectPublish,
    /// It is not taken, but dead-lettered.
    RejectPublishDeadLetter,
}

/// The arguments of a queue that mean something here.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct QueueSettings {
    pub(super) kind: QueueKind,
    /// How long it lives without being used.
    pub(super) expires: Option<Duration>,
    /// How long a message waits at most.
    pub(super) message_ttl: Option<Duration>,
    /// Messages that are ready.
    pub(super) max_length: Option<u64>,
    /// Bytes of bodies that are ready; of a stream, all.
    pub(super) max_length_bytes: Option<u64>,
    pub(super) overflow: Overflow,
    pub(super) dead_letter_exchange: Option<Arc<str>>,
    pub(super) dead_letter_routing_key: Option<Arc<str>>,
    /// How often a message may come back.
    pub(super) delivery_limit: Option<u32>,
    pub(super) max_priority: Option<u8>,
    pub(super) single_active_consumer: bool,
    /// How long a stream keeps a message at least.
    pub(super) max_age: Option<Duration>,
}

impl QueueSettings {
    /// Reads the arguments of a queue that does not exist yet; refuses what RabbitMQ refuses, in its order.
    pub(super) fn parse(host: &str, declare: &DeclareQueue<'_>) -> Result<Self, Refusal> {
        let arguments = declare.arguments;
        let kind = check::queue(host, declare)?;
        let milliseconds = |name| unsigned(arguments, name).map(Duration::from_millis);
        let text = |name| {
            let value = arguments.get(name)?.as_bytes()?;
            Some(Arc::<str>::from(String::from_utf8_lossy(value)))
        };
        Ok(Self {
            kind,
            expires: milliseconds("x-expires"),
            message_ttl: milliseconds("x-message-ttl"),
            max_length: unsigned(arguments, "x-max-length"),
            max_length_bytes: unsigned(arguments, "x-max-length-bytes"),
            overflow: match text("x-overflow").as_deref() {
                Some("reject-publish") => Overflow::RejectPublish,
                Some("reject-publish-dlx") => Overflow::RejectPublishDeadLetter,
                _ => Overflow::DropHead,
            },
            dead_letter_exchange: text("x-dead-letter-exchange"),
            dead_letter_routing_key: text("x-dead-letter-routing-key"),
            delivery_limit: unsigned(arguments, "x-delivery-limit")
                .map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
            max_priority: unsigned(arguments, "x-max-priority")
                .and_then(|priority| u8::try_from(priority).ok())
                .filter(|priority| *priority > 0),
            single_active_consumer: arguments
                .get("x-single-active-consumer")
                .and_then(bergen_amqp::codec::FieldValue::as_bool)
                .unwrap_or_default(),
            max_age: text("x-max-age").and_then(|age| interval(&age)),
        })
    }
}

fn unsigned(arguments: &FieldTable<'_>, name: &str) -> Option<u64> {
    u64::try_from(arguments.get(name)?.as_i64()?).ok()
}

#[cfg(test)]
mod tests;
