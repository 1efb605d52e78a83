//! What exists on the broker for a target: names and declarations, as data.
//!
//! Nothing here talks to a broker. Two peers must declare the same entity with the same arguments, else the broker
//! refuses the second one, so every field here mirrors the peer's declaration under the same options.

use std::borrow::Cow;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// The options that change declarations.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one field for each boolean option of the peer"
)]
pub(super) struct TopologyOptions {
    /// `amqp_durable_queues`: topic exchanges and queues survive a broker restart.
    pub(super) durable_queues: bool,
    /// `amqp_auto_delete`: topic exchanges and queues vanish with their last user.
    pub(super) auto_delete: bool,
    /// `rabbit_quorum_queue`: topic queues are replicated.
    pub(super) quorum_queue: bool,
    /// `rabbit_transient_quorum_queue`: fanout and reply queues are replicated.
    pub(super) transient_quorum_queue: bool,
    /// `rabbit_quorum_delivery_limit`; 0 sets none.
    pub(super) quorum_delivery_limit: i32,
    /// `rabbit_quorum_max_memory_length`, in messages; 0 sets none.
    pub(super) quorum_max_memory_length: i32,
    /// `rabbit_quorum_max_memory_bytes`; 0 sets none.
    pub(super) quorum_max_memory_bytes: i32,
    /// `rabbit_ha_queues`: the argument that RabbitMQ 2 mirrored queues by; later brokers ignore it.
    pub(super) ha_queues: bool,
    /// `rabbit_transient_queues_ttl`, in seconds: fanout and reply queues without a consumer vanish after it; 0 never.
    pub(super) transient_queues_ttl: i32,
    /// `enable_cancel_on_failover`: consumers are cancelled when their mirrored queue fails over.
    pub(super) cancel_on_failover: bool,
    /// `rabbit_stream_fanout`: all servers of a topic read one stream instead of a fanout queue each.
    pub(super) stream_fanout: bool,
    /// `bergen_durable_transient_queues`: fanout and reply queues survive a broker restart.
    pub(super) durable_transient_queues: bool,
}

impl Default for TopologyOptions {
    fn default() -> Self {
        Self {
            durable_queues: false,
            auto_delete: false,
            quorum_queue: false,
            transient_quorum_queue: false,
            quorum_delivery_limit: 0,
            quorum_max_memory_length: 0,
            quorum_max_memory_bytes: 0,
            ha_queues: false,
            transient_queues_ttl: 1800,
            cancel_on_failover: false,
            stream_fanout: false,
            durable_transient_queues: false,
        }
    }
}

/// How an exchange routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExchangeType {
    Topic,
    Fanout,
}

/// An exchange as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) name: Arc<str>,
    pub(super) kind: ExchangeType,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
}

/// The value of a queue or consumer argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    /// Goes out as field type `I`, as the peer's integers do.
    Int(i32),
    /// For what may not fit 32 bits: field type `l`.
    Long(i64),
    Text(Cow<'static, str>),
    Bool(bool),
    /// Seconds since 1970: field type `T`.
    Timestamp(u64),
}

/// Named arguments of a declaration, in the peer's order.
pub(super) type Arguments = Vec<(&'static str, Argument)>;

/// A queue as it is declared. No queue of this wire is exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queue {
    pub(super) name: Arc<str>,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
    pub(super) arguments: Arguments,
}

impl Queue {
    /// Whether its type is one that the broker refuses to keep in memory only.
    pub(super) fn is_always_durable(&self) -> bool {
        self.arguments
            .iter()
            .any(|(name, _)| *name == "x-queue-type")
    }

    /// Whether it is a stream, which all servers of a topic read.
    pub(super) fn is_stream(&self) -> bool {
        self.arguments.iter().any(|(name, value)| {
            *name == "x-queue-type" && *value == Argument::Text("stream".into())
        })
    }
}

/// A queue with the exchange that fills it. The reply queue has none: the default exchange reaches it by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) exchange: Option<Exchange>,
    pub(super) queue: Queue,
    /// The binding key; unused without an exchange.
    pub(super) key: Arc<str>,
}

/// Names and declarations under one set of options.
#[derive(Debug, Clone, Default)]
pub(super) struct Topology {
    options: TopologyOptions,
}

impl Topology {
    pub(super) fn new(options: TopologyOptions) -> Self {
        Self { options }
    }

    /// The three queues of an RPC server, in the order in which the peer declares and consumes them: any server of the
    /// topic, this server, every server.
    pub(super) fn server(
        &self,
        exchange: &str,
        topic: &str,
        server: &str,
        fanout_queue: &str,
    ) -> [Binding; 3] {
        let direct = server_queue(topic, server);
        [
            self.topic_binding(exchange, topic, topic),
            self.topic_binding(exchange, &direct, &direct),
            Binding {
                exchange: Some(self.fanout_exchange(topic)),
                queue: if self.options.stream_fanout {
                    self.stream(fanout_queue)
                } else {
                    self.transient_queue(fanout_queue)
                },
                key: topic.into(),
            },
        ]
    }

    /// The queue of notifications of one topic and priority; `pool` names a queue that shares their copies instead.
    pub(super) fn notifications(
        &self,
        exchange: &str,
        topic: &str,
        priority: &str,
        pool: Option<&str>,
    ) -> Binding {
        let key = notification_key(topic, priority);
        self.topic_binding(exchange, pool.unwrap_or(&key), &key)
    }

