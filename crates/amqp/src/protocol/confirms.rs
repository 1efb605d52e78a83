//! Publisher confirms: a ring of what the broker has not settled, indexed by tag.

use std::{collections::VecDeque, mem};

use super::{Outcome, PublishTag, Returned};

/// The unconfirmed publishes of one channel.
#[derive(Debug)]
pub(super) struct Confirms {
    /// Tag of the front of the ring.
    first: PublishTag,
    ring: VecDeque<Slot>,
}

#[derive(Debug)]
enum Slot {
    /// Waiting, and can't be returned.
    Waiting,
    /// Waiting, and would be returned with a message id of this hash.
    Mandatory(u64),
    /// It came back; its confirm follows.
    Returned(Returned),
    /// Settled before an older one.
    Settled,
}

impl Confirms {
    pub(super) fn new() -> Self {
        Self {
            first: 1,
            ring: VecDeque::new(),
        }
    }

    /// Takes the next tag; `message_id` is the hash of a mandatory publish's message id.
    pub(super) fn publish(&mut self, message_id: Option<u64>) -> PublishTag {
        let tag = self.end();
        self.ring
            .push_back(message_id.map_or(Slot::Waiting, Slot::Mandatory));
        tag
    }

    /// Tags between the oldest unconfirmed publish and the newest.
    pub(super) fn span(&self) -> usize {
        self.ring.len()
    }

    /// Notes that a publish came back; false if none waits under this message id.
    pub(super) fn returned(&mut self, message_id: u64, returned: Returned) -> bool {
        let slot = self
            .ring
            .iter_mut()
            .find(|slot| matches!(slot, Slot::Mandatory(waiting) if *waiting == message_id));
        let Some(slot) = slot else {
            return false;
        };
        *slot = Slot::Returned(returned);
        true
    }

    /// Settles `tag`, with `multiple` all up to it (all at all for tag 0), oldest first. Returns how
    /// many there were.
    pub(super) fn settle(
        &mut self,
        tag: PublishTag,
        multiple: bool,
        outcome: &Outcome,
        mut settled: impl FnMut(PublishTag, Outcome),
    ) -> usize {
        let mut count = 0;
        let last = if multiple && tag == 0 {
            self.end() - 1
        } else {
            tag
        };
        let from = if multiple { self.first } else { last };
        let (Some(skip), true) = (from.checked_sub(self.first), last < self.end()) else {
            return 0;
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        for (slot, tag) in self.ring.iter_mut().skip(skip).zip(from..=last) {
            let outcome = match mem::replace(slot, Slot::Settled) {
                Slot::Settled => continue,
                Slot::Returned(returned) => Outcome::Returned(returned),
                Slot::Waiting | Slot::Mandatory(_) => outcome.clone(),
            };
            settled(tag, outcome);
            count += 1;
        }
        while let Some(Slot::Settled) = self.ring.front() {
            self.ring.pop_front();
            self.first += 1;
        }
        count
    }

    /// Gives up: what came back and lacks only its confirm, and the tags of unknown fate.
    pub(super) fn drain(&mut self) -> (Vec<(PublishTag, Returned)>, Vec<PublishTag>) {
        let (mut returned, mut unknown) = (Vec::new(), Vec::new());
        let end = self.end();
        for (slot, tag) in self.ring.drain(..).zip(self.first..) {
            match slot {
                Slot::Waiting | Slot::Mandatory(_) => unknown.push(tag),
                Slot::Returned(why) => returned.push((tag, why)),
                Slot::Settled => {}
            }
        }
        self.first = end;
        (returned, unknown)
    }

    /// The tag that the next publish gets.
    fn end(&self) -> PublishTag {
        self.first + u64::try_from(self.ring.len()).unwrap_or(u64::MAX)
    }
}
