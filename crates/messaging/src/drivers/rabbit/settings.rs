//! What the driver is told by URL and options, in its own terms.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bergen_amqp::client::ConnectOptions;

use super::backoff::BackoffPolicy;
use super::hosts::Failover;
use super::queue_manager::QueueManager;
use super::queue_names::QueueNames;
use super::topology::TopologyOptions;
use crate::driver::DriverError;
use crate::options::{RabbitOptions, RabbitTuning, machine_name};
use crate::url::TransportUrl;
use crate::wire::{Compression, Limits};

mod connect;

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
    pub(super) queue_names: QueueNames,
    /// The exchange of targets that name none.
    pub(super) control_exchange: String,
    /// basic.qos of the reply consumer, and the most of other consumers; 0 sets none.
    pub(super) prefetch: u16,
    /// Publish answers with the mandatory bit.
    pub(super) mandatory_replies: bool,
    /// How long an answer is tried again while its reply queue is missing.
    pub(super) missing_queue_retry: Duration,
    /// How bodies are compressed that go out.
    pub(super) compression: Option<Compression>,
    /// What is taken of one message that comes in.
    pub(super) limits: Limits,
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
        let hosts = connect::hosts(url, options).map_err(invalid)?;
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
            queue_names: queue_names(options)?,
            control_exchange: control_exchange.to_owned(),
            prefetch: options.prefetch_count,
            mandatory_replies: options.direct_mandatory,
            missing_queue_retry: options.missing_consumer_retry_timeout,
            compression: compression(options)?,
            limits: Limits {
                decompressed: options.tuning.max_decompressed_size,
                ..Limits::default()
            },
            tuning: options.tuning.clone(),
        })
    }

    /// basic.qos of a listener that holds at most `limit` messages of each queue: `rabbit_qos_prefetch_count`, where
    /// that is not more than the listener has room for.
    pub(super) fn listener_prefetch(&self, limit: u16) -> u16 {
        match self.prefetch {
            0 => limit,
            prefetch => prefetch.min(limit),
        }
    }

    /// The hosts, for a connection whose name in the broker's management pages says what it is for.
    pub(super) fn hosts_for(&self, role: &str) -> Vec<ConnectOptions> {
        let mut hosts = self.hosts.clone();
        for name in hosts
            .iter_mut()
            .filter_map(|host| host.connection_name.as_mut())
        {
            name.push(':');
            name.push_str(role);
        }
        hosts
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

/// What `kombu_compression` names.
fn compression(options: &RabbitOptions) -> Result<Option<Compression>, DriverError> {
    let Some(name) = &options.compression else {
        return Ok(None);
    };
    let compression = Compression::from_name(name).ok_or_else(|| {
        let names = Compression::NAMES.join(", ");
        invalid(format!(
            "kombu_compression {name:?} is not known; write one of {names}, in lower case"
        ))
    })?;
    Ok(Some(compression))
}

fn invalid(cause: String) -> DriverError {
    DriverError::InvalidOption {
        driver: "rabbit".to_owned(),
        cause,
    }
}

fn check(options: &RabbitOptions) -> Result<(), DriverError> {
    let refuse = |cause: &str| Err(invalid(cause.to_owned()));
    if options.ha_queues && (options.quorum_queue || options.transient_quorum_queue) {
        return refuse("rabbit_ha_queues excludes quorum queues; set only one of them");
    }
    // The peer's words, and its order.
    if options.stream_fanout && options.prefetch_count == 0 {
        return refuse(
            "rabbit_stream_fanout need rabbit_qos_prefetch_count to be set to a value greater than 0.",
        );
    }
    if options.stream_fanout && !options.transient_quorum_queue {
        return refuse(
            "rabbit_stream_fanout need rabbit_transient_quorum_queue to be set to true.",
        );
    }
    Ok(())
}

/// Names for reply and fanout queues: steady ones if `use_queue_manager` is set, which needs a folder for its lock.
fn queue_names(options: &RabbitOptions) -> Result<QueueNames, DriverError> {
    if !options.use_queue_manager {
        return Ok(QueueNames::Random);
    }
    let refuse = |cause: &str| invalid(cause.to_owned());
    let lock_path = options.lock_path.as_deref().ok_or_else(|| {
        refuse("use_queue_manager needs a folder for its lock; set [oslo_concurrency] lock_path")
    })?;
    let host = options.hostname.clone().or_else(machine_name);
    let host = host.unwrap_or_else(|| "localhost".to_owned());
    let process = options.processname.clone().unwrap_or_else(program_name);
    if host.contains('/') || process.contains('/') {
        return Err(refuse(
            "hostname and processname are parts of a file's name with use_queue_manager; write them without /",
        ));
    }
    let manager = QueueManager::new(&host, &process, Path::new(lock_path));
    Ok(QueueNames::Steady(Arc::new(manager)))
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
        stream_fanout: options.stream_fanout,
        durable_transient_queues: options.tuning.durable_transient_queues,
    }
}

fn program_name() -> String {
    let program = std::env::args_os().next().map(PathBuf::from);
    let name = program.as_deref().and_then(Path::file_name);
    name.unwrap_or_default().to_string_lossy().into_owned()
}
