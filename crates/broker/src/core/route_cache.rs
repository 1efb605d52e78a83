//! Routes that were found before.

use std::{collections::HashMap, sync::Arc};

use super::ids::QueueId;

/// How much the cache may weigh, in bytes as counted by [`weight`]. Beyond it starts anew: keys that never come again
/// would else push out nothing but themselves.
const LIMIT: usize = 8 * 1024 * 1024;

/// (exchange, routing key) → queues, until anything about exchanges and bindings changes.
#[derive(Debug, Default)]
pub(super) struct RouteCache {
    exchanges: HashMap<Arc<str>, ByKey>,
    weight: usize,
}

type ByKey = HashMap<Box<str>, Box<[QueueId]>>;

impl RouteCache {
    pub(super) fn get(&self, exchange: &str, routing_key: &str) -> Option<&[QueueId]> {
        Some(self.exchanges.get(exchange)?.get(routing_key)?)
    }

    pub(super) fn insert(&mut self, exchange: &Arc<str>, routing_key: &str, queues: &[QueueId]) {
        let weight = weight(routing_key, queues);
        if weight > LIMIT / 16 {
            return;
        }
        if self.weight + weight > LIMIT {
            self.clear();
        }
        self.weight += weight;
        self.exchanges
            .entry(Arc::clone(exchange))
            .or_default()
            .insert(routing_key.into(), queues.into());
    }

    #[cfg(test)]
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Forgets everything: an exchange or a binding came or went.
    pub(super) fn clear(&mut self) {
        if self.weight > 0 {
            *self = Self::default();
        }
    }
}

/// About what an entry takes in memory.
fn weight(routing_key: &str, queues: &[QueueId]) -> usize {
    64 + routing_key.len() + size_of_val(queues)
}
