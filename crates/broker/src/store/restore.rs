//! From the log to the changes that make a virtual host what it was.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bergen_amqp::codec::BasicProperties;
use bytes::Bytes;

use super::StoreError;
use super::files::{Files, io_error};
use super::frame::FILE_HEADER;
use super::index::{BindingKey, Index};
use super::log::{End, file_name};
use super::record::{Record, StoredMessage, Target};
use super::scan::{self, Scanned, Torn};
use crate::core::{Change, Message, Position};

/// What was in the data directory.
#[derive(Debug)]
#[non_exhaustive]
pub struct Restored {
    /// The virtual hosts, by name.
    pub hosts: Vec<RestoredHost>,
    /// How it went.
    pub report: Report,
}

/// How the reading of a data directory went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Messages, counted in each queue that holds them.
    pub messages: usize,
    /// Bytes of the log.
    pub bytes: u64,
    /// What was cut off the end of the log, as a crash had left it unfinished.
    pub torn: Option<Torn>,
    /// How long it took.
    pub took: Duration,
}

/// What a virtual host was.
#[derive(Debug)]
pub struct RestoredHost {
    name: Arc<str>,
    exchanges: BTreeMap<Arc<str>, Change>,
    queues: BTreeMap<Arc<str>, RestoredQueue>,
    bindings: BTreeMap<(Arc<str>, bool, BindingKey), Change>,
}

#[derive(Debug, Default)]
struct RestoredQueue {
    declared: Option<Change>,
    truncated: Option<Change>,
    messages: Vec<RestoredMessage>,
}

#[derive(Debug)]
struct RestoredMessage {
    position: Position,
    at: u64,
    returned: u32,
    message: Arc<Message>,
}

impl RestoredHost {
    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The changes that make it: exchanges, then queues, bindings, and the messages of each queue in the order of their
    /// positions. Nothing among them takes anything away, except that a stream learns where it begins.
    pub fn into_changes(self) -> impl Iterator<Item = Change> {
        let (declared, contents): (Vec<_>, Vec<_>) = self
            .queues
            .into_iter()
            .map(|(name, queue)| (queue.declared, (name, queue.truncated, queue.messages)))
            .unzip();
        self.exchanges
            .into_values()
            .chain(declared.into_iter().flatten())
            .chain(self.bindings.into_values())
            .chain(
                contents
                    .into_iter()
                    .flat_map(|(name, truncated, messages)| {
                        let messages = messages
                            .into_iter()
                            .flat_map(move |each| each.into_changes(&name));
                        truncated.into_iter().chain(messages)
                    }),
            )
    }
}

impl RestoredMessage {
    fn into_changes(self, queue: &Arc<str>) -> impl Iterator<Item = Change> + use<> {
        let Self {
            position,
            at,
            returned,
            message,
        } = self;
        let returned = (returned > 0).then(|| Change::Returned {
            queue: queue.clone(),
            position,
            delivery_count: returned,
        });
        let enqueued = Change::Enqueued {
            queue: queue.clone(),
            position,
            message,
            at,
        };
        [Some(enqueued), returned].into_iter().flatten()
    }
}

/// Reads the log twice: once to learn what is live, once to take that.
pub(super) fn restore(files: &dyn Files) -> Result<(Index, End, Restored), StoreError> {
    let started = Instant::now();
    let mut index = Index::default();
    let (end, torn) = scan::scan(files, &mut |record, at, size| index.apply(record, at, size))?;
    let dropped = index.drop_undeclared();
    if dropped > 0 {
        tracing::warn!(
            messages = dropped,
            "the log holds messages of queues that it does not declare"
        );
    }

    let mut restoring = Restoring::new(&index);
    for number in end.sizes.keys().copied() {
        let path = files.path(&file_name(number));
        let data = files
            .read(&file_name(number))
            .map_err(|source| io_error("read", &path, source))?;
        let mut file = Scanned::new(number, data);
        let mut failed = Ok(());
        while !file.is_over() {
            file.frame(|record, at| {
                if let (Ok(()), Some(record)) = (&failed, index.live(record, at)) {
                    failed = restoring.take(record);
                }
            })
            .and_then(|()| failed.map_err(|error| (FILE_HEADER, error.to_string())))
            .map_err(|(offset, what)| damaged(&path, offset, what))?;
        }
    }

    let report = Report {
        messages: index.messages(),
        bytes: end.sizes.values().sum(),
        torn,
        took: started.elapsed(),
    };
    let hosts = restoring.finish();
    Ok((index, end, Restored { hosts, report }))
}

