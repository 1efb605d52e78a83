//! The broker that a benchmark runs against: a private node, with nothing else on it.

use bergen_testbed::RabbitNode;
use serde_json::Value;

use crate::BenchError;

/// A RabbitMQ node for one benchmark. Dropping it ends the node.
#[derive(Debug)]
pub struct Broker {
    node: RabbitNode,
    process: u32,
    version: String,
    erlang: String,
}

impl Broker {
    /// Starts a node.
    pub async fn start() -> Result<Self, BenchError> {
        let builder = RabbitNode::builder()
            // The statistics of the management pages would be part of what is measured.
            .config("management_agent.disable_metrics_collector = true");
        let node = builder.start().await?;
        let process = node
            .process_id()
            .ok_or_else(|| BenchError::worker("RabbitMQ", "it ended after its start"))?;
        let overview = node.management().overview().await?;
        let text = |name| {
            overview
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or("?")
                .to_owned()
        };
        Ok(Self {
            process,
            version: text("rabbitmq_version"),
            erlang: text("erlang_version"),
            node,
        })
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Its AMQP port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.node.port()
    }

    /// The transport URL of its first virtual host.
    pub fn url(&self) -> String {
        self.node.url("")
    }

    /// Empties a queue of its first virtual host.
    pub async fn purge(&self, queue: &str) -> Result<(), BenchError> {
        Ok(self.node.management().purge_queue("/", queue).await?)
    }

    /// The versions of RabbitMQ and of Erlang.
    pub fn versions(&self) -> [(&'static str, String); 2] {
        [
            ("RabbitMQ", self.version.clone()),
            ("Erlang", self.erlang.clone()),
        ]
    }
}
