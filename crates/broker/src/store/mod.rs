//! What outlives the broker: durable exchanges, queues and bindings, and persistent messages, in a log on disk.
//!
//! ```text
//! DIR/format           what wrote this
//! DIR/lock             held by the broker that uses it
//! DIR/0000000001.log   frames of records, oldest first
//! ```
//!
//! The broker hands in the changes of each of its turns as a [`Batch`]. A thread gathers the batches that are there,
//! writes them as one frame, waits until the disk has it, and says so: [`StoreEvent::Committed`]. At start the log is
//! read, and what a crash left unfinished at its end is cut off ([`Report::torn`]). Files whose content has mostly
//! gone are written anew and removed, so that the directory takes about twice what it holds.
//!
//! The reasons for a log of our own stand in `docs/decisions/0010-broker-store.md`.

mod batch;
mod compaction;
mod error;
mod files;
mod frame;
mod fuzzing;
mod index;
mod log;
mod record;
mod restore;
mod scan;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub use batch::Batch;
pub use error::StoreError;
pub use fuzzing::recode;
pub use restore::{Report, Restored, RestoredHost};
pub use scan::Torn;

use files::{Directory, Files, io_error};
use log::Log;
use writer::{Submitted, Writer};

/// How a store behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Whether the disk is waited for. Without it what was confirmed survives the broker's death, but not that of the
    /// machine: for tests. Default `true`.
    pub sync: bool,
    /// With fewer bytes free, publishers are blocked. Default 50 MB, as RabbitMQ's `disk_free_limit`.
    pub disk_free_limit: u64,
    /// How many bytes may be on their way to the disk before [`Store::is_congested`] says so. Default 64 MiB.
    pub max_in_flight: usize,
    /// How large a file of the log becomes, in bytes, before the next one begins. Default 16 MiB: what goes at once
    /// when nothing in it is needed any more.
    pub file_size: u64,
    /// How long after a failed write the next is tried. Default 1 s.
    pub retry: Duration,
    /// How long there must be nothing to write before the log is made as small as can be. Default 1 s. While there is
    /// work it may be twice what it holds and two files more.
    pub idle: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            sync: true,
            disk_free_limit: 50_000_000,
            max_in_flight: 64 << 20,
            file_size: 16 << 20,
            retry: Duration::from_secs(1),
            idle: Duration::from_secs(1),
        }
    }
}

/// Names a [`Batch`]; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// What became of batches, and of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreEvent {
    /// This batch is on disk, and all before it that were not reported as failed.
    Committed(Ticket),
    /// These batches could not be written: what was published with them must not be confirmed. They stay in memory and
    /// are written when the disk takes writes again.
    Failed {
        /// The first of them.
        first: Ticket,
        /// The last of them; those between failed, too.
        last: Ticket,
        /// Why.
        reason: Arc<str>,
    },
    /// Publishers are to stop, as a write failed or the disk has less than
    /// [`disk_free_limit`](StoreOptions::disk_free_limit) free. RabbitMQ sends `connection.blocked` then.
    Blocked {
        /// Why.
        reason: Arc<str>,
    },
    /// Publishers may go on.
    Unblocked,
}

/// A store and what was in it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// What becomes of batches, in their order. At most a few for each group of batches.
    pub events: UnboundedReceiver<StoreEvent>,
    /// What was in the directory.
    pub restored: Restored,
}

/// A data directory that is open. Dropping it writes what is left, and waits for that.
#[derive(Debug)]
pub struct Store {
    batches: Option<Sender<Submitted>>,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
    events: UnboundedSender<StoreEvent>,
    next: u64,
    in_flight: Arc<AtomicUsize>,
    max_in_flight: usize,
}

impl Store {
    /// Opens a data directory, which is made if it is not there (0700), and reads what it holds. Blocks: a million
    /// small messages take seconds.
    ///
    /// Fails when another broker uses the directory, when it was written by another version, when something in it is
    /// damaged, and when the system refuses; then nothing is changed.
    pub fn open(directory: &Path, options: StoreOptions) -> Result<Opened, StoreError> {
        let files = Directory::open(directory, options.sync)?;
        Self::open_files(Box::new(files), options)
    }

    fn open_files(files: Box<dyn Files>, options: StoreOptions) -> Result<Opened, StoreError> {
        let (index, end, restored) = restore::restore(files.as_ref())?;
        log_restored(&restored.report, &files.path(""));
        let path = files.path("");
        let log = Log::resume(files, end, options.file_size)
            .map_err(|source| io_error("begin a log in", &path, source))?;

        let (batches, receiver) = mpsc::channel();
        let (events, told) = unbounded_channel();
        let in_flight = Arc::new(AtomicUsize::new(0));
        let max_in_flight = options.max_in_flight;
        let writer = Writer::new(
            log,
            index,
            options,
            receiver,
            events.clone(),
            Arc::clone(&in_flight),
        );
        let thread = thread::Builder::new()
            .name("broker-store".to_owned())
            .spawn(move || writer.run())
            .map_err(|source| io_error("start a thread for", &path, source))?;
        let store = Self {
            batches: Some(batches),
            thread: Some(thread),
            events,
            next: 1,
            in_flight,
            max_in_flight,
        };
        Ok(Opened {
            store,
            events: told,
            restored,
        })
    }

    /// Hands in a batch. Never waits; what becomes of it comes as an event.
    pub fn commit(&mut self, batch: Batch) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.in_flight.fetch_add(batch.bytes(), Ordering::Relaxed);
        let taken = self
            .batches
            .as_ref()
            .is_some_and(|batches| batches.send((ticket, batch)).is_ok());
        if !taken {
            let reason = "the store's thread has ended".into();
            let _ = self.events.send(StoreEvent::Failed {
                first: ticket,
                last: ticket,
                reason,
            });
        }
        ticket
    }

    /// Whether more is on its way to the disk than should be: publishers should wait until an event comes and this
    /// says no.
    pub fn is_congested(&self) -> bool {
        self.in_flight() > self.max_in_flight
    }

    /// About how many bytes are on their way to the disk.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Writes what is left and waits for that; an error says that some of it could not be written.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        drop(self.batches.take());
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        thread.join().unwrap_or_else(|_| {
            let reason = "the store's thread panicked".to_owned();
            Err(StoreError::NotWritten { batches: 0, reason })
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!("{error}");
        }
    }
}

fn log_restored(report: &Report, directory: &Path) {
    if let Some(torn) = &report.torn {
        tracing::warn!(
            file = %torn.file.display(),
            offset = torn.offset,
            bytes = torn.bytes,
            "an unfinished write was cut off the end of the log; nothing in it was ever confirmed"
        );
    }
    tracing::info!(
        directory = %directory.display(),
        messages = report.messages,
        bytes = report.bytes,
        took = ?report.took,
        "read what the broker had stored"
    );
}

#[cfg(test)]
mod tests;
