//! What of the log is still true, and in which of its files that stands.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bergen_amqp::codec::primitives::Writer;
use bytes::BytesMut;

use super::record::{Binding, Record, Target};
use crate::core::Position;

/// All that is live. A record is live where this says that its frame is the one.
///
/// Files go in the order in which they came. So what a deletion speaks of has gone before it: one that finds nothing
/// has found it gone, and is no error.
#[derive(Debug, Default)]
pub(super) struct Index {
    hosts: HashMap<Arc<str>, Host>,
    live: Live,
}

/// Where a record stands: its file, and the number of its frame. That number is cut to 32 bits, which still tells the
/// frames of one file apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) file: u32,
    pub(super) frame: u32,
}

impl At {
    pub(super) fn new(file: u32, sequence: u64) -> Self {
        let [.., a, b, c, d] = sequence.to_be_bytes();
        Self {
            file,
            frame: u32::from_be_bytes([a, b, c, d]),
        }
    }
}

/// Something that a record said, and how many bytes that takes.
#[derive(Debug, Clone, Copy)]
struct Fact {
    at: At,
    size: u32,
}

#[derive(Debug, Default)]
struct Host {
    added: Option<Fact>,
    exchanges: HashMap<Arc<str>, Place>,
    queues: HashMap<Arc<str>, Queue>,
}

/// What can be bound to something. It comes into being with the first record that names it, as its declaration may
/// have been written anew further behind.
#[derive(Debug, Default)]
struct Place {
    declared: Option<Fact>,
    bindings: HashMap<BindingKey, Fact>,
}

#[derive(Debug, Default)]
struct Queue {
    place: Place,
    messages: BTreeMap<Position, Entry>,
    truncated: Option<(Position, Fact)>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    fact: Fact,
    returned: u32,
}

/// The identity of a binding at its destination; arguments in the order of their keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BindingKey {
    pub(super) source: Arc<str>,
    routing_key: Arc<str>,
    arguments: Vec<(String, Vec<u8>)>,
}

impl BindingKey {
    pub(super) fn new(binding: &Binding<'_>) -> Self {
        let mut arguments: Vec<_> = binding
            .arguments
            .iter()
            .map(|(key, value)| {
                let mut encoded = BytesMut::new();
                let table = bergen_amqp::codec::FieldTable::new().with(key, value.clone());
                // A table that was decoded can be encoded.
                let _ = bergen_amqp::codec::primitives::Wire::write(
                    &table,
                    &mut Writer::new(&mut encoded),
                );
                (key.to_owned(), encoded.to_vec())
            })
            .collect();
        arguments.sort();
        Self {
            source: binding.source.clone(),
            routing_key: binding.routing_key.clone(),
            arguments,
        }
    }
}

