//! What the driver is told by URL and options, in its own terms.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bergen_amqp::client::{ConnectOptions, Login, TlsOptions};

use super::backoff::BackoffPolicy;
use super::hosts::Failover;
use super::topology::TopologyOptions;
use crate::driver::DriverError;
use crate::options::{RabbitOptions, RabbitTuning};
use crate::url::{TransportHost, TransportUrl};
use crate::wire::Id;

#[cfg(test)]
mod tests;

/// Everything a [`RabbitDriver`](super::RabbitDriver) is configured by.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// One entry for each host of the URL, with the login that belongs to it.
    pub(super) hosts: Vec<ConnectOptions>,
    pub(super) failover: Failover,
    pub(super) backoff: BackoffPolicy,
    pub(super) topology: TopologyOptions,
    /// The exchange of targets that name none.
    pub(super) control_exchange: String,
    /// basic.qos of the reply consumer; 0 sets none.
    pub(super) prefetch: u16,
    /// Publish answers with the mandatory bit.
    pub(super) mandatory_replies: bool,
    /// How long an answer is tried again while its reply queue is missing.
    pub(super) missing_queue_retry: Duration,
    pub(super) tuning: RabbitTuning,
}

impl Settings {
    /// Translates URL and options. What this driver cannot do is refused where ignoring it would put peers at odds,
    /// and otherwise warned of.
    pub(super) fn new(
        url: &TransportUrl,
        control_exchange: &str,
        options: &RabbitOptions,
    ) -> Result<Self, DriverError> {
        check(options)?;
        if url.lacks_credentials() {
            tracing::warn!(%url, "credentials belong to one host only; hosts without any log in as guest");
        }
        let hosts = match url.hosts() {
            [] => vec![connect_options(url, &TransportHost::default(), options)],
            hosts => hosts
                .iter()
                .map(|host| connect_options(url, host, options))
                .collect(),
        };
        Ok(Self {
            hosts,
            failover: if options.failover_shuffle {
                Failover::Shuffle
            } else {
                Failover::RoundRobin
            },
            backoff: BackoffPolicy {
                start: options.retry_interval,
                step: options.retry_backoff,
                max: options.interval_max,
                after_loss: options
                    .reconnect_delay
                    .saturating_add(options.reconnect_splay),
            },
            topology: topology(options),
            control_exchange: control_exchange.to_owned(),
            prefetch: options.prefetch_count,
            mandatory_replies: options.direct_mandatory,
            missing_queue_retry: options.missing_consumer_retry_timeout,
            tuning: options.tuning.clone(),
        })
    }

    /// The hosts as they may be shown: without credentials.
    pub(super) fn host_names(&self) -> String {
        let names: Vec<String> = self
            .hosts
            .iter()
            .map(|options| format!("{}:{}", options.host, options.port))
            .collect();
        names.join(",")
    }
}

const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 5672;
const GUEST: &str = "guest";

fn check(options: &RabbitOptions) -> Result<(), DriverError> {
    let refuse = |cause: &str| {
        Err(DriverError::InvalidOption {
            driver: "rabbit".to_owned(),
            cause: cause.to_owned(),
        })
    };
    if options.ha_queues && (options.quorum_queue || options.transient_quorum_queue) {
        return refuse("rabbit_ha_queues excludes quorum queues; set only one of them");
    }
    if options.stream_fanout {
        return refuse("rabbit_stream_fanout is not supported; leave it off on every peer");
    }
    if !matches!(options.login_method.as_str(), "PLAIN" | "AMQPLAIN") {
        return refuse("rabbit_login_method: only PLAIN and AMQPLAIN are supported");
    }
    if options.use_queue_manager {
        tracing::warn!(
            "use_queue_manager is not supported: reply and fanout queues get random names"
        );
    }
    if options.compression.is_some() {
        tracing::warn!("kombu_compression is not supported: bodies are sent as they are");
    }
    Ok(())
}

fn connect_options(
    url: &TransportUrl,
    host: &TransportHost,
    options: &RabbitOptions,
) -> ConnectOptions {
    let name = host.hostname.as_deref().unwrap_or(DEFAULT_HOST);
    let file = |path: &Option<String>| path.as_deref().map(PathBuf::from);
    ConnectOptions {
        host: name.to_owned(),
        port: host.port.unwrap_or(DEFAULT_PORT),
        virtual_host: url.virtual_host().to_owned(),
        login: Login::plain(
            host.username.as_deref().unwrap_or(GUEST),
            host.password.as_deref().unwrap_or(GUEST),
        ),
        tls: options.ssl.then(|| TlsOptions {
            ca_file: file(&options.ssl_ca_file),
            cert_file: file(&options.ssl_cert_file),
            key_file: file(&options.ssl_key_file),
            ..TlsOptions::default()
        }),
        heartbeat: options.heartbeat_timeout_threshold,
        connection_name: Some(connection_name()),
        ..ConnectOptions::default()
    }
}

fn topology(options: &RabbitOptions) -> TopologyOptions {
    TopologyOptions {
        durable_queues: options.durable_queues,
        auto_delete: options.auto_delete,
        quorum_queue: options.quorum_queue,
        transient_quorum_queue: options.transient_quorum_queue,
        quorum_delivery_limit: options.quorum_delivery_limit,
        quorum_max_memory_length: options.quorum_max_memory_length,
        quorum_max_memory_bytes: options.quorum_max_memory_bytes,
        ha_queues: options.ha_queues,
        transient_queues_ttl: i32::try_from(options.transient_queues_ttl.as_secs())
            .unwrap_or(i32::MAX),
        cancel_on_failover: options.cancel_on_failover,
    }
}

/// What the broker's management pages show: which program, which process, which transport of it.
fn connection_name() -> String {
    let program = std::env::args_os().next().map(PathBuf::from);
    let program = program
        .as_deref()
        .and_then(Path::file_name)
        .unwrap_or_default();
    format!(
        "{}:{}:{}",
        program.to_string_lossy(),
        std::process::id(),
        Id::new()
    )
}
