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
