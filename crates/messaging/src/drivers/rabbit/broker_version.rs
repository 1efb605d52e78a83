//! What newer brokers do not do any more.

use std::sync::atomic::{AtomicBool, Ordering};

use bergen_amqp::codec::{FieldTable, FieldValue};

use super::topology::Topology;

#[cfg(test)]
mod tests;

/// Says once if the broker is one that refuses the queues that the options ask for.
///
/// From 4.3 on RabbitMQ refuses queues that are neither durable nor exclusive: with the peer's default options that is
/// every queue. It answers their declaration with an internal error (541) and a closed connection, which looks like an
/// accident.
#[derive(Debug)]
pub(super) struct VersionCheck {
    has_transient_queues: bool,
    warned: AtomicBool,
}

impl VersionCheck {
    pub(super) fn new(topology: &Topology) -> Self {
        Self {
            has_transient_queues: topology.has_transient_queues(),
            warned: AtomicBool::new(false),
        }
    }

    /// Looks at what a broker says of itself. Gives whether it warned.
    pub(super) fn check(&self, properties: &FieldTable<'_>) -> bool {
        let text = |name| properties.get(name).and_then(FieldValue::as_str);
        let (Some("RabbitMQ"), Some(version)) = (text("product"), text("version")) else {
            return false;
        };
        let warns = self.has_transient_queues
            && refuses_transient_queues(version)
            && !self.warned.swap(true, Ordering::Relaxed);
        if warns {
            tracing::warn!(
                version,
                "this broker refuses queues that are not durable; set rabbit_quorum_queue and \
                 rabbit_transient_quorum_queue on all services of the topic, or here amqp_durable_queues and \
                 bergen_durable_transient_queues"
            );
        }
        warns
    }
}

fn refuses_transient_queues(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= (4, 3),
        _ => false,
    }
}
