//! The calls that wait for their replies.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::abandoned::Abandoned;
use super::cancels::Cancels;
use crate::driver::CallReply;
use crate::wire::{Id, RawJson, Text};

#[cfg(test)]
mod tests;

/// Every call in flight, by its message id. The connection's task completes them directly.
#[derive(Debug)]
pub(super) struct Waiters {
    table: Mutex<Table>,
    limit: usize,
    /// Where calls that are given up are cancelled.
    cancels: Option<Cancels>,
}

/// One call's place in the table; dropping it gives the place up.
#[derive(Debug)]
pub(super) struct Waiter {
    id: Id,
    waiters: Arc<Waiters>,
    answer: oneshot::Receiver<CallReply>,
    signs: Option<Arc<SignsOfLife>>,
    answered: bool,
    /// Until when the call may run although it is given up; `None` as long as no server can have it.
    runs_until: Option<Instant>,
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
            cancels: None,
        }
    }

    /// Has calls that are given up cancelled at the servers that say how.
    pub(super) fn cancelling(mut self, cancels: Cancels) -> Self {
        self.cancels = Some(cancels);
        self
    }

    /// Takes a place for a call. `monitored` calls remember when they were last heard of.
    pub(super) fn register(self: &Arc<Self>, id: Id, monitored: bool) -> Result<Waiter, NoPlace> {
        let (complete, answer) = oneshot::channel();
        let signs = monitored.then(|| Arc::new(SignsOfLife::new(Instant::now())));
        let entry = Entry {
            complete,
            signs: signs.clone(),
            value: None,
            control_queue: None,
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
            runs_until: None,
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

    /// The server that runs a call says where it can be cancelled: which is done at once if it has been given up.
    pub(super) fn cancellable(&self, id: Id, queue: &str) -> Found {
        let Some(cancels) = &self.cancels else {
            return Found::Unknown;
        };
        cancels.start();
        let mut table = self.lock();
        if let Some(entry) = table.waiting.get_mut(&id.as_u128()) {
            // Not a slice, which would keep the whole message.
            entry.control_queue = Some(Text::copy(queue));
            if let Some(signs) = &entry.signs {
                signs.heard(Instant::now());
            }
            return Found::Waiting;
        }
        let abandoned = table.abandoned.take(id);
        drop(table);
        if !abandoned {
            return Found::Unknown;
        }
        cancels.send(id, Text::copy(queue));
        Found::Waiting
    }

    /// Gives a call up.
    fn give_up(&self, id: Id, runs_until: Option<Instant>) {
        let mut table = self.lock();
        let entry = table.waiting.remove(&id.as_u128());
        // Without an entry it has been answered this very moment.
        let (Some(entry), Some(cancels), Some(runs_until)) = (entry, &self.cancels, runs_until)
        else {
            return;
        };
        match entry.control_queue {
            Some(queue) => {
                drop(table);
                cancels.send(id, queue);
            }
            None => table.abandoned.insert(id, runs_until, Instant::now()),
        }
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

    /// From now on a server may run the call, until then at least if nobody stops it.
    pub(super) fn runs_until(&mut self, until: Instant) {
        self.runs_until = Some(until);
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
        self.waiters.give_up(self.id, self.runs_until);
    }
}

#[derive(Debug, Default)]
struct Table {
    waiting: HashMap<u128, Entry, BuildHasherDefault<IdHasher>>,
    closed: bool,
    abandoned: Abandoned,
}

#[derive(Debug)]
struct Entry {
    complete: oneshot::Sender<CallReply>,
    signs: Option<Arc<SignsOfLife>>,
    /// The first value of a reply that did not end the call.
    value: Option<RawJson>,
    /// Where its cancel is to be sent, once the server has said so.
    control_queue: Option<Text>,
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
