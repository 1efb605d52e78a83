//! Publisher confirms of one channel: gathered for a turn, sent with as few frames as can be.

use std::collections::VecDeque;

/// What became of the publishes of a channel in confirm mode, from the oldest that the client has not heard of.
#[derive(Debug)]
pub(super) struct Confirms {
    /// Tag of the front of the ring.
    first: u64,
    ring: VecDeque<Slot>,
    /// Settled slots that the client has not been told of.
    untold: usize,
}

/// What to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Confirm {
    pub(super) tag: u64,
    pub(super) multiple: bool,
    /// `basic.ack`, else `basic.nack`.
    pub(super) taken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// Not on the disk yet.
    Waiting,
    Taken,
    Refused,
    /// The client knows, though not of an older one.
    Told,
}

impl Confirms {
    pub(super) fn new() -> Self {
        Self {
            first: 1,
            ring: VecDeque::new(),
            untold: 0,
        }
    }

    /// Notes the next publish; `taken` is `None` while that is not known.
    pub(super) fn publish(&mut self, taken: Option<bool>) {
        self.untold += usize::from(taken.is_some());
        self.ring.push_back(match taken {
            None => Slot::Waiting,
            Some(true) => Slot::Taken,
            Some(false) => Slot::Refused,
        });
    }

    /// What became of an older one.
    pub(super) fn settle(&mut self, tag: u64, taken: bool) {
        let slot = tag
            .checked_sub(self.first)
            .and_then(|at| self.ring.get_mut(usize::try_from(at).ok()?));
        if let Some(slot @ Slot::Waiting) = slot {
            *slot = if taken { Slot::Taken } else { Slot::Refused };
            self.untold += 1;
        }
    }

    /// How many publishes the client waits for.
    pub(super) fn unconfirmed(&self) -> usize {
        self.ring.len()
    }

    /// Tells the client what it does not know: in one frame all that lies in front of the oldest which is not
    /// settled, and one by one what lies behind.
    pub(super) fn flush(&mut self, mut send: impl FnMut(Confirm)) {
        if self.untold == 0 {
            return;
        }
        while let Some(&slot) = self.ring.front() {
            if slot == Slot::Waiting {
                break;
            }
            let mut count = 0;
            let mut last = 0;
            while let Some(&next) = self.ring.front()
                && (next == slot || next == Slot::Told)
            {
                if next != Slot::Told {
                    last = self.first;
                    count += 1;
                }
                self.ring.pop_front();
                self.first += 1;
            }
            if count > 0 {
                self.untold -= count;
                send(Confirm {
                    tag: last,
                    multiple: count > 1,
                    taken: slot == Slot::Taken,
                });
            }
        }
        if self.untold == 0 {
            return;
        }
        for (slot, tag) in self.ring.iter_mut().zip(self.first..) {
            let taken = match slot {
                Slot::Taken => true,
                Slot::Refused => false,
                Slot::Waiting | Slot::Told => continue,
            };
            *slot = Slot::Told;
            send(Confirm {
                tag,
                multiple: false,
                taken,
            });
        }
        self.untold = 0;
    }
}

#[cfg(test)]
mod tests;
