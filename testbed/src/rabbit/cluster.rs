use std::fmt::Write as _;
use std::sync::Arc;

use super::builder::RabbitBuilder;
use super::epmd::Epmd;
use super::node::RabbitNode;
use crate::TestbedError;

/// Three nodes that know each other from the start (RabbitMQ's classic-config peer discovery).
#[derive(Debug)]
pub struct RabbitCluster {
    nodes: Vec<RabbitNode>,
}

impl RabbitCluster {
    /// Starts three nodes and waits until each accepts clients and sees the two others.
    pub async fn start(builder: RabbitBuilder) -> Result<Self, TestbedError> {
        let epmd = Arc::new(Epmd::start().await?);
        let names = ["rabbit1", "rabbit2", "rabbit3"];
        let mut discovery =
            "cluster_formation.peer_discovery_backend = classic_config\n".to_owned();
        for (index, name) in names.iter().enumerate() {
            let _ = writeln!(
                discovery,
                "cluster_formation.classic_config.nodes.{} = {name}@localhost",
                index + 1
            );
        }
        let builder = builder.config(discovery);
        let mut nodes = Vec::new();
        for name in names {
            nodes.push(RabbitNode::prepare(Arc::clone(&epmd), name, &builder)?);
        }
        // One after the other: the first forms the cluster, so that the others cannot race it.
        for node in &mut nodes {
            node.start().await?;
        }
        let cluster = Self { nodes };
        for node in &cluster.nodes {
            node.management()
                .wait_for_running_nodes(names.len())
                .await?;
        }
        Ok(cluster)
    }

    /// One of the nodes, 0 to 2.
    pub fn node(&mut self, index: usize) -> Option<&mut RabbitNode> {
        self.nodes.get_mut(index)
    }

    /// All nodes, in the order of their names.
    pub fn nodes(&self) -> &[RabbitNode] {
        &self.nodes
    }

    /// Cuts one node off from the two others, as a network would: each side refuses the other
    /// until [`heal`](Self::heal). Clients and the management interface still reach all of them.
    pub async fn partition(&self, index: usize) -> Result<(), TestbedError> {
        self.cookies(index, "'not-the-cookie'").await
    }

    /// Lets the nodes that [`partition`](Self::partition) set apart speak again.
    pub async fn heal(&self, index: usize) -> Result<(), TestbedError> {
        self.cookies(index, "erlang:get_cookie()").await
    }

    /// Has one node use `cookie` with the two others, and cuts the connections: a handshake fails
    /// if only one side has the wrong cookie, whoever begins it.
    async fn cookies(&self, index: usize, cookie: &str) -> Result<(), TestbedError> {
        let Some(one) = self.nodes.get(index) else {
            return Ok(());
        };
        let mut change = Vec::new();
        for far in self.nodes.iter().filter(|node| node.name() != one.name()) {
            let far = format!("'{}'", far.name());
            change.push(format!(
                "erlang:set_cookie({far}, {cookie}), erlang:disconnect_node({far})"
            ));
        }
        one.eval(&format!("{}.", change.join(", "))).await?;
        Ok(())
    }

    /// A transport URL that names all three nodes; `""` names the virtual host `/`.
    pub fn url(&self, vhost: &str) -> String {
        let hosts: Vec<_> = self
            .nodes
            .iter()
            .map(|node| format!("guest:guest@127.0.0.1:{}", node.port()))
            .collect();
        format!("rabbit://{}/{vhost}", hosts.join(","))
    }
}