    /// The queue of a pool that goes with its last listener. Never replicated: the broker refuses a replicated queue
    /// that deletes itself. It expires, too, since one that was never consumed does not go by itself.
    pub(super) fn temporary_pool(
        &self,
        exchange: &str,
        topic: &str,
        priority: &str,
        pool: &str,
    ) -> Binding {
        Binding {
            exchange: Some(self.topic_exchange(exchange)),
            queue: Queue {
                name: pool.into(),
                durable: self.options.durable_transient_queues,
                auto_delete: true,
                arguments: self.arguments(false, self.options.transient_queues_ttl),
            },
            key: notification_key(topic, priority).into(),
        }
    }

    /// The reply queue: no exchange, no binding.
    pub(super) fn replies(&self, queue: &str) -> Binding {
        Binding {
            exchange: None,
            queue: self.transient_queue(queue),
            key: queue.into(),
        }
    }

    /// The topic exchange that requests and notifications go through.
    pub(super) fn topic_exchange(&self, name: &str) -> Exchange {
        Exchange {
            name: name.into(),
            kind: ExchangeType::Topic,
            durable: self.durable(),
            auto_delete: self.options.auto_delete,
        }
    }

    /// The fanout exchange of a topic. Its name does not contain the control exchange: two services with one topic in
    /// one vhost receive each other's fanouts, as they do with the peer.
    pub(super) fn fanout_exchange(&self, topic: &str) -> Exchange {
        Exchange {
            name: fanout_exchange_name(topic).into(),
            kind: ExchangeType::Fanout,
            durable: self.options.transient_quorum_queue || self.options.stream_fanout,
            auto_delete: true,
        }
    }

    /// The name of the stream that all servers of a topic share; `None` where each has a fanout queue of its own.
    pub(super) fn fanout_stream(&self, topic: &str) -> Option<Arc<str>> {
        let name = || fanout_exchange_name(topic).into();
        self.options.stream_fanout.then(name)
    }

    /// Whether some queue would not survive a restart of the broker.
    pub(super) fn has_transient_queues(&self) -> bool {
        let replies = self.replies("").queue;
        !self.durable() || !replies.durable
    }

    /// The arguments of every basic.consume but that of a stream.
    pub(super) fn consume_arguments(&self) -> Arguments {
        if self.options.cancel_on_failover {
            vec![("x-cancel-on-ha-failover", Argument::Bool(true))]
        } else {
            Arguments::new()
        }
    }

    fn topic_binding(&self, exchange: &str, queue: &str, key: &str) -> Binding {
        Binding {
            exchange: Some(self.topic_exchange(exchange)),
            queue: Queue {
                name: queue.into(),
                durable: self.durable(),
                auto_delete: self.options.auto_delete,
                arguments: self.arguments(self.options.quorum_queue, 0),
            },
            key: key.into(),
        }
    }

    /// The stream keeps casts for the time that a fanout queue would outlive its server.
    fn stream(&self, name: &str) -> Queue {
        let mut arguments = vec![("x-queue-type", Argument::Text("stream".into()))];
        let ttl = self.options.transient_queues_ttl;
        if ttl > 0 {
            arguments.push(("x-max-age", Argument::Text(format!("{ttl}s").into())));
        }
        Queue {
            name: name.into(),
            durable: true,
            auto_delete: false,
            arguments,
        }
    }

    fn transient_queue(&self, name: &str) -> Queue {
        let quorum = self.options.transient_quorum_queue;
        Queue {
            name: name.into(),
            durable: quorum || self.options.durable_transient_queues,
            auto_delete: false,
            arguments: self.arguments(quorum, self.options.transient_queues_ttl),
        }
    }

    fn arguments(&self, quorum: bool, ttl: i32) -> Arguments {
        let options = &self.options;
        let mut arguments = Arguments::new();
        if options.ha_queues {
            arguments.push(("x-ha-policy", Argument::Text("all".into())));
        }
        if quorum {
            arguments.push(("x-queue-type", Argument::Text("quorum".into())));
            let limits = [
                ("x-delivery-limit", options.quorum_delivery_limit),
                ("x-max-in-memory-length", options.quorum_max_memory_length),
                ("x-max-in-memory-bytes", options.quorum_max_memory_bytes),
            ];
            arguments.extend(
                limits
                    .into_iter()
                    .filter(|(_, limit)| *limit > 0)
                    .map(|(name, limit)| (name, Argument::Int(limit))),
            );
        }
        if ttl > 0 {
            arguments.push(("x-expires", Argument::Int(ttl.saturating_mul(1000))));
        }
        arguments
    }

    fn durable(&self) -> bool {
        self.options.durable_queues || self.options.quorum_queue
    }
}

/// The queue and routing key of one server.
pub(super) fn server_queue(topic: &str, server: &str) -> String {
    format!("{topic}.{server}")
}

/// The queue and routing key of notifications of one priority.
pub(super) fn notification_key(topic: &str, priority: &str) -> String {
    format!("{topic}.{}", priority.to_lowercase())
}

/// The name of a topic's fanout exchange.
pub(super) fn fanout_exchange_name(topic: &str) -> String {
    format!("{topic}_fanout")
}

/// The name of one server's fanout queue; `id` comes from [`QueueNames`](super::queue_names::QueueNames).
pub(super) fn fanout_queue_name(topic: &str, id: impl std::fmt::Display) -> String {
    format!("{topic}_fanout_{id}")
}

/// The start of every reply queue's name. Answers go to no other queue.
pub(super) const REPLY_PREFIX: &str = "reply_";

/// The name of a reply queue; `id` as that of a fanout queue.
pub(super) fn reply_queue_name(id: impl std::fmt::Display) -> String {
    format!("{REPLY_PREFIX}{id}")
}
