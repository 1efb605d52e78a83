//! What is on its way to the disk, and who waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use bergen_amqp::protocol::ChannelId;

use crate::core::Change;

/// The changes of this turn, and the publishes whose confirms wait for the disk.
#[derive(Debug, Default)]
pub(super) struct Durable {
    store: Option<Box<dyn Log>>,
    batch: Vec<(Arc<str>, Change)>,
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

/// Names a batch. They rise by one.
pub(crate) type Ticket = u64;

/// Where changes are kept.
pub(crate) trait Log: std::fmt::Debug {
    /// Takes a batch, to be written as soon as can be.
    fn commit(&mut self, batch: Vec<(Arc<str>, Change)>) -> Ticket;
}

impl Durable {
    /// Without a log nothing is kept.
    pub(super) fn new(store: Option<Box<dyn Log>>) -> Self {
        Self {
            store,
            ..Self::default()
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.store.is_some()
    }

    pub(super) fn add(&mut self, host: &Arc<str>, change: Change) {
        if self.store.is_some() {
            self.batch.push((Arc::clone(host), change));
        }
    }

    pub(super) fn wait(&mut self, publish: Awaiting) {
        self.fresh.push(publish);
    }

    /// The turn is over: what changed goes to the log.
    pub(super) fn commit(&mut self) {
        let Some(store) = self.store.as_mut().filter(|_| !self.batch.is_empty()) else {
            return;
        };
        let ticket = store.commit(std::mem::take(&mut self.batch));
        if !self.fresh.is_empty() {
            self.waiting
                .push_back((ticket, std::mem::take(&mut self.fresh)));
        }
    }

    /// The publishes that are settled now that this batch and all before it are on the disk.
    pub(super) fn committed(&mut self, ticket: Ticket) -> Vec<Awaiting> {
        let mut settled = Vec::new();
        while let Some((_, publishes)) = self.waiting.pop_front_if(|(waits, _)| *waits <= ticket) {
            settled.extend(publishes);
        }
        settled
    }

    /// Lets go of the log, which writes what is left when it is dropped.
    pub(super) fn close(&mut self) -> Option<Box<dyn Log>> {
        self.commit();
        self.store.take()
    }
}
