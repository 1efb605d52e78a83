//! The messages of a queue that wait for a consumer.

use std::{collections::VecDeque, time::Instant};

use super::Entry;
use crate::core::{Body, Position};

/// Ready messages: the higher priority first, in one priority the lower position first.
#[derive(Debug)]
pub(in crate::core) struct Ready<B> {
    /// By priority. Queues without `x-max-priority` have one.
    levels: Vec<VecDeque<Entry<B>>>,
    len: usize,
    bytes: u64,
}

impl<B: Body> Ready<B> {
    pub(in crate::core) fn new() -> Self {
        Self {
            levels: Vec::new(),
            len: 0,
            bytes: 0,
        }
    }

    pub(in crate::core) fn len(&self) -> usize {
        self.len
    }

    pub(in crate::core) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of all bodies.
    pub(in crate::core) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a message that came just now: its position is the highest.
    pub(in crate::core) fn push(&mut self, entry: Entry<B>) {
        self.add(&entry);
        self.level(entry.priority).push_back(entry);
    }

    /// Takes the message that is next.
    pub(in crate::core) fn pop(&mut self) -> Option<Entry<B>> {
        let entry = self.levels.iter_mut().rev().find_map(VecDeque::pop_front)?;
        self.subtract(&entry);
        self.shrink();
        Some(entry)
    }

    /// Takes a message at the head of its priority that has expired.
    ///
    /// Only heads are looked at, as in RabbitMQ: a message with a short expiration waits behind others.
    pub(in crate::core) fn pop_expired(&mut self, now: Instant) -> Option<Entry<B>> {
        let entry = self
            .levels
            .iter_mut()
            .rev()
            .find(|level| level.front().is_some_and(|entry| entry.has_expired(now)))?
            .pop_front()?;
        self.subtract(&entry);
        self.shrink();
        Some(entry)
    }

    /// When the next of those heads expires.
    pub(in crate::core) fn next_expiry(&self) -> Option<Instant> {
        self.levels
            .iter()
            .filter_map(|level| level.front()?.expires)
            .min()
    }

    /// Puts messages back to their places.
    pub(in crate::core) fn put_back(&mut self, mut entries: Vec<Entry<B>>) {
        if entries.len() == 1
            && let Some(entry) = entries.pop()
        {
            self.insert(entry);
        }
        for entry in &entries {
            self.add(entry);
        }
        // The last of one priority to go in stands at its front.
        entries.sort_unstable_by_key(|entry| (entry.priority, entry.position));
        while let Some(entry) = entries.pop() {
            let level = self.level(entry.priority);
            if level
                .front()
                .is_none_or(|front| entry.position < front.position)
            {
                level.push_front(entry);
                continue;
            }
            let priority = entry.priority;
            let from = entries
                .iter()
                .rposition(|other| other.priority != priority)
                .map_or(0, |before| before + 1);
            let mut batch = entries.split_off(from);
            batch.push(entry);
            merge(level, batch);
        }
    }

    /// Puts one message to its place.
    pub(in crate::core) fn insert(&mut self, entry: Entry<B>) {
        self.add(&entry);
        let level = self.level(entry.priority);
        let after = |entry: &Entry<B>, other: &Entry<B>| entry.position > other.position;
        if level.back().is_none_or(|back| after(&entry, back)) {
            level.push_back(entry);
        } else if level.front().is_none_or(|front| after(front, &entry)) {
            level.push_front(entry);
        } else {
            let place = level.partition_point(|other| after(&entry, other));
            level.insert(place, entry);
        }
    }

    /// Takes a message away, wherever it is.
    pub(in crate::core) fn remove(&mut self, position: Position) -> Option<Entry<B>> {
        let entry = self.levels.iter_mut().find_map(|level| {
            let place = level
                .binary_search_by_key(&position, |entry| entry.position)
                .ok()?;
            level.remove(place)
        })?;
        self.subtract(&entry);
        Some(entry)
    }

    /// The message at this place.
    pub(in crate::core) fn get_mut(&mut self, position: Position) -> Option<&mut Entry<B>> {
        self.levels.iter_mut().find_map(|level| {
            let place = level
                .binary_search_by_key(&position, |entry| entry.position)
                .ok()?;
            level.get_mut(place)
        })
    }

    /// Takes all.
    pub(in crate::core) fn take_all(&mut self) -> impl Iterator<Item = Entry<B>> + use<B> {
        let taken = std::mem::replace(self, Self::new());
        taken.levels.into_iter().rev().flatten()
    }

    /// All, in their order.
    pub(in crate::core) fn iter(&self) -> impl Iterator<Item = &Entry<B>> {
        self.levels.iter().rev().flatten()
    }

    fn level(&mut self, priority: u8) -> &mut VecDeque<Entry<B>> {
        let index = usize::from(priority);
        if self.levels.len() <= index {
            self.levels.resize_with(index + 1, VecDeque::new);
        }
        // There is one now.
        #[expect(clippy::indexing_slicing, reason = "made just above")]
        &mut self.levels[index]
    }

    /// Gives the memory of a burst back once it is over.
    fn shrink(&mut self) {
        if self.len == 0 && self.levels.iter().any(|level| level.capacity() > 1024) {
            self.levels = Vec::new();
        }
    }

    fn add(&mut self, entry: &Entry<B>) {
        self.len += 1;
        self.bytes += entry.message.body.size() as u64;
    }

    fn subtract(&mut self, entry: &Entry<B>) {
        self.len -= 1;
        self.bytes -= entry.message.body.size() as u64;
    }
}

/// Merges `batch`, which is sorted, into `level`, touching only what stands before its last.
fn merge<B>(level: &mut VecDeque<Entry<B>>, mut batch: Vec<Entry<B>>) {
    let Some(last) = batch.last().map(|entry| entry.position) else {
        return;
    };
    let overlap = level.partition_point(|entry| entry.position < last);
    let mut standing: Vec<_> = level.drain(..overlap).collect();
    loop {
        let from_batch = match (standing.last(), batch.last()) {
            (Some(stands), Some(comes)) => comes.position > stands.position,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (None, None) => return,
        };
        let next = if from_batch {
            batch.pop()
        } else {
            standing.pop()
        };
        if let Some(next) = next {
            level.push_front(next);
        }
    }
}
