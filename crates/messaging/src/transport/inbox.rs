//! What a listener was handed over, waiting to be read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::driver::{
    Admission, IncomingNotification, IncomingRequest, ListenError, Listener, NotificationSink,
    RequestSink,
};

/// A listener, and what it has handed over.
pub(super) struct Incoming<T> {
    pub(super) inbox: Inbox<T>,
    pub(super) listener: Box<dyn Listener>,
}

impl<T> Incoming<T> {
    /// The next message, or why the driver gave up on listening.
    pub(super) async fn next(&mut self) -> Result<T, ListenError> {
        tokio::select! {
            biased;
            message = self.inbox.next() => message.ok_or(ListenError::Closed),
            error = self.listener.failed() => Err(error),
        }
    }

    /// Stops listening and releases what the listener holds.
    pub(super) async fn close(self) {
        self.listener.stop().await;
        self.listener.close().await;
    }
}

/// The reading end. One reader; messages come out in their order.
///
/// A lost connection leaves messages behind here that the broker delivers again on the next one. So the queue can be
/// full although the prefetch is kept, and then the oldest message is one of those: it gives way to the new one.
pub(super) struct Inbox<T> {
    shared: Arc<Shared<T>>,
}

/// The end of whoever hands messages over.
pub(super) struct InboxSender<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Notify,
    capacity: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// One of the ends is gone.
    closed: bool,
}

/// Both ends of a queue for `capacity` messages: as many as can be handed over unacknowledged at once.
pub(super) fn inbox<T>(capacity: usize) -> (InboxSender<T>, Inbox<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            waiting: VecDeque::new(),
            closed: false,
        }),
        changed: Notify::new(),
        capacity: capacity.max(1),
    });
    let sender = InboxSender {
        shared: Arc::clone(&shared),
    };
    (sender, Inbox { shared })
}

impl<T> InboxSender<T> {
    /// Hands a message over, and yields what there is no place for: the oldest message, or this one if nobody reads.
    pub(super) fn send(&self, message: T) -> Option<T> {
        let mut state = self.shared.lock();
        if state.closed {
            return Some(message);
        }
        let displaced = if state.waiting.len() >= self.shared.capacity {
            state.waiting.pop_front()
        } else {
            None
        };
        state.waiting.push_back(message);
        drop(state);
        self.shared.changed.notify_one();
        displaced
    }
}

// What nobody takes here goes back: another listener may take it. If its connection is gone, it goes back by itself.

impl RequestSink for InboxSender<IncomingRequest> {
    fn request(&self, incoming: IncomingRequest) -> Admission {
        if let Some(left_over) = self.send(incoming) {
            let _ = left_over.requeue();
        }
        Admission::Held
    }
}

impl NotificationSink for InboxSender<IncomingNotification> {
    fn notification(&self, incoming: IncomingNotification) -> Admission {
        if let Some(left_over) = self.send(incoming) {
            let _ = left_over.requeue();
        }
        Admission::Held
    }
}

impl<T> Inbox<T> {
    /// The next message; `None` when all are read and no more can come. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<T> {
        loop {
            {
                let mut state = self.shared.lock();
                if let Some(message) = state.waiting.pop_front() {
                    return Some(message);
                }
                if state.closed {
                    return None;
                }
            }
            // Whatever changes from here on leaves its mark.
            self.shared.changed.notified().await;
        }
    }
}

impl<T> Drop for InboxSender<T> {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

impl<T> Drop for Inbox<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        let unread = std::mem::take(&mut state.waiting);
        drop(state);
        // Without the lock: what a message does when it is dropped is its driver's business.
        drop(unread);
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
