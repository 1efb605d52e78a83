//! What is on its way to the disk, and who waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use bergen_amqp::protocol::ChannelId;

use crate::core::Change;
use crate::store::{Batch, Store, Ticket};

/// The changes of this turn, and the publishes whose confirms wait for the disk.
#[derive(Debug, Default)]
pub(super) struct Durable {
    store: Option<Store>,
    batch: Batch,
    /// Publishes of this turn that are in the batch.
    fresh: Vec<Awaiting>,
    waiting: VecDeque<(Ticket, Vec<Awaiting>)>,
}

/// A publish that is confirmed when it is on the disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Awaiting {
    pub(super) session: usize,
    /// The session's number, as its place may be another's by then.
    pub(super) number: u64,
    pub(super) channel: ChannelId,
    pub(super) tag: u64,
}

impl Durable {
    /// What changes from now on is kept there.
    pub(super) fn keep(&mut self, store: Store) {
        self.store = Some(store);
    }

    /// Whether anything is kept.
    pub(super) fn is_kept(&self) -> bool {
        self.store.is_some()
    }

    /// Whether more is on its way to the disk than should be.
    pub(super) fn is_congested(&self) -> bool {
        self.store.as_ref().is_some_and(Store::is_congested)
    }

    pub(super) fn add(&mut self, host: &Arc<str>, change: Change) {
        if self.store.is_some() {
            self.batch.push(host, change);
        }
    }

    pub(super) fn add_host(&mut self, host: &Arc<str>) {
        if self.store.is_some() {
            self.batch.add_host(host);
        }
    }

    pub(super) fn remove_host(&mut self, host: &Arc<str>) {
        if self.store.is_some() {
            self.batch.remove_host(host);
        }
    }

    /// A publish of this turn waits for what was added.
    pub(super) fn wait(&mut self, publish: Awaiting) {
        self.fresh.push(publish);
    }

    /// The turn is over: what changed goes to the disk.
    pub(super) fn commit(&mut self) {
        let Some(store) = self.store.as_mut().filter(|_| !self.batch.is_empty()) else {
            return;
        };
        let ticket = store.commit(std::mem::take(&mut self.batch));
        if !self.fresh.is_empty() {
            let fresh = std::mem::take(&mut self.fresh);
            self.waiting.push_back((ticket, fresh));
        }
    }

    /// The publishes that waited for this batch, or one before it.
    pub(super) fn settled(&mut self, last: Ticket) -> Vec<Awaiting> {
        let mut settled = Vec::new();
        while let Some((_, publishes)) = self.waiting.pop_front_if(|(ticket, _)| *ticket <= last) {
            settled.extend(publishes);
        }
        settled
    }

    /// The publishes that waited for one of these batches.
    pub(super) fn failed(&mut self, first: Ticket, last: Ticket) -> Vec<Awaiting> {
        let (failed, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(ticket, _)| (first..=last).contains(ticket));
        self.waiting = waiting;
        let failed: VecDeque<_> = failed;
        failed
            .into_iter()
            .flat_map(|(_, publishes)| publishes)
            .collect()
    }

    /// Lets go of the store, which has to be closed.
    pub(super) fn close(&mut self) -> Option<Store> {
        self.commit();
        self.store.take()
    }
}
