//! The changes of one turn of the broker, on their way to the disk together.

use std::sync::Arc;

use bergen_amqp::codec::EncodeError;
use bytes::BytesMut;

use super::record::{Binding, Encoder, Record, StoredMessage, Target};
use crate::core::{Change, Message};

/// Changes that reach the disk all or none, in this order.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    entries: Vec<(Arc<str>, Entry)>,
    bytes: usize,
}

#[derive(Debug, Clone)]
enum Entry {
    HostAdded,
    HostRemoved,
    Change(Change),
}

impl Batch {
    /// An empty batch. Does not allocate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a change of the virtual host `host`.
    pub fn push(&mut self, host: &Arc<str>, change: Change) {
        self.bytes += size(&change);
        self.entries.push((Arc::clone(host), Entry::Change(change)));
    }

    /// Notes that a virtual host exists, for those that come at run time.
    pub fn add_host(&mut self, host: &Arc<str>) {
        self.bytes += SMALL;
        self.entries.push((Arc::clone(host), Entry::HostAdded));
    }

    /// Notes that a virtual host is gone, and all that it held.
    pub fn remove_host(&mut self, host: &Arc<str>) {
        self.bytes += SMALL;
        self.entries.push((Arc::clone(host), Entry::HostRemoved));
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// About how many bytes it takes in memory and on disk.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends its records. What cannot be encoded is left out, and the first such error returned.
    pub(super) fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        let mut first_error = Ok(());
        let mut entries = self.entries.as_slice();
        while let Some(((host, entry), rest)) = entries.split_first() {
            let (encoded, taken) = match entry {
                Entry::HostAdded => (encoder.push(&Record::HostAdded { host: host.clone() }), 1),
                Entry::HostRemoved => {
                    (encoder.push(&Record::HostRemoved { host: host.clone() }), 1)
                }
                Entry::Change(Change::Enqueued { message, .. }) => {
                    let targets = targets(entries, message);
                    let taken = targets.len();
                    (push_message(encoder, targets, message), taken)
                }
                Entry::Change(change) => (push_change(encoder, host, change), 1),
            };
            first_error = first_error.and(encoded);
            entries = rest.get(taken.saturating_sub(1)..).unwrap_or_default();
        }
        first_error
    }
}

/// The queues that the same message joins at the head of `entries`.
fn targets(entries: &[(Arc<str>, Entry)], first: &Arc<Message>) -> Vec<Target> {
    entries
        .iter()
        .map_while(|(host, entry)| match entry {
            Entry::Change(Change::Enqueued {
                queue,
                position,
                message,
                at,
            }) if Arc::ptr_eq(message, first) => Some(Target {
                host: host.clone(),
                queue: queue.clone(),
                position: *position,
                at: *at,
            }),
            _ => None,
        })
        .collect()
}

fn push_message(
    encoder: &mut Encoder,
    targets: Vec<Target>,
    message: &Message,
) -> Result<(), EncodeError> {
    let mut properties = BytesMut::new();
    message.properties.encode(&mut properties)?;
    encoder.push(&Record::Enqueued {
        targets,
        message: StoredMessage {
            exchange: message.exchange.clone(),
            routing_key: message.routing_key.clone(),
            properties: &properties,
            body: &message.body,
        },
    })
}

fn push_change(encoder: &mut Encoder, host: &Arc<str>, change: &Change) -> Result<(), EncodeError> {
    let host = host.clone();
    encoder.push(&match change.clone() {
        Change::ExchangeDeclared {
            name,
            kind,
            auto_delete,
            internal,
            arguments,
        } => Record::ExchangeDeclared {
            host,
            name,
            kind,
            auto_delete,
            internal,
            arguments,
        },
        Change::ExchangeDeleted { name } => Record::ExchangeDeleted { host, name },
        Change::QueueDeclared {
            name,
            auto_delete,
            arguments,
        } => Record::QueueDeclared {
            host,
            name,
            auto_delete,
            arguments,
        },
        Change::QueueDeleted { name } => Record::QueueDeleted { host, name },
        Change::Bound {
            source,
            destination,
            to_exchange,
            routing_key,
            arguments,
        } => {
            let binding = Binding {
                source,
                destination,
                to_exchange,
                routing_key,
                arguments,
            };
            Record::Bound { host, binding }
        }
        Change::Unbound {
            source,
            destination,
            to_exchange,
            routing_key,
            arguments,
        } => {
            let binding = Binding {
                source,
                destination,
                to_exchange,
                routing_key,
                arguments,
            };
            Record::Unbound { host, binding }
        }
        Change::Enqueued {
            queue,
            position,
            message,
            at,
        } => {
            let target = Target {
                host,
                queue,
                position,
                at,
            };
            return push_message(encoder, vec![target], &message);
        }
        Change::Removed { queue, positions } => Record::Removed {
            host,
            queue,
            positions,
        },
        Change::Returned {
            queue,
            position,
            delivery_count,
        } => Record::Returned {
            host,
            queue,
            position,
            delivery_count,
        },
        Change::Truncated { queue, before } => Record::Truncated {
            host,
            queue,
            before,
        },
    })
}

/// What any change takes at least.
const SMALL: usize = 64;

fn size(change: &Change) -> usize {
    SMALL
        + match change {
            Change::Enqueued { message, .. } => message.body.len() + message.routing_key.len(),
            Change::Removed { positions, .. } => positions.len() * 8,
            Change::ExchangeDeclared { .. }
            | Change::QueueDeclared { .. }
            | Change::Bound { .. }
            | Change::Unbound { .. } => 256,
            _ => 0,
        }
}
