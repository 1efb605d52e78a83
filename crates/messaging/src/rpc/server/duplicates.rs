//! Which requests were taken lately, so that none runs twice in this process.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::wire::Id;

/// How long and how many request ids are remembered to drop what the broker delivers again.
///
/// The peer remembers the last 16 ids, which a busy server forgets within milliseconds. The defaults cover a
/// reconnect with everything that is published again then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateWindow {
    /// How long an id is remembered. Default: 10 minutes.
    pub age: Duration,
    /// How many ids are remembered at most; the oldest go first. Default: 65 536, about 4 MiB when full. 0 switches
    /// the check off.
    pub size: usize,
}

impl Default for DuplicateWindow {
    fn default() -> Self {
        Self {
            age: Duration::from_mins(10),
            size: 65_536,
        }
    }
}

/// The memory behind a [`DuplicateWindow`].
#[derive(Debug)]
pub(crate) struct Duplicates {
    window: DuplicateWindow,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    known: HashSet<Id>,
    by_age: VecDeque<(Instant, Id)>,
}

/// What recording an id led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// False: the id was known, the request must not run.
    pub(crate) is_new: bool,
    /// How many ids were pushed out before their time, because the window is full.
    pub(crate) evicted: u64,
}

impl Duplicates {
    pub(crate) fn new(window: DuplicateWindow) -> Self {
        Self {
            window,
            taken: Mutex::default(),
        }
    }

    /// Whether `id` was recorded within the window.
    pub(crate) fn contains(&self, id: &str, now: Instant) -> bool {
        if self.window.size == 0 {
            return false;
        }
        let key = Id::of(id);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.forget_before(now, self.window.age);
        taken.known.contains(&key)
    }

    /// Records that the request with this id is taken for processing.
    pub(crate) fn record(&self, id: &str, now: Instant) -> Recorded {
        if self.window.size == 0 {
            return Recorded {
                is_new: true,
                evicted: 0,
            };
        }
        let key = Id::of(id);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.forget_before(now, self.window.age);
        if !taken.known.insert(key) {
            return Recorded {
                is_new: false,
                evicted: 0,
            };
        }
        // Before it grows: one id more than fits would double what is allocated.
        let mut evicted = 0;
        while taken.by_age.len() >= self.window.size && taken.forget_oldest() {
            evicted += 1;
        }
        taken.by_age.push_back((now, key));
        Recorded {
            is_new: true,
            evicted,
        }
    }
}

impl Taken {
    fn forget_before(&mut self, now: Instant, age: Duration) {
        while let Some((at, _)) = self.by_age.front()
            && now.duration_since(*at) > age
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some((_, key)) = self.by_age.pop_front() else {
            return false;
        };
        self.known.remove(&key)
    }
}

#[cfg(test)]
mod tests;
