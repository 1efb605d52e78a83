//! What stays as it was at the start.

use std::sync::Arc;

use bergen_amqp::codec::{FieldTable, FieldValue};
use bergen_amqp::protocol::ServerConfig;

use super::access::Access;
use super::limits::Limits;
use super::listen::Peer;

/// What all connections are offered.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    /// As in RabbitMQ: `bergen@host`.
    pub(super) node: Arc<str>,
    /// For clients that log in by password, which are most.
    usual: Arc<ServerConfig>,
}

impl Settings {
    pub(super) fn new(limits: Limits, node: Arc<str>) -> Self {
        let mut config = ServerConfig::default();
        config.server_properties = properties(&node);
        config.capabilities = vec!["consumer_priorities", "direct_reply_to", "per_consumer_qos"];
        config.heartbeat = limits.heartbeat;
        config.frame_max = limits.frame_max;
        config.initial_frame_max = limits.initial_frame_max;
        config.channel_max = limits.channel_max;
        config.handshake_timeout = limits.handshake_timeout;
        config.max_body_size = limits.max_body_size;
        Self {
            limits,
            node,
            usual: Arc::new(config),
        }
    }

    /// What to offer to this client.
    pub(super) fn protocol(&self, access: &Access, peer: &Peer) -> Arc<ServerConfig> {
        let mechanisms = access.mechanisms(peer);
        if mechanisms == self.usual.mechanisms {
            return Arc::clone(&self.usual);
        }
        let mut config = ServerConfig::clone(&self.usual);
        config.mechanisms = mechanisms;
        Arc::new(config)
    }
}

/// What clients see of us.
fn properties(node: &str) -> FieldTable<'static> {
    let text = |value: &str| FieldValue::from(value.to_owned());
    FieldTable::new()
        .with("product", text("bergen"))
        .with("version", text(env!("CARGO_PKG_VERSION")))
        .with("platform", text("Rust"))
        .with("cluster_name", text(node))
}