fn damaged(file: &Path, offset: usize, what: String) -> StoreError {
    StoreError::Damaged {
        file: file.to_owned(),
        offset: offset as u64,
        what,
    }
}

struct Restoring<'i> {
    index: &'i Index,
    hosts: BTreeMap<Arc<str>, RestoredHost>,
    /// A name that a million messages have is kept once.
    names: HashSet<Arc<str>>,
}

impl<'i> Restoring<'i> {
    fn new(index: &'i Index) -> Self {
        let hosts = index
            .hosts()
            .map(|name| (name.clone(), RestoredHost::new(name.clone())));
        Self {
            index,
            hosts: hosts.collect(),
            names: HashSet::new(),
        }
    }

    fn take(&mut self, record: Record<'_>) -> Result<(), bergen_amqp::codec::DecodeError> {
        match record {
            Record::ExchangeDeclared {
                host,
                name,
                kind,
                auto_delete,
                internal,
                arguments,
            } => {
                let arguments = arguments.into_owned();
                let key = name.clone();
                let change = Change::ExchangeDeclared {
                    name,
                    kind,
                    auto_delete,
                    internal,
                    arguments,
                };
                self.host(host).exchanges.insert(key, change);
            }
            Record::QueueDeclared {
                host,
                name,
                auto_delete,
                arguments,
            } => {
                let arguments = arguments.into_owned();
                let queue = self.host(host).queues.entry(name.clone()).or_default();
                queue.declared = Some(Change::QueueDeclared {
                    name,
                    auto_delete,
                    arguments,
                });
            }
            Record::Bound { host, binding } => {
                let key = (
                    binding.destination.clone(),
                    binding.to_exchange,
                    BindingKey::new(&binding),
                );
                let change = Change::Bound {
                    source: binding.source,
                    destination: binding.destination,
                    to_exchange: binding.to_exchange,
                    routing_key: binding.routing_key,
                    arguments: binding.arguments.into_owned(),
                };
                self.host(host).bindings.insert(key, change);
            }
            Record::Truncated {
                host,
                queue,
                before,
            } => {
                let restored = self.host(host).queues.entry(queue.clone()).or_default();
                restored.truncated = Some(Change::Truncated { queue, before });
            }
            Record::Enqueued { targets, message } => {
                let message = Arc::new(self.message(&message)?);
                for target in targets {
                    self.enqueue(&target, message.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn message(
        &mut self,
        message: &StoredMessage<'_>,
    ) -> Result<Message, bergen_amqp::codec::DecodeError> {
        Ok(Message {
            exchange: self.name(&message.exchange),
            routing_key: self.name(&message.routing_key),
            properties: BasicProperties::decode(message.properties)?.into_owned(),
            body: Bytes::copy_from_slice(message.body),
        })
    }

    fn enqueue(&mut self, target: &Target, message: Arc<Message>) {
        let returned = self.index.returned(target);
        let restored = RestoredMessage {
            position: target.position,
            at: target.at,
            returned,
            message,
        };
        let name = self.name(&target.queue);
        let queues = &mut self.host(target.host.clone()).queues;
        queues.entry(name).or_default().messages.push(restored);
    }

    fn host(&mut self, name: Arc<str>) -> &mut RestoredHost {
        self.hosts
            .entry(name.clone())
            .or_insert_with(|| RestoredHost::new(name))
    }

    fn name(&mut self, name: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        self.names.insert(name.clone());
        name.clone()
    }

    fn finish(self) -> Vec<RestoredHost> {
        let mut hosts: Vec<_> = self.hosts.into_values().collect();
        for queue in hosts.iter_mut().flat_map(|host| host.queues.values_mut()) {
            // Of a position that one file holds twice the later is true: sorted stably, then the last of equals kept.
            queue.messages.sort_by_key(|message| message.position);
            queue.messages.reverse();
            queue.messages.dedup_by_key(|message| message.position);
            queue.messages.reverse();
        }
        hosts
    }
}

impl RestoredHost {
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            exchanges: BTreeMap::new(),
            queues: BTreeMap::new(),
            bindings: BTreeMap::new(),
        }
    }
}
