//! Calls that were given up before their servers said how to cancel them.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use crate::wire::Id;

#[cfg(test)]
mod tests;

/// The ids of the last calls given up, each until nobody runs it any more or room is needed.
#[derive(Debug, Default)]
pub(super) struct Abandoned {
    until: HashMap<Id, Instant>,
    /// Oldest first; also those that were taken out meanwhile.
    by_age: VecDeque<Id>,
}

impl Abandoned {
    /// About 1 MiB when full.
    pub(super) const CAPACITY: usize = 16_384;

    pub(super) fn insert(&mut self, id: Id, until: Instant, now: Instant) {
        while let Some(oldest) = self.by_age.front()
            && (self.by_age.len() >= Self::CAPACITY
                || self.until.get(oldest).is_none_or(|until| *until <= now))
        {
            self.until.remove(oldest);
            self.by_age.pop_front();
        }
        self.until.insert(id, until);
        self.by_age.push_back(id);
    }

    /// Whether the call was given up; forgets it.
    pub(super) fn take(&mut self, id: Id) -> bool {
        self.until.remove(&id).is_some()
    }
}
