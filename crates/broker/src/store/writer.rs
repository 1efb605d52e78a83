//! The store's own thread: gathers batches, writes them together, and says what became of them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::batch::Batch;
use super::compaction::Compaction;
use super::frame::FRAME_HEADER;
use super::index::Index;
use super::log::Log;
use super::record::{Decoder, Encoder};
use super::{StoreError, StoreEvent, StoreOptions, Ticket};

/// A group ends at so many bytes, so that the first in it do not wait for ever more.
const GROUP_BYTES: usize = 4 << 20;
/// How often the free space is looked at while there is work.
const SPACE_INTERVAL: Duration = Duration::from_secs(1);

pub(super) type Submitted = (Ticket, Batch);

pub(super) struct Writer {
    log: Log,
    index: Index,
    options: StoreOptions,
    batches: Receiver<Submitted>,
    events: UnboundedSender<StoreEvent>,
    /// Bytes handed in that are not yet on disk.
    in_flight: Arc<AtomicUsize>,
    encoder: Encoder,
    compaction: Compaction,
    /// Batches that were reported as failed. They go first once the disk takes writes again, since the broker's memory
    /// has gone on from them.
    owed: VecDeque<Batch>,
    /// Why the last write failed, and when the next is tried.
    stalled: Option<(Arc<str>, Instant)>,
    /// The disk has less room than it should.
    low: Option<Arc<str>>,
    /// What the broker was told last.
    blocked: Option<Arc<str>>,
    space_looked_at: Option<Instant>,
}

