//! A queue in front of a notifier.

use std::collections::VecDeque;
#[cfg(any(feature = "tracing-layer", feature = "tower"))]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Event, Notifier, NotifyError, Priority};
use crate::log_limit::LogLimit;
use crate::wire::Context;

#[cfg(test)]
mod tests;

/// How an [`Outbox`] behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxOptions {
    /// How many events may wait. Default 1000.
    pub capacity: usize,
    /// What becomes of an event that finds the outbox full. Default: [`WhenFull::DropOldest`], so that nobody waits and
    /// the newest are kept.
    pub when_full: WhenFull,
    /// How many events are sent at the same time, beside those that wait. Default 64. With 1 they arrive in the order
    /// in which they came; with more they may overtake each other.
    pub in_flight: usize,
}

impl Default for OutboxOptions {
    fn default() -> Self {
        Self {
            capacity: 1000,
            when_full: WhenFull::DropOldest,
            in_flight: 64,
        }
    }
}

/// What becomes of an event that finds an [`Outbox`] full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// Its sender waits for room.
    Wait,
    /// The event that has waited longest is dropped, and counted.
    DropOldest,
    /// This event is dropped, and counted.
    DropNewest,
}

/// Takes events at once and sends them in the background, several at a time. Cheap to clone.
///
/// What fails there is counted and logged, since nobody waits for it. When the last clone is dropped, what waits is
/// still sent; [`flush`](Self::flush) waits for that.
#[derive(Debug, Clone)]
pub struct Outbox {
    notifier: Notifier,
    shared: Arc<Shared>,
    _alive: Arc<Alive>,
}

/// What an outbox has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxStats {
    /// Events that wait or are being sent.
    pub waiting: u64,
    /// Events that were sent.
    pub sent: u64,
    /// Events that could not be sent.
    pub failed: u64,
    /// Events that found no room.
    pub dropped: u64,
}

impl Outbox {
    pub(super) fn new(notifier: Notifier, options: OutboxOptions) -> Self {
        let shared = Arc::new(Shared {
            options: OutboxOptions {
                capacity: options.capacity.max(1),
                in_flight: options.in_flight.max(1),
                ..options
            },
            queue: Mutex::default(),
            more: Notify::new(),
            room: Notify::new(),
            unsent: watch::Sender::new(0),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let sending = Arc::clone(&shared).send_all(notifier.clone());
        tokio::spawn(sending);
        Self {
            notifier,
            _alive: Arc::new(Alive(Arc::clone(&shared))),
            shared,
        }
    }

    /// Takes an event. Waits for room only with [`WhenFull::Wait`].
    ///
    /// # Errors
    /// The payload has no JSON form. What happens later to the event shows in [`stats`](Self::stats).
    pub async fn notify<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        priority: Priority,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        let mut event = self.notifier.event(ctxt, priority, event_type, payload)?;
        loop {
            let room = self.shared.room.notified();
            match self.shared.take(event) {
                None => return Ok(()),
                Some(refused) => event = refused,
            }
            room.await;
        }
    }

    /// Takes an event without ever waiting.
    ///
    /// # Errors
    /// The payload has no JSON form; [`NotifyError::OutboxFull`] with [`WhenFull::Wait`].
    pub fn post<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        priority: Priority,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        let event = self.notifier.event(ctxt, priority, event_type, payload)?;
        let capacity = self.shared.options.capacity;
        match self.shared.take(event) {
            None => Ok(()),
            Some(_) => Err(NotifyError::OutboxFull { capacity }),
        }
    }

    /// Whether the caller runs on behalf of some outbox: sends an event, or makes one in [`at_work`](Self::at_work).
    /// What is logged meanwhile must not become an event, else it would never end.
    #[cfg(feature = "tracing-layer")]
    pub(super) fn is_at_work() -> bool {
        AT_WORK.try_with(|()| ()).is_ok()
    }

    /// Does something on behalf of an outbox.
    #[cfg(feature = "tracing-layer")]
    pub(super) fn at_work(work: impl FnOnce()) {
        AT_WORK.sync_scope((), work);
    }

