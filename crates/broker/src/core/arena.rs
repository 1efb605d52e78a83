//! Where things with an id live.

use super::ids::Id;

/// Things by id, found without hashing. The id of what was removed finds nothing, also when its place is taken again.
#[derive(Debug)]
pub(super) struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    content: Option<T>,
}

impl<T> Arena<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Puts in what `make` makes of its id.
    pub(super) fn insert_with(&mut self, make: impl FnOnce(Id) -> T) -> Id {
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index as usize)
        {
            let id = Id {
                index,
                generation: slot.generation,
            };
            slot.content = Some(make(id));
            return id;
        }
        // More than 4 billion at once do not fit into memory.
        let index = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let id = Id {
            index,
            generation: 0,
        };
        self.slots.push(Slot {
            generation: 0,
            content: Some(make(id)),
        });
        id
    }

    pub(super) fn get(&self, id: Id) -> Option<&T> {
        let slot = self.slots.get(id.index as usize)?;
        slot.content
            .as_ref()
            .filter(|_| slot.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        slot.content
            .as_mut()
            .filter(|_| slot.generation == id.generation)
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let content = slot.content.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(content)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = Id {
                index: u32::try_from(index).ok()?,
                generation: slot.generation,
            };
            Some((id, slot.content.as_ref()?))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests;