impl Index {
    /// Takes over a record of `size` bytes.
    pub(super) fn apply(&mut self, record: &Record<'_>, at: At, size: usize) {
        let live = &mut self.live;
        let fact = Fact {
            at,
            size: u32::try_from(size).unwrap_or(u32::MAX),
        };
        match record {
            Record::HostAdded { host } => {
                let host = self.hosts.entry(host.clone()).or_default();
                live.replace(&mut host.added, fact);
            }
            Record::HostRemoved { host } => {
                if let Some(host) = self.hosts.remove(host) {
                    host.forget(live);
                }
            }
            Record::ExchangeDeclared { host, name, .. } => {
                let host = self.hosts.entry(host.clone()).or_default();
                let exchange = host.exchanges.entry(name.clone()).or_default();
                live.replace(&mut exchange.declared, fact);
            }
            Record::ExchangeDeleted { host, name } => {
                if let Some(host) = self.hosts.get_mut(host) {
                    host.delete_exchange(name, live);
                }
            }
            Record::QueueDeclared { host, name, .. } => {
                let queue = queue(&mut self.hosts, host, name);
                live.replace(&mut queue.place.declared, fact);
            }
            Record::QueueDeleted { host, name } => {
                let queue = self
                    .hosts
                    .get_mut(host)
                    .and_then(|host| host.queues.remove(name));
                if let Some(queue) = queue {
                    queue.forget(live);
                }
            }
            Record::Bound { host, binding } => {
                let host = self.hosts.entry(host.clone()).or_default();
                let bindings = &mut host.destination(binding).bindings;
                live.add(fact);
                if let Some(old) = bindings.insert(BindingKey::new(binding), fact) {
                    live.remove(old);
                }
            }
            Record::Unbound { host, binding } => {
                if let Some(host) = self.hosts.get_mut(host) {
                    let bindings = &mut host.destination(binding).bindings;
                    if let Some(old) = bindings.remove(&BindingKey::new(binding)) {
                        live.remove(old);
                    }
                }
            }
            Record::Enqueued { targets, .. } => {
                let share = size.div_ceil(targets.len().max(1));
                let fact = Fact {
                    at,
                    size: u32::try_from(share).unwrap_or(u32::MAX),
                };
                for target in targets {
                    let queue = queue(&mut self.hosts, &target.host, &target.queue);
                    live.add(fact);
                    let entry = Entry { fact, returned: 0 };
                    if let Some(old) = queue.messages.insert(target.position, entry) {
                        live.remove(old.fact);
                    }
                }
            }
            Record::Removed {
                host,
                queue,
                positions,
            } => {
                if let Some(queue) = self.queue_mut(host, queue) {
                    let gone: Vec<Entry> = positions
                        .iter()
                        .filter_map(|position| queue.messages.remove(position))
                        .collect();
                    for entry in gone {
                        self.live.remove(entry.fact);
                    }
                }
            }
            Record::Returned {
                host,
                queue,
                position,
                delivery_count,
            } => {
                let queue = self.queue_mut(host, queue);
                if let Some(entry) = queue.and_then(|queue| queue.messages.get_mut(position)) {
                    entry.returned = *delivery_count;
                }
            }
            Record::Truncated {
                host,
                queue: name,
                before,
            } => {
                let queue = queue(&mut self.hosts, host, name);
                live.add(fact);
                if let Some((_, old)) = queue.truncated.replace((*before, fact)) {
                    live.remove(old);
                }
                let kept = queue.messages.split_off(before);
                for entry in std::mem::replace(&mut queue.messages, kept).into_values() {
                    live.remove(entry.fact);
                }
            }
        }
    }

    /// What of a record is still true; what else it says is left out.
    pub(super) fn live<'a>(&self, record: Record<'a>, at: At) -> Option<Record<'a>> {
        let here = |fact: Option<Fact>| fact.is_some_and(|fact| fact.at == at);
        let live = match &record {
            Record::HostAdded { host } => here(self.hosts.get(host)?.added),
            Record::ExchangeDeclared { host, name, .. } => {
                here(self.hosts.get(host)?.exchanges.get(name)?.declared)
            }
            Record::QueueDeclared { host, name, .. } => {
                here(self.queue(host, name)?.place.declared)
            }
            Record::Bound { host, binding } => {
                let host = self.hosts.get(host)?;
                let place = if binding.to_exchange {
                    host.exchanges.get(&binding.destination)?
                } else {
                    &host.queues.get(&binding.destination)?.place
                };
                here(place.bindings.get(&BindingKey::new(binding)).copied())
            }
            Record::Truncated {
                host,
                queue,
                before,
            } => {
                let (newest, fact) = self.queue(host, queue)?.truncated?;
                newest == *before && fact.at == at
            }
            Record::Enqueued { .. } => true,
            // Returns are written anew with their messages.
            _ => false,
        };
        match record {
            Record::Enqueued { targets, message } => {
                let targets: Vec<_> = targets
                    .into_iter()
                    .filter(|target| self.holds(target, at))
                    .collect();
                (!targets.is_empty()).then_some(Record::Enqueued { targets, message })
            }
            other => live.then_some(other),
        }
    }

    /// How often a message has been given back.
    pub(super) fn returned(&self, target: &Target) -> u32 {
        self.entry(target).map_or(0, |entry| entry.returned)
    }

    /// The virtual hosts.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &Arc<str>> {
        self.hosts.keys()
    }

    /// Drops what belongs to queues that were never declared; how many messages that were. A whole log has none.
    pub(super) fn drop_undeclared(&mut self) -> usize {
        let mut dropped = 0;
        for host in self.hosts.values_mut() {
            let orphans = host
                .queues
                .extract_if(|_, queue| queue.place.declared.is_none())
                .collect::<Vec<_>>();
            for (_, queue) in orphans {
                dropped += queue.messages.len();
                queue.forget(&mut self.live);
            }
        }
        dropped
    }

    /// Bytes of the log that are live.
    pub(super) fn bytes(&self) -> u64 {
        self.live.total
    }

    /// Bytes of one file that are live.
    pub(super) fn bytes_in(&self, file: u32) -> u64 {
        self.live.by_file.get(&file).copied().unwrap_or(0)
    }

    /// Messages, counted in each queue that holds them.
    pub(super) fn messages(&self) -> usize {
        self.hosts
            .values()
            .flat_map(|host| host.queues.values())
            .map(|queue| queue.messages.len())
            .sum()
    }

    fn holds(&self, target: &Target, at: At) -> bool {
        self.entry(target).is_some_and(|entry| entry.fact.at == at)
    }

    fn entry(&self, target: &Target) -> Option<&Entry> {
        self.queue(&target.host, &target.queue)?
            .messages
            .get(&target.position)
    }

    fn queue(&self, host: &str, name: &str) -> Option<&Queue> {
        self.hosts.get(host)?.queues.get(name)
    }

    fn queue_mut(&mut self, host: &str, name: &str) -> Option<&mut Queue> {
        self.hosts.get_mut(host)?.queues.get_mut(name)
    }
}