    /// Takes an event without ever waiting; one that can't be taken is counted as dropped, also if the serializer
    /// panics. For those to whom an event is worth no failure.
    #[cfg(any(feature = "tracing-layer", feature = "tower"))]
    pub(super) fn post_quietly<T: Serialize + ?Sized>(
        &self,
        priority: Priority,
        event_type: &str,
        payload: &T,
    ) {
        let ctxt = Context::default();
        let post = AssertUnwindSafe(|| self.post(&ctxt, priority, event_type, payload));
        if !matches!(catch_unwind(post), Ok(Ok(()))) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all that was taken is sent or has failed, at most so long. Says whether it is.
    pub async fn flush(&self, limit: Duration) -> bool {
        let mut unsent = self.shared.unsent.subscribe();
        let done = tokio::time::timeout(limit, unsent.wait_for(|unsent| *unsent == 0)).await;
        done.is_ok()
    }

    /// What it has done so far.
    pub fn stats(&self) -> OutboxStats {
        OutboxStats {
            waiting: *self.shared.unsent.borrow(),
            sent: self.shared.sent.load(Ordering::Relaxed),
            failed: self.shared.failed.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }
}

tokio::task_local! {
    /// There while an outbox is at work; see [`Outbox::is_at_work`].
    static AT_WORK: ();
}

#[derive(Debug)]
struct Shared {
    options: OutboxOptions,
    queue: Mutex<Queue>,
    more: Notify,
    room: Notify,
    /// Events that wait or are being sent.
    unsent: watch::Sender<u64>,
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Event>,
    /// Nobody puts anything in any more.
    closed: bool,
}

impl Shared {
    /// Takes the event, or gives it back if its sender is to wait.
    fn take(&self, event: Event) -> Option<Event> {
        let mut queue = self.queue();
        let is_full = queue.waiting.len() >= self.options.capacity;
        match self.options.when_full {
            WhenFull::Wait if is_full => return Some(event),
            WhenFull::DropNewest if is_full => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            WhenFull::DropOldest if is_full => {
                queue.waiting.pop_front();
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            _ => self.unsent.send_modify(|unsent| *unsent += 1),
        }
        queue.waiting.push_back(event);
        drop(queue);
        self.more.notify_one();
        None
    }

    /// Sends until nothing can come any more.
    async fn send_all(self: Arc<Self>, notifier: Notifier) {
        let log = LogLimit::new(LogLimit::MINUTE);
        let mut sending = JoinSet::new();
        loop {
            while sending.len() < self.options.in_flight
                && let Some(event) = self.next()
            {
                let notifier = notifier.clone();
                let sent = async move { notifier.hand_on(event).await };
                sending.spawn(AT_WORK.scope((), sent));
            }
            if sending.is_empty() && self.is_over() {
                return;
            }
            tokio::select! {
                Some(done) = sending.join_next() => {
                    self.settle(done.unwrap_or_else(|panic| Err(NotifyError::Driver {
                        driver: notifier.publisher_id().to_owned(),
                        cause: panic.to_string(),
                    })), &log);
                }
                () = self.more.notified(), if sending.len() < self.options.in_flight => {}
            }
        }
    }

    /// Nothing waits, and nothing can come any more. Both are asked at once: an event may be put in between.
    fn is_over(&self) -> bool {
        let queue = self.queue();
        queue.closed && queue.waiting.is_empty()
    }

    fn next(&self) -> Option<Event> {
        let event = self.queue().waiting.pop_front();
        if event.is_some() {
            self.room.notify_one();
        }
        event
    }

    fn settle(&self, done: Result<(), NotifyError>, log: &LogLimit) {
        match done {
            Ok(()) => self.sent.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                if let Some(held_back) = log.admit(Instant::now()) {
                    tracing::warn!(%error, held_back, "an event was not sent");
                }
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
        self.unsent.send_modify(|unsent| *unsent -= 1);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held by every clone of an outbox, and by nobody else.
#[derive(Debug)]
struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.queue().closed = true;
        self.0.more.notify_one();
    }
}
