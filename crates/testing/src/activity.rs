//! What is going on: calls in flight, handlers at work, messages that are late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// Knows when nothing is going on.
#[derive(Default)]
pub(crate) struct Activity {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    going_on: BTreeMap<u64, (String, Instant)>,
    /// How many things have ever begun.
    begun: u64,
}

/// Something that is going on, until this is dropped.
pub(crate) struct Busy {
    activity: Arc<Activity>,
    number: u64,
}

impl Activity {
    /// Something begins.
    pub(crate) fn begin(self: &Arc<Self>, what: String) -> Busy {
        let mut state = self.lock();
        state.begun += 1;
        let number = state.begun;
        state.going_on.insert(number, (what, Instant::now()));
        Busy {
            activity: Arc::clone(self),
            number,
        }
    }

    /// Waits until nothing goes on; says how many things had begun by then.
    pub(crate) async fn nothing(&self) -> u64 {
        loop {
            let changed = self.changed.notified();
            {
                let state = self.lock();
                if state.going_on.is_empty() {
                    return state.begun;
                }
            }
            changed.await;
        }
    }

    /// Whether nothing goes on and nothing has begun since.
    pub(crate) fn is_still(&self, begun: u64) -> bool {
        let state = self.lock();
        state.going_on.is_empty() && state.begun == begun
    }

    /// What goes on, one line each.
    pub(crate) fn describe(&self) -> String {
        let state = self.lock();
        let lines = state
            .going_on
            .values()
            .map(|(what, since)| format!("\n  {what}, for {:.1?}", since.elapsed()));
        lines.collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.activity.lock().going_on.remove(&self.number);
        self.activity.changed.notify_waiters();
    }
}
