//! What changes mean, in the simplest way; and random ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use bergen_amqp::codec::{BasicProperties, FieldTable};
use bytes::Bytes;

use crate::core::{Change, ExchangeKind, Message, Position};

const NAMES: [&str; 4] = [
    "a",
    "b",
    "c",
    "a rather long name, as peers like them: reply_0123456789",
];
const HOSTS: [&str; 2] = ["/", "other"];

/// What stands after changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    hosts: BTreeMap<Arc<str>, Host>,
}

#[derive(Debug, Clone, Default)]
struct Host {
    exchanges: BTreeMap<Arc<str>, Change>,
    queues: BTreeMap<Arc<str>, Queue>,
    bindings: Vec<Change>,
}

#[derive(Debug, Clone)]
struct Queue {
    declared: Change,
    truncated: Option<Change>,
    messages: BTreeMap<Position, (Change, Option<Change>)>,
    next: u64,
}

impl Model {
    pub(super) fn apply(&mut self, host: &Arc<str>, change: &Change) {
        let host = self.hosts.entry(host.clone()).or_default();
        match change {
            Change::ExchangeDeclared { name, .. } => {
                host.exchanges.insert(name.clone(), change.clone());
            }
            Change::ExchangeDeleted { name } => {
                host.exchanges.remove(name);
                host.bindings.retain(|bound| {
                    let (source, destination, to_exchange) = ends(bound);
                    source != name && !(to_exchange && destination == name)
                });
            }
            Change::QueueDeclared { name, .. } => {
                let (declared, messages) = (change.clone(), BTreeMap::new());
                let queue = Queue {
                    declared,
                    truncated: None,
                    messages,
                    next: 1,
                };
                host.queues.insert(name.clone(), queue);
            }
            Change::QueueDeleted { name } => {
                host.queues.remove(name);
                host.bindings.retain(|bound| {
                    let (_, destination, to_exchange) = ends(bound);
                    to_exchange || destination != name
                });
            }
            Change::Bound { .. } => {
                host.bindings.retain(|bound| bound != change);
                host.bindings.push(change.clone());
            }
            Change::Unbound {
                source,
                destination,
                to_exchange,
                routing_key,
                arguments,
            } => {
                let gone = Change::Bound {
                    source: source.clone(),
                    destination: destination.clone(),
                    to_exchange: *to_exchange,
                    routing_key: routing_key.clone(),
                    arguments: arguments.clone(),
                };
                host.bindings.retain(|bound| *bound != gone);
            }
            Change::Enqueued {
                queue, position, ..
            } => {
                let queue = host.queues.get_mut(queue).unwrap();
                queue.messages.insert(*position, (change.clone(), None));
                queue.next = position.0 + 1;
            }
            Change::Removed { queue, positions } => {
                let queue = host.queues.get_mut(queue).unwrap();
                queue
                    .messages
                    .retain(|position, _| !positions.contains(position));
            }
            Change::Returned {
                queue, position, ..
            } => {
                let queue = host.queues.get_mut(queue).unwrap();
                queue.messages.get_mut(position).unwrap().1 = Some(change.clone());
            }
            Change::Truncated { queue, before } => {
                let queue = host.queues.get_mut(queue).unwrap();
                queue.truncated = Some(change.clone());
                queue.next = queue.next.max(before.0);
                queue.messages.retain(|position, _| position >= before);
            }
        }
    }

    /// The same in a fixed order.
    pub(super) fn changes(&self) -> Vec<(Arc<str>, Change)> {
        let mut all = Vec::new();
        for (name, host) in &self.hosts {
            let mut changes: Vec<Change> = host.exchanges.values().cloned().collect();
            changes.extend(host.queues.values().map(|queue| queue.declared.clone()));
            let mut bindings = host.bindings.clone();
            bindings.sort_by_key(|bound| format!("{bound:?}"));
            changes.extend(bindings);
            for queue in host.queues.values() {
                changes.extend(queue.truncated.clone());
                for (enqueued, returned) in queue.messages.values() {
                    changes.push(enqueued.clone());
                    changes.extend(returned.clone());
                }
            }
            all.extend(changes.into_iter().map(|change| (name.clone(), change)));
        }
        all
    }

