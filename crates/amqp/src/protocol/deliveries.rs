//! What was delivered on a channel and not settled, and how acknowledgements are gathered.

use std::collections::VecDeque;

/// The unsettled deliveries of one channel, by rising tag.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    unsettled: VecDeque<Unsettled>,
    /// How many of them are acknowledged and wait for [`flush`](Deliveries::flush).
    acked: usize,
    /// The first, which is acknowledged, stands for others before it.
    gathered: bool,
    newest: u64,
}

#[derive(Debug, Clone, Copy)]
struct Unsettled {
    tag: u64,
    acked: bool,
}

impl Deliveries {
    /// Notes a delivery; false if its tag does not rise.
    pub(super) fn push(&mut self, tag: u64) -> bool {
        if tag <= self.newest {
            return false;
        }
        self.newest = tag;
        self.unsettled.push_back(Unsettled { tag, acked: false });
        true
    }

    pub(super) fn has_acks(&self) -> bool {
        self.acked > 0
    }

    /// Acknowledges `tag`, with `multiple` all up to it (all at all for tag 0); false if there is
    /// nothing to acknowledge.
    pub(super) fn ack(&mut self, tag: u64, multiple: bool) -> bool {
        let before = self.acked;
        if multiple {
            let count = self.count_up_to(tag);
            for delivery in self.unsettled.iter_mut().take(count) {
                self.acked += usize::from(!delivery.acked);
                delivery.acked = true;
            }
        } else if let Some(delivery) = self.find(tag) {
            delivery.acked = true;
            self.acked += 1;
        }
        self.acked > before
    }

    /// Forgets `tag`, with `multiple` all up to it (all at all for tag 0), because it is being
    /// rejected; the highest tag that went, or `None`. Acknowledgements must have been flushed.
    pub(super) fn remove(&mut self, tag: u64, multiple: bool) -> Option<u64> {
        if multiple {
            let count = self.count_up_to(tag);
            self.unsettled
                .drain(..count)
                .next_back()
                .map(|delivery| delivery.tag)
        } else {
            self.find(tag)?;
            let at = self
                .unsettled
                .binary_search_by_key(&tag, |delivery| delivery.tag)
                .ok()?;
            self.unsettled.remove(at).map(|delivery| delivery.tag)
        }
    }

    /// Makes the acknowledged run at the front one entry; how many acknowledgements are left then.
    pub(super) fn gather(&mut self) -> usize {
        let run = self.acked_run();
        if run > 1 {
            self.unsettled.drain(..run - 1);
            self.acked -= run - 1;
            self.gathered = true;
        }
        self.acked
    }

    /// Hands out what has to be sent, as (tag, multiple), and forgets it.
    ///
    /// One `multiple` covers the acknowledged run at the front. Behind the first delivery that is
    /// still in work `multiple` would take that one too, so there each goes by itself.
    pub(super) fn flush(&mut self, mut send: impl FnMut(u64, bool)) {
        let run = self.acked_run();
        let gathered = std::mem::take(&mut self.gathered);
        if let Some(last) = self.unsettled.drain(..run).next_back() {
            send(last.tag, run > 1 || gathered);
        }
        self.acked -= run;
        if self.acked > 0 {
            self.unsettled.retain(|delivery| {
                if delivery.acked {
                    send(delivery.tag, false);
                }
                !delivery.acked
            });
            self.acked = 0;
        }
    }

    /// Forgets all that is unsettled.
    pub(super) fn forget(&mut self) {
        self.unsettled.clear();
        self.acked = 0;
        self.gathered = false;
    }

    /// How many at the front are acknowledged.
    fn acked_run(&self) -> usize {
        self.unsettled
            .iter()
            .take_while(|delivery| delivery.acked)
            .count()
    }

    fn count_up_to(&self, tag: u64) -> usize {
        match tag {
            0 => self.unsettled.len(),
            _ => self
                .unsettled
                .partition_point(|delivery| delivery.tag <= tag),
        }
    }

    /// The delivery, unless it is acknowledged already.
    fn find(&mut self, tag: u64) -> Option<&mut Unsettled> {
        let at = self
            .unsettled
            .binary_search_by_key(&tag, |delivery| delivery.tag)
            .ok()?;
        self.unsettled
            .get_mut(at)
            .filter(|delivery| !delivery.acked)
    }
}
