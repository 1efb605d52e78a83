//! The calls that wait for their replies.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::driver::CallReply;
use crate::wire::{Id, RawJson};

#[cfg(test)]
mod tests;

/// Every call in flight, by its message id. The connection's task completes them directly.
#[derive(Debug)]
pub(super) struct Waiters {
    table: Mutex<Table>,
    limit: usize,
}

/// One call's place in the table; dropping it gives the place up.
#[derive(Debug)]
pub(super) struct Waiter {
    id: Id,
    waiters: Arc<Waiters>,
    answer: oneshot::Receiver<CallReply>,
    signs: Option<Arc<SignsOfLife>>,
    answered: bool,
}

/// Why a call may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// As many calls as are allowed wait already.
    Full {
        /// How many are allowed.
        limit: usize,
    },
    /// The driver is closed.
    Closed,
}

/// What the table did with a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The call it belongs to has it.
    Waiting,
    /// Nobody waits for it, any more or ever.
    Unknown,
}

impl Waiters {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            table: Mutex::default(),
            limit,
        }
    }

    /// Takes a place for a call. `monitored` calls remember when they were last heard of.
    pub(super) fn register(self: &Arc<Self>, id: Id, monitored: bool) -> Result<Waiter, NoPlace> {
        let (complete, answer) = oneshot::channel();
        let signs = monitored.then(|| Arc::new(SignsOfLife::new(Instant::now())));
        let entry = Entry {
            complete,
            signs: signs.clone(),
            value: None,
        };
        let mut table = self.lock();
        if table.closed {
            return Err(NoPlace::Closed);
        }
        if table.waiting.len() >= self.limit {
            return Err(NoPlace::Full { limit: self.limit });
        }
        table.waiting.insert(id.as_u128(), entry);
        drop(table);
        Ok(Waiter {
            id,
            waiters: Arc::clone(self),
            answer,
            signs,
            answered: false,
        })
    }

    /// The final reply of a call. A null result completes it with the value of an earlier message, if there was one:
    /// peers before 4.0.0 sent the value first and the end of the call apart.
    pub(super) fn complete(&self, id: Id, answer: CallReply) -> Found {
        let Some(entry) = self.lock().waiting.remove(&id.as_u128()) else {
            return Found::Unknown;
        };
        let answer = match (answer, entry.value) {
            (Ok(result), Some(value)) if result.is_null() => Ok(value),
            (answer, _) => answer,
        };
        // The caller may have gone this very moment.
        let _ = entry.complete.send(answer);
        Found::Waiting
    }

    /// A reply that does not end the call: a keep-alive, or the early value of a very old peer.
    pub(super) fn keep_alive(&self, id: Id, value: RawJson) -> Found {
        let mut table = self.lock();
        let Some(entry) = table.waiting.get_mut(&id.as_u128()) else {
            return Found::Unknown;
        };
        if let Some(signs) = &entry.signs {
            signs.heard(Instant::now());
        }
        if !value.is_null() && entry.value.is_none() {
            entry.value = Some(value);
        }
        Found::Waiting
    }

    /// How many calls wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Ends all waiting without an answer, and lets nobody wait any more.
    pub(super) fn close(&self) {
        let mut table = self.lock();
        table.closed = true;
        let waiting = std::mem::take(&mut table.waiting);
        drop(table);
        drop(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// The reply; `None` if the driver was closed first. May be dropped and called again until it has completed.
    pub(super) async fn answer(&mut self) -> Option<CallReply> {
        let answer = (&mut self.answer).await.ok();
        self.answered = true;
        answer
    }

    /// A sign of life by other means than a keep-alive: the broker has the request only now.
    pub(super) fn heard(&self) {
        if let Some(signs) = &self.signs {
            signs.heard(Instant::now());
        }
    }

    /// When a monitored call was last heard of.
    pub(super) fn last_heard(&self) -> Option<Instant> {
        self.signs.as_deref().map(SignsOfLife::last)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // Whoever answered has taken the place away.
        if self.answered {
            return;
        }
        self.waiters.lock().waiting.remove(&self.id.as_u128());
    }
}

#[derive(Debug, Default)]
struct Table {
    waiting: HashMap<u128, Entry, BuildHasherDefault<IdHasher>>,
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    complete: oneshot::Sender<CallReply>,
    signs: Option<Arc<SignsOfLife>>,
    /// The first value of a reply that did not end the call.
    value: Option<RawJson>,
}

/// When a call was last heard of. A keep-alive stores a number here and wakes nobody.
#[derive(Debug)]
struct SignsOfLife {
    start: Instant,
    /// Nanoseconds since `start`.
    last: AtomicU64,
}

impl SignsOfLife {
    fn new(start: Instant) -> Self {
        Self {
            start,
            last: AtomicU64::new(0),
        }
    }

    fn heard(&self, now: Instant) {
        let elapsed = now.duration_since(self.start).as_nanos();
        self.last.fetch_max(
            u64::try_from(elapsed).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }

    fn last(&self) -> Instant {
        self.start + Duration::from_nanos(self.last.load(Ordering::Relaxed))
    }
}

/// Ids of this table are our own random numbers, so both halves of one folded together are hash enough.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}
