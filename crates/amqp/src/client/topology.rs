//! What can be declared, bound and deleted.

use crate::codec::FieldTable;

/// The kind of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeKind {
    /// Routes to queues bound with exactly the routing key.
    #[default]
    Direct,
    /// Routes to all bound queues.
    Fanout,
    /// Routes by patterns with `*` (one word) and `#` (any number of words).
    Topic,
    /// Routes by header values.
    Headers,
    /// A kind that a plugin brings, such as `x-delayed-message`.
    Other(String),
}

impl ExchangeKind {
    /// The kind's name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
            Self::Headers => "headers",
            Self::Other(name) => name,
        }
    }
}

/// `exchange.declare`: creates an exchange, or checks that it is there with the same properties
/// (else 406 closes the channel). Every flag is false by default.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the protocol's flags")]
pub struct ExchangeDeclare {
    /// The exchange's name.
    pub name: String,
    /// Its kind. Default direct.
    pub kind: ExchangeKind,
    /// Only check that it exists: 404 closes the channel if not.
    pub passive: bool,
    /// Survives a restart of the broker.
    pub durable: bool,
    /// Deleted when the last binding from it goes.
    pub auto_delete: bool,
    /// Only other exchanges may publish to it.
    pub internal: bool,
    /// Further arguments, such as `alternate-exchange`.
    pub arguments: FieldTable<'static>,
}

impl ExchangeDeclare {
    /// A transient exchange that stays until it is deleted.
    pub fn new(name: impl Into<String>, kind: ExchangeKind) -> Self {
        Self {
            name: name.into(),
            kind,
            ..Self::default()
        }
    }
}

/// `exchange.delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeDelete {
    /// The exchange's name.
    pub name: String,
    /// Refuse (406) if anything is bound to it.
    pub if_unused: bool,
}

impl ExchangeDelete {
    /// Deletes the exchange whether used or not.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            if_unused: false,
        }
    }
}

/// `queue.declare`: creates a queue, or checks that it is there with the same properties (else 406
/// closes the channel). Every flag is false by default.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the protocol's flags")]
pub struct QueueDeclare {
    /// The queue's name; empty lets the broker choose one, see [`QueueDeclared::name`].
    pub name: String,
    /// Only check that it exists: 404 closes the channel if not.
    pub passive: bool,
    /// Survives a restart of the broker.
    pub durable: bool,
    /// Belongs to this connection and dies with it.
    pub exclusive: bool,
    /// Deleted when its last consumer goes.
    pub auto_delete: bool,
    /// Further arguments, such as `x-expires` or `x-queue-type`.
    pub arguments: FieldTable<'static>,
}

impl QueueDeclare {
    /// A transient queue that stays until it is deleted.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Asks whether the queue exists and how full it is, without creating it.
    pub fn passive(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            passive: true,
            ..Self::default()
        }
    }
}

/// What the broker knows of a queue that was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDeclared {
    /// The queue's name, also where the broker chose it.
    pub name: String,
    /// Messages ready for delivery.
    pub message_count: u32,
    /// Consumers that are active now.
    pub consumer_count: u32,
}

/// `queue.delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueDelete {
    /// The queue's name.
    pub name: String,
    /// Refuse (406) if it has consumers.
    pub if_unused: bool,
    /// Refuse (406) if it holds messages.
    pub if_empty: bool,
}

impl QueueDelete {
    /// Deletes the queue with all it holds.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// `queue.bind`: messages of the exchange with this routing key go to the queue too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueBind {
    /// The queue's name.
    pub queue: String,
    /// The exchange's name.
    pub exchange: String,
    /// The routing key or pattern.
    pub routing_key: String,
    /// Further arguments, such as those of a headers exchange.
    pub arguments: FieldTable<'static>,
}

impl QueueBind {
    /// A binding without arguments.
    pub fn new(
        queue: impl Into<String>,
        exchange: impl Into<String>,
        routing_key: impl Into<String>,
    ) -> Self {
        Self {
            queue: queue.into(),
            exchange: exchange.into(),
            routing_key: routing_key.into(),
            arguments: FieldTable::default(),
        }
    }
}

/// `queue.unbind`: takes back the [`QueueBind`] with the same fields.
pub type QueueUnbind = QueueBind;

/// `exchange.bind`, an extension of RabbitMQ: messages of `source` with this routing key go to
/// `destination` too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExchangeBind {
    /// The exchange that receives.
    pub destination: String,
    /// The exchange that gives.
    pub source: String,
    /// The routing key or pattern.
    pub routing_key: String,
    /// Further arguments.
    pub arguments: FieldTable<'static>,
}

impl ExchangeBind {
    /// A binding without arguments.
    pub fn new(
        destination: impl Into<String>,
        source: impl Into<String>,
        routing_key: impl Into<String>,
    ) -> Self {
        Self {
            destination: destination.into(),
            source: source.into(),
            routing_key: routing_key.into(),
            arguments: FieldTable::default(),
        }
    }
}

/// `exchange.unbind`: takes back the [`ExchangeBind`] with the same fields.
pub type ExchangeUnbind = ExchangeBind;