impl Host {
    fn destination(&mut self, binding: &Binding<'_>) -> &mut Place {
        let name = binding.destination.clone();
        if binding.to_exchange {
            self.exchanges.entry(name).or_default()
        } else {
            &mut self.queues.entry(name).or_default().place
        }
    }

    fn delete_exchange(&mut self, name: &str, live: &mut Live) {
        if let Some(exchange) = self.exchanges.remove(name) {
            exchange.forget(live);
        }
        let places = self.queues.values_mut().map(|queue| &mut queue.place);
        for place in places.chain(self.exchanges.values_mut()) {
            place.bindings.retain(|binding, fact| {
                let stays = *binding.source != *name;
                if !stays {
                    live.remove(*fact);
                }
                stays
            });
        }
    }

    fn forget(self, live: &mut Live) {
        self.added.into_iter().for_each(|fact| live.remove(fact));
        self.exchanges
            .into_values()
            .for_each(|exchange| exchange.forget(live));
        self.queues
            .into_values()
            .for_each(|queue| queue.forget(live));
    }
}

impl Place {
    fn forget(self, live: &mut Live) {
        self.declared
            .into_iter()
            .chain(self.bindings.into_values())
            .for_each(|fact| live.remove(fact));
    }
}

impl Queue {
    fn forget(self, live: &mut Live) {
        self.place.forget(live);
        self.messages
            .into_values()
            .for_each(|entry| live.remove(entry.fact));
        self.truncated
            .into_iter()
            .for_each(|(_, fact)| live.remove(fact));
    }
}

/// Live bytes, of all and of each file.
#[derive(Debug, Default)]
struct Live {
    total: u64,
    by_file: BTreeMap<u32, u64>,
}

impl Live {
    fn add(&mut self, fact: Fact) {
        self.total += u64::from(fact.size);
        *self.by_file.entry(fact.at.file).or_default() += u64::from(fact.size);
    }

    fn remove(&mut self, fact: Fact) {
        self.total = self.total.saturating_sub(u64::from(fact.size));
        if let Some(bytes) = self.by_file.get_mut(&fact.at.file) {
            *bytes = bytes.saturating_sub(u64::from(fact.size));
            if *bytes == 0 {
                self.by_file.remove(&fact.at.file);
            }
        }
    }

    fn replace(&mut self, slot: &mut Option<Fact>, new: Fact) {
        self.add(new);
        if let Some(old) = slot.replace(new) {
            self.remove(old);
        }
    }
}

fn queue<'a>(
    hosts: &'a mut HashMap<Arc<str>, Host>,
    host: &Arc<str>,
    name: &Arc<str>,
) -> &'a mut Queue {
    hosts
        .entry(host.clone())
        .or_default()
        .queues
        .entry(name.clone())
        .or_default()
}
