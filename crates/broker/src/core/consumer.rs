//! Consumers.

use std::sync::Arc;

use bergen_amqp::codec::FieldTable;

use super::{ChannelId, ids::QueueId};

/// One who is given the messages of a queue.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) tag: Arc<str>,
    pub(super) channel: ChannelId,
    pub(super) queue: QueueId,
    pub(super) no_ack: bool,
    pub(super) exclusive: bool,
    pub(super) priority: i64,
    pub(super) arguments: FieldTable<'static>,
    /// How many unsettled deliveries it may have; 0 is no limit.
    pub(super) prefetch: u16,
    pub(super) unsettled: usize,
    /// Whether it is in its queue's ring.
    pub(super) waits: bool,
    /// The offset that it reads next, if the queue is a stream.
    pub(super) next_offset: u64,
}

impl Consumer {
    /// Whether it has as many deliveries as it may have.
    pub(super) fn is_full(&self) -> bool {
        self.prefetch != 0 && self.unsettled >= usize::from(self.prefetch)
    }
}
