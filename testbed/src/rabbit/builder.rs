use std::time::Duration;

use crate::{RabbitNode, TestbedError};

/// How a node is to be: plugins, configuration, patience.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct RabbitBuilder {
    pub(crate) plugins: Vec<String>,
    pub(crate) config: Vec<String>,
    pub(crate) tls: bool,
    pub(crate) start_limit: Duration,
}

impl RabbitBuilder {
    /// Enables a plugin beside `rabbitmq_management`, which is always on.
    pub fn plugin(mut self, name: impl Into<String>) -> Self {
        self.plugins.push(name.into());
        self
    }

    /// Adds a line `key = value` to `rabbitmq.conf`, for instance
    /// `vm_memory_high_watermark.absolute = 1MiB`.
    pub fn config(mut self, line: impl Into<String>) -> Self {
        self.config.push(line.into());
        self
    }

    /// Listens for TLS on a port of its own too ([`RabbitNode::tls_port`]), with the given PEM
    /// files. `verify_peer` demands a certificate of every client.
    pub fn tls(
        mut self,
        ca: &std::path::Path,
        certificate: &std::path::Path,
        key: &std::path::Path,
        verify_peer: bool,
    ) -> Self {
        self.tls = true;
        let verify = if verify_peer {
            "verify_peer"
        } else {
            "verify_none"
        };
        self.config(format!("ssl_options.cacertfile = {}", ca.display()))
            .config(format!("ssl_options.certfile = {}", certificate.display()))
            .config(format!("ssl_options.keyfile = {}", key.display()))
            .config(format!("ssl_options.verify = {verify}"))
            .config(format!("ssl_options.fail_if_no_peer_cert = {verify_peer}"))
    }

    /// How long the node may take until it accepts clients; 90 s if not said, which a loaded
    /// machine with two cores needs.
    pub fn start_limit(mut self, limit: Duration) -> Self {
        self.start_limit = limit;
        self
    }

    /// Starts the node and waits until it accepts AMQP and management clients.
    pub async fn start(self) -> Result<RabbitNode, TestbedError> {
        RabbitNode::start_with(self).await
    }
}

impl Default for RabbitBuilder {
    fn default() -> Self {
        Self {
            plugins: vec!["rabbitmq_management".to_owned()],
            config: Vec::new(),
            tls: false,
            start_limit: Duration::from_secs(90),
        }
    }
}
