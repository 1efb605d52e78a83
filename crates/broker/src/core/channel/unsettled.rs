//! Deliveries that await acknowledgement.

use std::collections::VecDeque;

use crate::core::{
    ids::{ConsumerId, QueueId},
    queue::Entry,
};

/// A message that was delivered and is not settled.
#[derive(Debug)]
pub(in crate::core) struct Unsettled<B> {
    pub(in crate::core) tag: u64,
    /// May be gone.
    pub(in crate::core) queue: QueueId,
    /// `None` after `basic.get`. May be gone.
    pub(in crate::core) consumer: Option<ConsumerId>,
    pub(in crate::core) entry: Entry<B>,
}

/// The unsettled deliveries of a channel by rising tag.
///
/// Settled mostly from the front, which is cheap; holes further back are closed when there are many.
#[derive(Debug)]
pub(in crate::core) struct UnsettledList<B> {
    slots: VecDeque<(u64, Option<Unsettled<B>>)>,
    len: usize,
}

impl<B> UnsettledList<B> {
    pub(in crate::core) const fn new() -> Self {
        Self {
            slots: VecDeque::new(),
            len: 0,
        }
    }

    pub(in crate::core) fn len(&self) -> usize {
        self.len
    }

    /// Adds one whose tag is the highest.
    pub(in crate::core) fn push(&mut self, unsettled: Unsettled<B>) {
        self.len += 1;
        self.slots.push_back((unsettled.tag, Some(unsettled)));
    }

    /// All, by rising tag.
    #[cfg(test)]
    pub(in crate::core) fn iter(&self) -> impl Iterator<Item = &Unsettled<B>> {
        self.slots
            .iter()
            .filter_map(|(_, content)| content.as_ref())
    }

    /// The one with this tag.
    pub(in crate::core) fn get(&self, tag: u64) -> Option<&Unsettled<B>> {
        let place = self
            .slots
            .binary_search_by_key(&tag, |(tag, _)| *tag)
            .ok()?;
        self.slots.get(place)?.1.as_ref()
    }

    /// Whether this tag awaits settling.
    pub(in crate::core) fn contains(&self, tag: u64) -> bool {
        self.get(tag).is_some()
    }

    /// Takes the one with this tag.
    pub(in crate::core) fn take(&mut self, tag: u64) -> Option<Unsettled<B>> {
        if self.slots.front().is_some_and(|(front, _)| *front == tag) {
            return self.pop_through(tag);
        }
        let place = self
            .slots
            .binary_search_by_key(&tag, |(tag, _)| *tag)
            .ok()?;
        let taken = self.slots.get_mut(place)?.1.take()?;
        self.len -= 1;
        if self.slots.len() > 2 * self.len + 32 {
            self.slots.retain(|(_, content)| content.is_some());
        }
        Some(taken)
    }

    /// Takes the first if its tag is not above `tag`. Afterwards the front is no hole.
    pub(in crate::core) fn pop_through(&mut self, tag: u64) -> Option<Unsettled<B>> {
        let mut taken = None;
        while let Some((front, content)) = self.slots.front_mut() {
            if content.is_some() {
                if taken.is_some() || *front > tag {
                    break;
                }
                taken = content.take();
                self.len -= 1;
            }
            self.slots.pop_front();
        }
        if self.len == 0 && self.slots.capacity() > 1024 {
            self.slots = VecDeque::new();
        }
        taken
    }
}

#[cfg(test)]
mod tests;
