//! Whether anybody still waits for an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether the caller has given a request up: its call was dropped, or ran out of time.
///
/// A method may stop then; its answer is not sent. Only callers that are bergen, too, and calls that run for longer than
/// [`cancel_after`](crate::rpc::RpcServerBuilder::cancel_after) can be cancelled; the peer's never are. Clones are
/// handles of the same request.
#[derive(Debug, Clone, Default)]
pub struct Cancellation {
    /// `None`: nobody can cancel it.
    state: Option<Arc<State>>,
}

#[derive(Debug, Default)]
struct State {
    cancelled: AtomicBool,
    changed: Notify,
}

impl Cancellation {
    /// One that [`cancel`](Self::cancel) can set off.
    pub fn new() -> Self {
        Self {
            state: Some(Arc::default()),
        }
    }

    /// One that never goes off.
    pub const fn never() -> Self {
        Self { state: None }
    }

    /// Whether it can ever go off.
    pub fn is_possible(&self) -> bool {
        self.state.is_some()
    }

    /// Whether the caller has given up. Cheap, for handlers that compute on a thread of their own.
    pub fn is_cancelled(&self) -> bool {
        self.state
            .as_ref()
            .is_some_and(|state| state.cancelled.load(Ordering::Acquire))
    }

    /// Completes when the caller has given up; never, if nobody can.
    pub async fn cancelled(&self) {
        let Some(state) = &self.state else {
            return std::future::pending().await;
        };
        loop {
            let changed = state.changed.notified();
            if state.cancelled.load(Ordering::Acquire) {
                return;
            }
            changed.await;
        }
    }

    /// Sets it off: what a driver does when it is told.
    pub fn cancel(&self) {
        if let Some(state) = &self.state {
            state.cancelled.store(true, Ordering::Release);
            state.changed.notify_waiters();
        }
    }

    /// Whether both are handles of the same request.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.state, &other.state) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
