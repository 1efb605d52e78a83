//! The order of what waits.

use std::collections::{BTreeMap, HashMap, HashSet};

use tokio::time::Instant;

use super::{Priority, Processed, RouterUpdate};

/// More routers than any agent has.
const LIMIT: usize = 65_536;

/// What waits, in its order, and which routers are worked on.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: BTreeMap<Place, RouterUpdate>,
    /// Where the update of each router waits.
    places: HashMap<String, Place>,
    working: HashSet<String>,
    /// How old the data is that the routers of this agent were brought to.
    fetched: HashMap<String, Instant>,
    next: u64,
}

/// Where an update waits: the order of the map is the order of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    priority: Priority,
    /// When it came, in the first place: one that takes in another one keeps its place in the row.
    since: Instant,
    number: u64,
}

impl Pending {
    pub(super) fn add(&mut self, update: RouterUpdate) -> Result<(), Box<RouterUpdate>> {
        let id = update.router_id.clone();
        let (update, since) = match self.places.get(&id).copied() {
            Some(place) => match self.waiting.remove(&place) {
                Some(waiting) => (waiting.merge(update), place.since),
                None => (update, place.since),
            },
            None if self.places.len() >= LIMIT => return Err(Box::new(update)),
            None => {
                let since = update.timestamp;
                (update, since)
            }
        };
        self.next += 1;
        let place = Place {
            priority: update.priority,
            since,
            number: self.next,
        };
        self.places.insert(id, place);
        self.waiting.insert(place, update);
        Ok(())
    }

    /// The first update whose router is not worked on; from now on it is.
    pub(super) fn take(&mut self) -> Option<RouterUpdate> {
        loop {
            let mut waiting = self.waiting.iter();
            let (place, _) =
                waiting.find(|(_, update)| !self.working.contains(&update.router_id))?;
            let place = *place;
            let update = self.waiting.remove(&place)?;
            self.places.remove(&update.router_id);
            let fetched = self.fetched.get(&update.router_id);
            if fetched.is_some_and(|fetched| update.timestamp < *fetched) {
                let router_id = &update.router_id;
                tracing::debug!(router_id, "an update is dropped, later data is there");
                continue;
            }
            self.working.insert(update.router_id.clone());
            return Some(update);
        }
    }

    pub(super) fn processed(&mut self, router_id: &str, processed: Processed) {
        match processed {
            Processed::UpToDate(at) => {
                self.fetched.insert(router_id.to_owned(), at);
            }
            // Nothing is kept about routers that are not here, so that their number does not grow.
            Processed::Gone => {
                self.fetched.remove(router_id);
            }
        }
    }

    pub(super) fn release(&mut self, router_id: &str) {
        self.working.remove(router_id);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}