impl Writer {
    pub(super) fn new(
        log: Log,
        index: Index,
        options: StoreOptions,
        batches: Receiver<Submitted>,
        events: UnboundedSender<StoreEvent>,
        in_flight: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            log,
            index,
            batches,
            events,
            in_flight,
            encoder: Encoder::new(),
            compaction: Compaction::new(2 * options.file_size),
            options,
            owed: VecDeque::new(),
            stalled: None,
            low: None,
            blocked: None,
            space_looked_at: None,
        }
    }

    /// Until the store is dropped or closed.
    pub(super) fn run(mut self) -> Result<(), StoreError> {
        let mut idle = false;
        loop {
            self.look_at_space();
            self.pay();
            let compacting = self.stalled.is_none()
                && self.compaction.step(&mut self.log, &mut self.index, idle);
            let group = if compacting {
                self.waiting()
            } else {
                self.wait()
            };
            match group {
                Ok(group) if group.is_empty() => idle |= !compacting,
                Ok(group) => {
                    idle = false;
                    self.commit(group);
                }
                Err(Closed) => return self.finish(),
            }
        }
    }

    /// The next group; empty when none came for a while.
    fn wait(&mut self) -> Result<Vec<Submitted>, Closed> {
        let timeout = match &self.stalled {
            Some((_, retry)) => retry.saturating_duration_since(Instant::now()),
            None if self.low.is_some() => self.options.retry,
            None => self.options.idle,
        };
        match self.batches.recv_timeout(timeout) {
            Ok(first) => Ok(self.gather(first)),
            Err(RecvTimeoutError::Timeout) => Ok(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => Err(Closed),
        }
    }

    /// The next group, if one is there.
    fn waiting(&mut self) -> Result<Vec<Submitted>, Closed> {
        match self.batches.try_recv() {
            Ok(first) => Ok(self.gather(first)),
            Err(TryRecvError::Empty) => Ok(Vec::new()),
            Err(TryRecvError::Disconnected) => Err(Closed),
        }
    }

    fn gather(&self, first: Submitted) -> Vec<Submitted> {
        let mut bytes = first.1.bytes();
        let mut group = vec![first];
        while bytes < GROUP_BYTES {
            let Ok(next) = self.batches.try_recv() else {
                break;
            };
            bytes += next.1.bytes();
            group.push(next);
        }
        group
    }

    fn commit(&mut self, group: Vec<Submitted>) {
        let (Some((first, _)), Some((last, _))) = (group.first(), group.last()) else {
            return;
        };
        let (first, last) = (*first, *last);
        let written = match &self.stalled {
            Some((reason, _)) => Err(Arc::clone(reason)),
            None => self.write(group.iter().map(|(_, batch)| batch)).map_err(|error| {
                let reason = reason(&self.log, &error);
                tracing::error!("{reason}; changes wait in memory, publishes are refused until it works again");
                self.stall(Arc::clone(&reason));
                reason
            }),
        };
        match written {
            Ok(unstorable) => {
                self.release(group.iter().map(|(_, batch)| batch.bytes()).sum());
                self.report(&group, unstorable, last);
            }
            Err(reason) => {
                // First, so that a publisher that is refused and tries again is stopped.
                self.tell_blocked();
                self.send(StoreEvent::Failed {
                    first,
                    last,
                    reason,
                });
                self.owed.extend(group.into_iter().map(|(_, batch)| batch));
            }
        }
    }

    /// Writes batches as one frame. Those of them that cannot be encoded, by their place and with the reason.
    fn write<'b>(
        &mut self,
        batches: impl Iterator<Item = &'b Batch>,
    ) -> io::Result<Vec<(usize, Arc<str>)>> {
        self.encoder.clear();
        let mut unstorable = Vec::new();
        for (place, batch) in batches.enumerate() {
            if let Err(error) = batch.encode(&mut self.encoder) {
                tracing::error!("a change cannot be written down: {error}");
                unstorable.push((place, error.to_string().into()));
            }
        }
        if self.encoder.is_empty() {
            return Ok(unstorable);
        }
        append(&mut self.log, &mut self.index, &mut self.encoder)?;
        Ok(unstorable)
    }

    /// Tells of a group that was written.
    fn report(&self, group: &[Submitted], unstorable: Vec<(usize, Arc<str>)>, last: Ticket) {
        for (place, reason) in unstorable {
            if let Some((ticket, _)) = group.get(place) {
                self.send(StoreEvent::Failed {
                    first: *ticket,
                    last: *ticket,
                    reason,
                });
            }
        }
        self.send(StoreEvent::Committed(last));
    }

    /// Writes what is owed, when it is time to try again.
    fn pay(&mut self) {
        if self
            .stalled
            .as_ref()
            .is_none_or(|(_, retry)| Instant::now() < *retry)
        {
            return;
        }
        loop {
            let mut bytes = 0;
            let count = self
                .owed
                .iter()
                .take_while(|batch| {
                    let fits = bytes < GROUP_BYTES;
                    bytes += batch.bytes();
                    fits
                })
                .count();
            if count == 0 {
                break;
            }
            let group: Vec<_> = self.owed.drain(..count).collect();
            if let Err(error) = self.write(group.iter()) {
                for batch in group.into_iter().rev() {
                    self.owed.push_front(batch);
                }
                let reason = reason(&self.log, &error);
                self.stall(reason);
                return;
            }
            self.release(group.iter().map(Batch::bytes).sum());
        }
        self.stalled = None;
        self.tell_blocked();
    }

    fn stall(&mut self, reason: Arc<str>) {
        self.stalled = Some((reason, Instant::now() + self.options.retry));
    }

    fn release(&self, bytes: usize) {
        self.in_flight.fetch_sub(bytes, Ordering::Release);
    }

    fn look_at_space(&mut self) {
        let recently = |looked: Instant| looked.elapsed() < SPACE_INTERVAL.min(self.options.retry);
        if self.space_looked_at.is_some_and(recently) {
            return;
        }
        self.space_looked_at = Some(Instant::now());
        // A file system that does not say has room until a write fails.
        let available = self.log.files().available().unwrap_or(u64::MAX);
        let limit = self.options.disk_free_limit;
        self.low = (available < limit).then(|| {
            let directory = self.log.files().path("");
            format!(
                "low on disk: {} has {available} bytes free, the limit is {limit}",
                directory.display()
            )
            .into()
        });
        self.tell_blocked();
    }

    /// Tells when publishers are to stop and may go on.
    fn tell_blocked(&mut self) {
        let blocked = self
            .stalled
            .as_ref()
            .map(|(reason, _)| reason)
            .or(self.low.as_ref())
            .cloned();
        if blocked.is_some() == self.blocked.is_some() {
            return;
        }
        self.blocked.clone_from(&blocked);
        if let Some(reason) = blocked {
            self.send(StoreEvent::Blocked { reason });
        } else {
            self.send(StoreEvent::Unblocked);
        }
    }

    /// The last try for what is owed.
    fn finish(mut self) -> Result<(), StoreError> {
        if let Some((_, retry)) = &mut self.stalled {
            *retry = Instant::now();
        }
        self.pay();
        match self.stalled {
            None => Ok(()),
            Some((reason, _)) => Err(StoreError::NotWritten {
                batches: self.owed.len(),
                reason: reason.to_string(),
            }),
        }
    }

    fn send(&self, event: StoreEvent) {
        // A broker that does not listen any more is about to close the store.
        let _ = self.events.send(event);
    }
}

/// Nobody can hand in batches any more.
struct Closed;

/// Appends what was encoded and takes it into the index, by reading it as a restart would.
pub(super) fn append(log: &mut Log, index: &mut Index, encoder: &mut Encoder) -> io::Result<()> {
    if u32::try_from(encoder.len() - FRAME_HEADER).is_err() {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "more than 4 GiB at once",
        ));
    }
    let at = log.append(encoder.frame())?;
    let mut decoder = Decoder::new(encoder.payload()).map_err(io::Error::other)?;
    while let Some(record) = decoder.next() {
        let (record, size) = record.map_err(io::Error::other)?;
        index.apply(&record, at, size);
    }
    Ok(())
}

fn reason(log: &Log, error: &io::Error) -> Arc<str> {
    let directory = log.files().path("");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            format!("disk full: {}: {error}", directory.display()).into()
        }
        _ => format!("cannot write to {}: {error}", directory.display()).into(),
    }
}
