//! Where a request goes.

use std::sync::Arc;

use super::declares::Needs;
use super::topology::{Topology, server_queue};
use crate::driver::SendError;
use crate::target::Target;

#[cfg(test)]
mod tests;

/// Exchange and routing key of a target, and what must exist before a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) exchange: Arc<str>,
    /// For a topic or one of its servers also the name of the queue.
    pub(super) routing_key: Arc<str>,
    pub(super) needs: Needs,
}

impl Route {
    /// The way to any server of the target's topic, or to the one it names.
    pub(super) fn direct(
        topology: &Topology,
        control_exchange: &str,
        target: &Target,
    ) -> Result<Self, SendError> {
        let topic = topic(target)?;
        let routing_key = match target.server.as_deref() {
            Some(server) if !server.is_empty() => server_queue(topic, server).into(),
            _ => topic.into(),
        };
        let exchange = topology.topic_exchange(exchange_name(control_exchange, target));
        Ok(Self {
            exchange: Arc::clone(&exchange.name),
            routing_key,
            needs: Needs::Exchange(exchange),
        })
    }

    /// The way to every server of the target's topic.
    pub(super) fn fanout(topology: &Topology, target: &Target) -> Result<Self, SendError> {
        let exchange = topology.fanout_exchange(topic(target)?);
        Ok(Self {
            exchange: Arc::clone(&exchange.name),
            routing_key: "".into(),
            needs: Needs::Exchange(exchange),
        })
    }

    /// The way of notifications of one priority.
    pub(super) fn notification(
        topology: &Topology,
        control_exchange: &str,
        target: &Target,
        priority: &str,
    ) -> Result<Self, SendError> {
        let exchange = exchange_name(control_exchange, target);
        let binding = topology.notifications(exchange, topic(target)?, priority, None);
        Ok(Self {
            exchange: exchange.into(),
            routing_key: Arc::clone(&binding.key),
            needs: Needs::Binding(binding),
        })
    }
}

/// The target's own exchange, or else the transport's.
pub(super) fn exchange_name<'a>(control_exchange: &'a str, target: &'a Target) -> &'a str {
    match target.exchange.as_deref() {
        Some(exchange) if !exchange.is_empty() => exchange,
        _ => control_exchange,
    }
}

fn topic(target: &Target) -> Result<&str, SendError> {
    target.check_send().map_err(|error| SendError::Encode {
        cause: error.to_string(),
    })
}
