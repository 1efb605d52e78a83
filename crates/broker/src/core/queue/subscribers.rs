//! Who consumes a queue, and whose turn it is.

use std::collections::VecDeque;

use crate::core::ids::ConsumerId;

/// The consumers of one queue.
///
/// Those that can take a message wait in a ring for each priority; who cannot is in none, so that a delivery never
/// looks at more than one of them.
#[derive(Debug, Default)]
pub(in crate::core) struct Subscribers {
    /// All, by arrival.
    all: Vec<ConsumerId>,
    /// Rings by priority, the highest last. Only the last may be empty.
    rings: Vec<(i64, VecDeque<ConsumerId>)>,
    /// Who has the queue for itself.
    pub(in crate::core) exclusive: Option<ConsumerId>,
    /// Who is served, in queues with a single active consumer.
    pub(in crate::core) active: Option<ConsumerId>,
}

impl Subscribers {
    pub(in crate::core) fn len(&self) -> usize {
        self.all.len()
    }

    pub(in crate::core) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// By arrival.
    pub(in crate::core) fn iter(&self) -> impl Iterator<Item = ConsumerId> {
        self.all.iter().copied()
    }

    pub(in crate::core) fn add(&mut self, consumer: ConsumerId) {
        self.all.push(consumer);
    }

    pub(in crate::core) fn remove(&mut self, consumer: ConsumerId) {
        self.all.retain(|other| *other != consumer);
        for (_, ring) in &mut self.rings {
            ring.retain(|other| *other != consumer);
        }
        self.rings.retain(|(_, ring)| !ring.is_empty());
        self.exclusive = self.exclusive.filter(|other| *other != consumer);
        self.active = self.active.filter(|other| *other != consumer);
    }

    /// Puts one that can take a message at the end of the ring of its priority. It must not be in it.
    pub(in crate::core) fn enqueue(&mut self, consumer: ConsumerId, priority: i64) {
        let place = self
            .rings
            .binary_search_by_key(&priority, |(priority, _)| *priority);
        match place {
            Ok(place) => {
                if let Some((_, ring)) = self.rings.get_mut(place) {
                    ring.push_back(consumer);
                }
            }
            Err(place) => self
                .rings
                .insert(place, (priority, VecDeque::from([consumer]))),
        }
    }

    /// Takes the one whose turn it is out of its ring.
    pub(in crate::core) fn next(&mut self) -> Option<ConsumerId> {
        loop {
            let (_, ring) = self.rings.last_mut()?;
            if let Some(consumer) = ring.pop_front() {
                return Some(consumer);
            }
            if self.rings.len() == 1 {
                // Kept for the next: most queues know one priority only.
                return None;
            }
            self.rings.pop();
        }
    }

    /// Whether anybody may be able to take a message.
    pub(in crate::core) fn is_anybody_waiting(&self) -> bool {
        self.rings.iter().any(|(_, ring)| !ring.is_empty())
    }
}
