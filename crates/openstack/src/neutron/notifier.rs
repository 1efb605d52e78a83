//! The topics on which the server tells agents what happened to resources.

use std::sync::Arc;

use bergen_messaging::rpc::{Connection, Endpoint};

/// What the topics for all agents begin with: `q-agent-notifier-network-update`.
pub const AGENT_NOTIFIER_PREFIX: &str = "q-agent-notifier";

/// One kind of event that an agent wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDetail {
    /// The resource, as `network`.
    pub resource: String,
    /// What happens to it, as `update`.
    pub operation: String,
    /// The node whose own events are heard as well; `None` for those of all nodes alone.
    pub node: Option<String>,
}

impl TopicDetail {
    /// Events of all nodes.
    pub fn new(resource: impl Into<String>, operation: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            operation: operation.into(),
            node: None,
        }
    }

    /// Also those for this node alone.
    #[must_use]
    pub fn node(mut self, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self
    }

    /// The topics: `<prefix>-<resource>-<operation>`, and with a node another, `<that>.<node>`.
    fn topics(&self, prefix: &str) -> Vec<String> {
        let topic = format!("{prefix}-{}-{}", self.resource, self.operation);
        let own = self.node.as_ref().map(|node| format!("{topic}.{node}"));
        std::iter::once(topic).chain(own).collect()
    }
}

/// Adds a consumer to the connection for each topic of `details`. They consume when the connection is told to.
pub fn create_consumers(
    connection: &mut Connection,
    endpoints: &[Arc<dyn Endpoint>],
    prefix: &str,
    details: &[TopicDetail],
) {
    for topic in details.iter().flat_map(|detail| detail.topics(prefix)) {
        connection.create_consumer(&topic, endpoints.iter().cloned(), false);
    }
}

#[cfg(test)]
mod tests;