    /// A change that may come now.
    pub(super) fn random(&self, random: &mut fastrand::Rng) -> (Arc<str>, Vec<Change>) {
        let name = |random: &mut fastrand::Rng| -> Arc<str> { NAMES[random.usize(..4)].into() };
        let host: Arc<str> = HOSTS[random.usize(..2)].into();
        let none = Host::default();
        let queues = &self.hosts.get(&host).unwrap_or(&none).queues;
        let declared: Vec<_> = queues.iter().collect();
        let some = (!declared.is_empty()).then(|| declared[random.usize(..declared.len())]);
        let change = match (random.u8(..20), some) {
            (0, _) => Change::ExchangeDeclared {
                name: name(random),
                kind: [
                    ExchangeKind::Direct,
                    ExchangeKind::Topic,
                    ExchangeKind::Fanout,
                    ExchangeKind::Headers,
                ][random.usize(..4)],
                auto_delete: random.bool(),
                internal: random.bool(),
                arguments: arguments(random),
            },
            (1, _) => Change::ExchangeDeleted { name: name(random) },
            (2, _) | (_, None) => {
                let name = name(random);
                if queues.contains_key(&name) {
                    return (host, Vec::new());
                }
                Change::QueueDeclared {
                    name,
                    auto_delete: random.bool(),
                    arguments: arguments(random),
                }
            }
            (3, _) => Change::QueueDeleted { name: name(random) },
            (4..6, Some((destination, _))) => {
                let (source, routing_key, arguments) =
                    (name(random), name(random), arguments(random));
                let to_exchange = random.bool();
                let destination = destination.clone();
                if random.u8(..3) == 0 {
                    Change::Unbound {
                        source,
                        destination,
                        to_exchange,
                        routing_key,
                        arguments,
                    }
                } else {
                    Change::Bound {
                        source,
                        destination,
                        to_exchange,
                        routing_key,
                        arguments,
                    }
                }
            }
            (6..14, Some((name, queue))) => {
                let message = message(random);
                let at = random.u64(..);
                let mut all = vec![Change::Enqueued {
                    queue: name.clone(),
                    position: Position(queue.next),
                    message: message.clone(),
                    at,
                }];
                // Now and then it joins a second queue.
                for (other, queue) in queues
                    .iter()
                    .filter(|(other, _)| *other != name)
                    .take(random.usize(..2))
                {
                    let position = Position(queue.next);
                    let (queue, message) = (other.clone(), message.clone());
                    all.push(Change::Enqueued {
                        queue,
                        position,
                        message,
                        at,
                    });
                }
                return (host, all);
            }
            (14..18, Some((name, queue))) => {
                let few = queue
                    .messages
                    .keys()
                    .filter(|_| random.bool())
                    .copied()
                    .collect();
                Change::Removed {
                    queue: name.clone(),
                    positions: few,
                }
            }
            (18, Some((name, queue))) => {
                let Some(position) = queue.messages.keys().next().copied() else {
                    return (host, Vec::new());
                };
                Change::Returned {
                    queue: name.clone(),
                    position,
                    delivery_count: random.u32(1..),
                }
            }
            (_, Some((name, queue))) => Change::Truncated {
                queue: name.clone(),
                before: Position(random.u64(..=queue.next)),
            },
        };
        (host, vec![change])
    }
}

fn ends(bound: &Change) -> (&Arc<str>, &Arc<str>, bool) {
    match bound {
        Change::Bound {
            source,
            destination,
            to_exchange,
            ..
        } => (source, destination, *to_exchange),
        other => panic!("{other:?}"),
    }
}

fn arguments(random: &mut fastrand::Rng) -> FieldTable<'static> {
    match random.u8(..3) {
        0 => FieldTable::new(),
        1 => FieldTable::new().with("x-expires", i32::from(random.i8(..))),
        _ => FieldTable::new()
            .with("x-queue-type", "stream")
            .with("inner", FieldTable::new().with("deep", random.bool())),
    }
}

fn message(random: &mut fastrand::Rng) -> Arc<Message> {
    let length = if random.u8(..20) == 0 {
        random.usize(..5_000)
    } else {
        random.usize(..100)
    };
    Arc::new(Message {
        exchange: NAMES[random.usize(..4)].into(),
        routing_key: NAMES[random.usize(..4)].into(),
        properties: BasicProperties {
            delivery_mode: Some(2),
            message_id: random.bool().then(|| random.u64(..).to_string().into()),
            headers: random.bool().then(|| arguments(random)),
            ..BasicProperties::default()
        },
        body: Bytes::from(
            std::iter::repeat_with(|| random.u8(..))
                .take(length)
                .collect::<Vec<_>>(),
        ),
    })
}
