//! Who waits for the answer of one call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use bergen_messaging::driver::{CallReply, Cancellation};
use tokio::time::Instant;

/// The place where one call waits. Its request carries it to the server, which answers into it: nothing is looked up.
pub(crate) struct Caller {
    state: Mutex<State>,
    start: Instant,
    /// When the call was last heard of, in nanoseconds since its start.
    heard: AtomicU64,
}

enum State {
    Waiting {
        waker: Option<Waker>,
        /// How to tell the server that nobody waits any more, once it has said so.
        cancel: Option<Cancellation>,
    },
    Answered(CallReply),
    /// The answer is taken.
    Done,
    /// Nobody waits any more.
    GivenUp,
    /// The caller's driver is closed.
    Closed,
}

/// What became of what a server said to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It waits, and has heard it.
    Waiting,
    /// It does not wait any more.
    GivenUp,
    /// Its driver is closed.
    Closed,
}

impl Caller {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            state: Mutex::new(State::Waiting {
                waker: None,
                cancel: None,
            }),
            start,
            heard: AtomicU64::new(0),
        }
    }

    /// The answer; `None` when the driver was closed first.
    pub(crate) fn poll_answer(&self, waiting: &Waker) -> Poll<Option<CallReply>> {
        let mut state = self.lock();
        match &mut *state {
            State::Waiting { waker, .. } => {
                match waker {
                    Some(waker) => waker.clone_from(waiting),
                    None => *waker = Some(waiting.clone()),
                }
                return Poll::Pending;
            }
            State::Answered(_) => {}
            State::Done | State::GivenUp | State::Closed => return Poll::Ready(None),
        }
        match std::mem::replace(&mut *state, State::Done) {
            State::Answered(reply) => Poll::Ready(Some(reply)),
            _ => Poll::Ready(None),
        }
    }

    /// The answer is there.
    pub(crate) fn answer(&self, reply: CallReply) -> Told {
        self.end(State::Answered(reply))
    }

    /// The driver is closed.
    pub(crate) fn close(&self) {
        self.end(State::Closed);
    }

    /// A sign of life of the server.
    pub(crate) fn hear(&self, now: Instant) -> Told {
        let told = self.told();
        if told == Told::Waiting {
            let elapsed = now.saturating_duration_since(self.start).as_nanos();
            let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
            self.heard.fetch_max(elapsed, Ordering::Relaxed);
        }
        told
    }

    /// When the call was last heard of.
    pub(crate) fn last_heard(&self) -> Instant {
        self.start + Duration::from_nanos(self.heard.load(Ordering::Relaxed))
    }

    /// The server says how to cancel the call, which is done at once if it has been given up.
    pub(crate) fn offer_cancel(&self, cancellation: &Cancellation, now: Instant) -> Told {
        if let State::Waiting { cancel, .. } = &mut *self.lock() {
            *cancel = Some(cancellation.clone());
        }
        let told = self.hear(now);
        if told != Told::Waiting {
            cancellation.cancel();
        }
        told
    }

    /// Gives the call up; says whether the server was told so.
    pub(crate) fn give_up(&self) -> bool {
        let mut state = self.lock();
        let State::Waiting { cancel, .. } = &mut *state else {
            return false;
        };
        let cancel = cancel.take();
        *state = State::GivenUp;
        drop(state);
        if let Some(cancellation) = &cancel {
            cancellation.cancel();
        }
        cancel.is_some()
    }

    pub(crate) fn told(&self) -> Told {
        match *self.lock() {
            State::Waiting { .. } => Told::Waiting,
            State::Answered(_) | State::Done | State::GivenUp => Told::GivenUp,
            State::Closed => Told::Closed,
        }
    }

    fn end(&self, end: State) -> Told {
        let mut state = self.lock();
        let waker = match &mut *state {
            State::Waiting { waker, .. } => waker.take(),
            State::Closed => return Told::Closed,
            State::Answered(_) | State::Done | State::GivenUp => return Told::GivenUp,
        };
        *state = end;
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Told::Waiting
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
