//! Channels and connections, as far as the core knows them.

use std::{collections::HashMap, sync::Arc};

use super::{
    ChannelId, ConnectionId,
    ids::{ConsumerId, QueueId},
};

mod unsettled;

pub(super) use unsettled::{Unsettled, UnsettledList};

/// A client.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) channels: Vec<ChannelId>,
    /// Exclusive queues, which go with it.
    pub(super) queues: Vec<QueueId>,
    pub(super) reading: bool,
}

/// A channel: its consumers and what it has to settle.
#[derive(Debug)]
pub(super) struct Channel<B> {
    pub(super) connection: ConnectionId,
    /// Whether its client reads what is sent to it.
    pub(super) reading: bool,
    /// `channel.flow`
    pub(super) flow: bool,
    /// For consumers to come; 0 is no limit.
    pub(super) prefetch: u16,
    /// For all consumers together; 0 is no limit.
    pub(super) global_prefetch: u16,
    /// What its consumers, without `basic.get`, have to settle.
    pub(super) consumers_unsettled: usize,
    pub(super) consumers: HashMap<Arc<str>, ConsumerId>,
    pub(super) unsettled: UnsettledList<B>,
    last_tag: u64,
}

impl<B> Channel<B> {
    pub(super) fn new(connection: ConnectionId, reading: bool) -> Self {
        Self {
            connection,
            reading,
            flow: true,
            prefetch: 0,
            global_prefetch: 0,
            consumers_unsettled: 0,
            consumers: HashMap::new(),
            unsettled: UnsettledList::new(),
            last_tag: 0,
        }
    }

    pub(super) fn take_tag(&mut self) -> u64 {
        self.last_tag += 1;
        self.last_tag
    }

    /// Whether its consumers may be sent anything.
    pub(super) fn is_open(&self) -> bool {
        self.reading && self.flow
    }

    /// Whether its consumers together have as many deliveries as they may have.
    pub(super) fn is_full(&self) -> bool {
        self.global_prefetch != 0 && self.consumers_unsettled >= usize::from(self.global_prefetch)
    }
}
