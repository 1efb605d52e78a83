//! A message in a queue.

use std::{sync::Arc, time::Instant};

use crate::core::{Message, Position};

/// A message in a queue, and what this queue alone knows of it.
#[derive(Debug)]
pub(in crate::core) struct Entry<B> {
    pub(in crate::core) position: Position,
    pub(in crate::core) message: Arc<Message<B>>,
    /// From then on nobody gets it.
    pub(in crate::core) expires: Option<Instant>,
    /// How often it was given back, in queues that count that.
    pub(in crate::core) delivery_count: u32,
    /// What it counts as in memory, in bytes.
    pub(in crate::core) cost: u32,
    /// 0 unless the queue has `x-max-priority`.
    pub(in crate::core) priority: u8,
    /// Whether it may have been delivered before.
    pub(in crate::core) redelivered: bool,
    /// Whether it was written down.
    pub(in crate::core) stored: bool,
}

impl<B> Entry<B> {
    pub(in crate::core) fn has_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}
