//! Which queues a message goes to.

use std::sync::Arc;

use bergen_amqp::codec::FieldTable;

use super::Routes;
use crate::core::{
    ExchangeKind, Message, Refusal, bindings::Destination, carbon_copies, exchange::Exchange,
    ids::QueueId, virtual_host::QueueNames,
};

impl Routes {
    /// Appends the queues that the message goes to, each once. `internal_too`: it does not come from a client, but from
    /// a queue that lets it go, so it may enter exchanges that are closed to clients.
    pub(in crate::core) fn route<B>(
        &mut self,
        names: &QueueNames,
        message: &Message<B>,
        internal_too: bool,
        found: &mut Vec<QueueId>,
    ) -> Result<(), Refusal> {
        let start = found.len();
        self.route_key(names, message, internal_too, found)?;
        if message.properties.headers.is_none() {
            return Ok(());
        }
        carbon_copies::check(&message.properties)?;
        let headers = message.properties.headers.as_ref();
        let before = found.len();
        for key in carbon_copies::further_keys(&message.properties) {
            self.walk_from(names, &message.exchange, &key, headers, found);
        }
        if found.len() > before {
            make_unique(found, start);
        }
        Ok(())
    }

    fn route_key<B>(
        &mut self,
        names: &QueueNames,
        message: &Message<B>,
        internal_too: bool,
        found: &mut Vec<QueueId>,
    ) -> Result<(), Refusal> {
        let key = &message.routing_key;
        if message.exchange.is_empty() {
            found.extend(names.get(key));
            return Ok(());
        }
        if let Some(queues) = self.cache.get(&message.exchange, key) {
            found.extend_from_slice(queues);
            return Ok(());
        }
        let Some(exchange) = self.exchanges.get(&message.exchange) else {
            return Err(self.not_found(&message.exchange));
        };
        if exchange.internal && !internal_too {
            return Err(Refusal::access_refused(format_args!(
                "cannot publish to internal exchange '{}' in vhost '{}'",
                exchange.name, self.host
            )));
        }
        let start = found.len();
        let by_key = self.walk(exchange, key, message.properties.headers.as_ref(), found);
        // A fanout is as quick without the cache, and a hit must not let a client into an internal exchange.
        let cached = by_key && exchange.kind != ExchangeKind::Fanout && !exchange.internal;
        if cached && let Some(queues) = found.get(start..) {
            let name = Arc::clone(&exchange.name);
            self.cache.insert(&name, key, queues);
        }
        Ok(())
    }

    fn walk_from(
        &self,
        names: &QueueNames,
        exchange: &str,
        key: &str,
        headers: Option<&FieldTable<'_>>,
        found: &mut Vec<QueueId>,
    ) {
        if exchange.is_empty() {
            found.extend(names.get(key));
        } else if let Some(exchange) = self.exchanges.get(exchange) {
            self.walk(exchange, key, headers, found);
        }
    }

    /// Appends the queues behind an exchange and those it leads to, each queue once, each exchange once. Whether
    /// nothing but the key decided.
    fn walk(
        &self,
        exchange: &Exchange,
        key: &str,
        headers: Option<&FieldTable<'_>>,
        found: &mut Vec<QueueId>,
    ) -> bool {
        let start = found.len();
        let mut by_key = true;
        let mut seen = std::collections::BTreeSet::new();
        let mut waiting = Vec::new();
        let mut next = Some(exchange);
        while let Some(exchange) = next {
            by_key &= exchange.kind != ExchangeKind::Headers;
            let mut any = false;
            exchange
                .bindings
                .matching(key, headers, &mut |destination| {
                    any = true;
                    match destination {
                        Destination::Queue(queue) => found.push(*queue),
                        Destination::Exchange(name) => waiting.push(Arc::clone(name)),
                    }
                });
            if !any {
                waiting.extend(exchange.alternate.clone());
            }
            next = loop {
                let Some(name) = waiting.pop() else {
                    break None;
                };
                seen.insert(Arc::clone(&exchange.name));
                // An alternate exchange may be the default exchange, to which nothing is bound.
                if seen.insert(Arc::clone(&name))
                    && let Some(exchange) = self.exchanges.get(&name)
                {
                    break Some(exchange);
                }
            };
        }
        make_unique(found, start);
        by_key
    }
}

/// Sorts what stands behind `start` and leaves each queue once.
fn make_unique(found: &mut Vec<QueueId>, start: usize) {
    if let Some(new) = found.get_mut(start..)
        && !new.is_sorted_by(|one, other| one < other)
    {
        new.sort_unstable();
        // What stands before `start` is the caller's and unique with this or without.
        let mut unique = found.split_off(start);
        unique.dedup();
        found.append(&mut unique);
    }
}
