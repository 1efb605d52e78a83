//! Destinations that share one place in an index.

use super::bindings::Destination;

/// A sorted set of destinations, each with the number of bindings that lead to it from here.
#[derive(Debug, Default)]
pub(super) struct Targets(Vec<(Destination, u32)>);

impl Targets {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Destination> {
        self.0.iter().map(|(destination, _)| destination)
    }

    pub(super) fn insert(&mut self, destination: &Destination) {
        match self.place(destination) {
            Ok(at) => {
                if let Some((_, bindings)) = self.0.get_mut(at) {
                    *bindings += 1;
                }
            }
            Err(at) => self.0.insert(at, (destination.clone(), 1)),
        }
    }

    pub(super) fn remove(&mut self, destination: &Destination) {
        let Ok(at) = self.place(destination) else {
            return;
        };
        if let Some((_, bindings)) = self.0.get_mut(at) {
            *bindings -= 1;
            if *bindings == 0 {
                self.0.remove(at);
            }
        }
    }

    fn place(&self, destination: &Destination) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(present, _)| present.cmp(destination))
    }
}
