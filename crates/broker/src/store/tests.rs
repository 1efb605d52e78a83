mod disk;
mod full;
mod model;
mod restart;
mod torn;

use std::sync::Arc;
use std::time::Duration;

use bergen_amqp::codec::{BasicProperties, FieldTable};
use bytes::Bytes;

use self::disk::Disk;
use super::{Batch, Opened, Report, Store, StoreError, StoreEvent, StoreOptions, Ticket};
use crate::core::{Change, Message, Position};

/// Small files and no pauses.
fn options() -> StoreOptions {
    StoreOptions {
        sync: true,
        disk_free_limit: 0,
        file_size: 2_000,
        retry: Duration::from_millis(1),
        idle: Duration::from_millis(1),
        ..StoreOptions::default()
    }
}

/// With time to look, as nothing is written anew meanwhile.
fn calm() -> StoreOptions {
    StoreOptions {
        idle: Duration::from_mins(10),
        file_size: 1 << 20,
        ..options()
    }
}

/// A store whose outcomes are waited for.
#[derive(Debug)]
struct Open {
    store: Store,
    events: tokio::sync::mpsc::UnboundedReceiver<StoreEvent>,
    changes: Vec<(Arc<str>, Change)>,
    report: Report,
}

impl Open {
    fn new(disk: &Disk, options: StoreOptions) -> Self {
        Self::try_new(disk, options).unwrap()
    }

    fn try_new(disk: &Disk, options: StoreOptions) -> Result<Self, StoreError> {
        Store::open_files(Box::new(disk.clone()), options).map(Self::from)
    }

    fn batch(&mut self, changes: impl IntoIterator<Item = (Arc<str>, Change)>) -> Ticket {
        let mut batch = Batch::new();
        for (host, change) in changes {
            batch.push(&host, change);
        }
        self.store.commit(batch)
    }

    /// Waits for the next event.
    fn event(&mut self) -> StoreEvent {
        self.events.blocking_recv().expect("the store lives")
    }

    /// Waits until this batch is on disk; nothing may fail before.
    fn committed(&mut self, ticket: Ticket) {
        loop {
            match self.event() {
                StoreEvent::Committed(done) if done >= ticket => return,
                StoreEvent::Committed(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Open {
    /// Waits until something became of this batch; whether it is on disk.
    fn settled(&mut self, ticket: Ticket) -> bool {
        loop {
            match self.event() {
                StoreEvent::Committed(done) if done >= ticket => return true,
                StoreEvent::Failed { last, .. } if last >= ticket => return false,
                _ => {}
            }
        }
    }
}

impl From<Opened> for Open {
    fn from(opened: Opened) -> Self {
        let Opened {
            store,
            events,
            restored,
        } = opened;
        let changes = restored
            .hosts
            .into_iter()
            .flat_map(|host| {
                let name = host.name().clone();
                host.into_changes()
                    .map(move |change| (name.clone(), change))
            })
            .collect();
        Self {
            store,
            events,
            changes,
            report: restored.report,
        }
    }
}

fn host() -> Arc<str> {
    "/".into()
}

fn queue(name: &str) -> (Arc<str>, Change) {
    let arguments = FieldTable::new().with("x-queue-type", "quorum");
    (
        host(),
        Change::QueueDeclared {
            name: name.into(),
            auto_delete: false,
            arguments,
        },
    )
}

fn message(body: &[u8]) -> Arc<Message> {
    Arc::new(Message {
        exchange: "".into(),
        routing_key: "q".into(),
        properties: BasicProperties {
            delivery_mode: Some(2),
            ..BasicProperties::default()
        },
        body: Bytes::copy_from_slice(body),
    })
}

fn enqueued(queue: &str, position: u64, body: &[u8]) -> (Arc<str>, Change) {
    let (queue, message) = (queue.into(), message(body));
    (
        host(),
        Change::Enqueued {
            queue,
            position: Position(position),
            message,
            at: 1_000,
        },
    )
}

fn removed(queue: &str, positions: impl IntoIterator<Item = u64>) -> (Arc<str>, Change) {
    let positions = positions.into_iter().map(Position).collect();
    (
        host(),
        Change::Removed {
            queue: queue.into(),
            positions,
        },
    )
}

/// The bodies that a queue holds, in order.
fn bodies(changes: &[(Arc<str>, Change)], of: &str) -> Vec<Bytes> {
    changes
        .iter()
        .filter_map(|(_, change)| match change {
            Change::Enqueued { queue, message, .. } if **queue == *of => Some(message.body.clone()),
            _ => None,
        })
        .collect()
}
