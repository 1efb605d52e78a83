//! What clients ask for.

use std::sync::Arc;

use bergen_amqp::codec::FieldTable;

/// How a virtual host behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostSettings {
    /// Its name, which stands in refusals. Default `/`.
    pub name: Arc<str>,
    /// Whether transient queues that are not exclusive may be declared. `false` refuses them with 541, as RabbitMQ
    /// 4.3 does by default. Default `true`, as RabbitMQ 3.
    pub transient_shared_queues: bool,
    /// How many queues there may be. Default 100 000: an idle queue costs about a kilobyte.
    pub max_queues: usize,
    /// What exchanges, bindings, queues (without messages) and consumers may take in memory together, in bytes of an estimate that counts
    /// names and arguments. What is over it is refused with 406. Default 256 MiB, which is more than twice what the
    /// default number of usual queues takes: arguments may be as large as a frame.
    pub max_definitions: u64,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            name: "/".into(),
            transient_shared_queues: true,
            max_queues: 100_000,
            max_definitions: 256 << 20,
        }
    }
}

/// How an exchange chooses queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExchangeKind {
    /// By equal keys.
    Direct,
    /// By patterns of words, `*` and `#`.
    Topic,
    /// All that are bound.
    Fanout,
    /// By the headers of the message.
    Headers,
}

/// `exchange.declare`
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the method has them")]
pub struct DeclareExchange<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type as the client wrote it: what is unknown is refused with 503.
    pub kind: &'a str,
    /// Only ask whether it exists.
    pub passive: bool,
    /// Whether it outlives the broker.
    pub durable: bool,
    /// Whether it goes with its last binding.
    pub auto_delete: bool,
    /// Whether clients may not publish to it.
    pub internal: bool,
    /// For example `alternate-exchange`.
    pub arguments: &'a FieldTable<'a>,
}

/// `queue.declare`
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the method has them")]
pub struct DeclareQueue<'a> {
    /// Its name; if empty one is made up: `amq.gen-…`.
    pub name: &'a str,
    /// Only ask whether it exists.
    pub passive: bool,
    /// Whether it outlives the broker.
    pub durable: bool,
    /// Whether it belongs to the declaring connection and goes with it.
    pub exclusive: bool,
    /// Whether it goes with its last consumer.
    pub auto_delete: bool,
    /// For example `x-expires`.
    pub arguments: &'a FieldTable<'a>,
}

/// `queue.declare-ok`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDeclared {
    /// Its name.
    pub name: Arc<str>,
    /// Messages ready for delivery.
    pub message_count: u32,
    /// Consumers.
    pub consumer_count: u32,
}

/// `queue.bind`, `exchange.bind` and their opposites.
#[derive(Debug, Clone, PartialEq)]
pub struct Bind<'a> {
    /// The exchange that messages come from.
    pub source: &'a str,
    /// The queue or exchange that they go to.
    pub destination: &'a str,
    /// The binding key.
    pub routing_key: &'a str,
    /// For headers exchanges.
    pub arguments: &'a FieldTable<'a>,
}

/// `basic.publish`, without its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Publish {
    /// Whether the publisher wants to know that no queue took it. The owner returns the message.
    pub mandatory: bool,
}

/// `basic.consume`
#[derive(Debug, Clone, PartialEq)]
pub struct Consume<'a> {
    /// The queue.
    pub queue: &'a str,
    /// The consumer's name on its channel; if empty one is made up: `amq.ctag-…`.
    pub consumer_tag: &'a str,
    /// Whether deliveries need no acknowledgement.
    pub no_ack: bool,
    /// Whether nobody else may consume the queue.
    pub exclusive: bool,
    /// For example `x-priority` or `x-stream-offset`.
    pub arguments: &'a FieldTable<'a>,
}
