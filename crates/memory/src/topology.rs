//! What exists on a bus for a target: the same exchanges, queues and keys as on RabbitMQ.

use std::sync::Arc;

use bergen_messaging::driver::SendError;
use bergen_messaging::target::{InvalidTarget, Target};

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    pub(crate) exchange: Arc<str>,
    /// For a topic, one of its servers, or notifications also the name of the queue.
    pub(crate) routing_key: Arc<str>,
}

impl Route {
    /// To any server of the target's topic, or to the one it names.
    pub(crate) fn direct(control_exchange: &Arc<str>, target: &Target) -> Result<Self, SendError> {
        let topic = topic(target)?;
        let routing_key = match target.server.as_deref() {
            Some(server) if !server.is_empty() => server_queue(topic, server).into(),
            _ => topic.into(),
        };
        Ok(Self {
            exchange: exchange(control_exchange, target),
            routing_key,
        })
    }

    /// To every server of the target's topic.
    pub(crate) fn fanout(target: &Target) -> Result<Self, SendError> {
        Ok(Self {
            exchange: fanout_exchange(topic(target)?).into(),
            routing_key: "".into(),
        })
    }

    /// To whoever listens for notifications of this priority.
    pub(crate) fn notification(
        control_exchange: &Arc<str>,
        target: &Target,
        priority: &str,
    ) -> Result<Self, SendError> {
        Ok(Self {
            exchange: exchange(control_exchange, target),
            routing_key: notification_key(topic(target)?, priority).into(),
        })
    }
}

/// A queue with the exchange that fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) exchange: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) queue: Arc<str>,
    pub(crate) key: Arc<str>,
}

/// How messages get into a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By their key. The queue stays when its server goes, as on RabbitMQ: another one may come.
    Topic,
    /// By their key. The queue goes with its last listener.
    Temporary,
    /// All of them. The queue is one server's, and goes with it.
    Fanout,
}

/// The three queues of a server: any server of the topic, this server, every server.
pub(crate) fn server(
    control_exchange: &Arc<str>,
    target: &Target,
    id: impl std::fmt::Display,
) -> Result<[Binding; 3], InvalidTarget> {
    let (topic, server) = target.check_listen()?;
    let exchange = exchange(control_exchange, target);
    let direct: Arc<str> = server_queue(topic, server).into();
    let topic_queue: Arc<str> = topic.into();
    Ok([
        topic_binding(&exchange, &topic_queue, &topic_queue),
        topic_binding(&exchange, &direct, &direct),
        Binding {
            exchange: fanout_exchange(topic).into(),
            kind: Kind::Fanout,
            queue: format!("{topic}_fanout_{id}").into(),
            key: topic.into(),
        },
    ])
}

/// The queue of notifications of one topic and priority; `pool` names a queue that shares their copies instead.
pub(crate) fn notifications(
    control_exchange: &Arc<str>,
    target: &Target,
    priority: &str,
    pool: Option<&str>,
    temporary: bool,
) -> Result<Binding, InvalidTarget> {
    let key: Arc<str> = notification_key(target.check_listen_for_notifications()?, priority).into();
    let queue = pool.map_or_else(|| Arc::clone(&key), Arc::from);
    let binding = topic_binding(&exchange(control_exchange, target), &queue, &key);
    Ok(match pool {
        Some(_) if temporary => Binding {
            kind: Kind::Temporary,
            ..binding
        },
        _ => binding,
    })
}

pub(crate) fn topic_binding(exchange: &Arc<str>, queue: &Arc<str>, key: &Arc<str>) -> Binding {
    Binding {
        exchange: Arc::clone(exchange),
        kind: Kind::Topic,
        queue: Arc::clone(queue),
        key: Arc::clone(key),
    }
}

/// The target's own exchange, or else the transport's.
fn exchange(control_exchange: &Arc<str>, target: &Target) -> Arc<str> {
    match target.exchange.as_deref() {
        Some(exchange) if !exchange.is_empty() && exchange != &**control_exchange => {
            exchange.into()
        }
        _ => Arc::clone(control_exchange),
    }
}

fn topic(target: &Target) -> Result<&str, SendError> {
    target.check_send().map_err(|error| SendError::Encode {
        cause: error.to_string(),
    })
}

fn server_queue(topic: &str, server: &str) -> String {
    format!("{topic}.{server}")
}

fn fanout_exchange(topic: &str) -> String {
    format!("{topic}_fanout")
}

fn notification_key(topic: &str, priority: &str) -> String {
    format!("{topic}.{}", priority.to_lowercase())
}
