//! All exchanges of a virtual host.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bergen_amqp::codec::FieldTable;

use super::{
    BindingInfo, Change, DeclareExchange, Effect, ExchangeInfo, ExchangeKind, Refusal,
    bindings::Destination,
    exchange::Exchange,
    memory,
    route_cache::RouteCache,
    virtual_host::{Effects, QueueNames},
};

mod binding;
mod route;

/// Exchanges, their bindings, and the ways that messages take through them.
#[derive(Debug)]
pub(super) struct Routes {
    host: Arc<str>,
    exchanges: HashMap<Arc<str>, Exchange>,
    /// The exchanges that a destination is bound to.
    sources: HashMap<Destination, HashSet<Arc<str>>>,
    cache: RouteCache,
    /// What exchanges and bindings count as.
    memory: u64,
}

impl Routes {
    /// The exchanges that every virtual host has.
    pub(super) fn new(host: Arc<str>) -> Self {
        let mut routes = Self {
            host,
            exchanges: HashMap::new(),
            sources: HashMap::new(),
            cache: RouteCache::default(),
            memory: 0,
        };
        for (name, kind) in [
            ("", ExchangeKind::Direct),
            ("amq.direct", ExchangeKind::Direct),
            ("amq.fanout", ExchangeKind::Fanout),
            ("amq.headers", ExchangeKind::Headers),
            ("amq.match", ExchangeKind::Headers),
            ("amq.topic", ExchangeKind::Topic),
        ] {
            routes.add(Exchange::predeclared(name, kind));
        }
        // RabbitMQ's tracer publishes here. There is none, but programs see it in lists and find it when they ask.
        let mut trace = Exchange::predeclared("amq.rabbitmq.trace", ExchangeKind::Topic);
        trace.internal = true;
        routes.add(trace);
        routes
    }

    /// `exchange.declare`
    pub(super) fn declare<B>(
        &mut self,
        declare: &DeclareExchange<'_>,
        effects: &mut Effects<B>,
    ) -> Result<(), Refusal> {
        if declare.passive {
            return self.check(declare.name);
        }
        let Some(kind) = ExchangeKind::named(declare.kind) else {
            return Err(Refusal::command_invalid(format_args!(
                "unknown exchange type '{}'",
                declare.kind
            )));
        };
        not_default(declare.name)?;
        if let Some(exchange) = self.exchanges.get(declare.name) {
            return exchange.check_equivalent(&self.host, kind, declare);
        }
        if declare.name.starts_with("amq.") {
            return Err(Refusal::access_refused(format_args!(
                "exchange name '{}' contains reserved prefix 'amq.*'",
                declare.name
            )));
        }
        let exchange = Exchange::new(&self.host, kind, declare)?;
        if exchange.durable {
            effects.push_back(Effect::Store(Change::ExchangeDeclared {
                name: Arc::clone(&exchange.name),
                kind,
                auto_delete: exchange.auto_delete,
                internal: exchange.internal,
                arguments: exchange.arguments.clone(),
            }));
        }
        self.add(exchange);
        Ok(())
    }

    /// `exchange.delete`: one that is not there is gone already.
    pub(super) fn delete<B>(
        &mut self,
        name: &str,
        if_unused: bool,
        effects: &mut Effects<B>,
    ) -> Result<(), Refusal> {
        not_default(name)?;
        if name.starts_with("amq.") {
            return Err(Refusal::access_refused(format_args!(
                "deletion of system exchange '{name}' in vhost '{}' not allowed",
                self.host
            )));
        }
        let Some(exchange) = self.exchanges.get(name) else {
            return Ok(());
        };
        if if_unused && !exchange.bindings.is_empty() {
            return Err(Refusal::precondition_failed(format_args!(
                "exchange '{name}' in vhost '{}' in use",
                self.host
            )));
        }
        self.remove(Arc::clone(&exchange.name), effects);
        Ok(())
    }

    /// Refuses the name of an exchange that is not there, and the default exchange, of which nobody may ask anything.
    pub(super) fn check(&self, name: &str) -> Result<(), Refusal> {
        not_default(name)?;
        if self.exists(name) {
            return Ok(());
        }
        Err(self.not_found(name))
    }

    /// What exchanges and bindings take, in bytes: an estimate.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        self.exchanges.contains_key(name)
    }

    pub(super) fn exchanges(&self) -> impl Iterator<Item = ExchangeInfo<'_>> {
        self.exchanges.values().map(Exchange::info)
    }

    /// All bindings but those that each queue has to the default exchange.
    pub(super) fn bindings(&self) -> impl Iterator<Item = BindingInfo<'_>> {
        self.exchanges.values().flat_map(|exchange| {
            exchange.bindings.iter().map(|(key, binding)| BindingInfo {
                source: &exchange.name,
                destination: &binding.destination,
                to_exchange: matches!(key.destination(), Destination::Exchange(_)),
                routing_key: key.routing_key(),
                arguments: &binding.arguments,
            })
        })
    }

    /// Applies what was written down before a restart; what is not about exchanges changes nothing.
    pub(super) fn restore<B>(&mut self, change: &Change<B>, names: &QueueNames) {
        match change {
            Change::ExchangeDeclared {
                name,
                kind,
                auto_delete,
                internal,
                arguments,
            } => {
                let declare = DeclareExchange {
                    name,
                    kind: kind.name(),
                    passive: false,
                    durable: true,
                    auto_delete: *auto_delete,
                    internal: *internal,
                    arguments,
                };
                if !self.exists(name)
                    && let Ok(exchange) = Exchange::new(&self.host, *kind, &declare)
                {
                    self.add(exchange);
                }
            }
            Change::ExchangeDeleted { name } => {
                // What this deleted with it has its own change.
                self.take(name);
            }
            Change::Bound { .. } | Change::Unbound { .. } => self.restore_binding(change, names),
            _ => {}
        }
    }

    fn add(&mut self, exchange: Exchange) {
        self.cache.clear();
        self.memory += memory::of_exchange(&exchange.name, &exchange.arguments);
        self.exchanges.insert(Arc::clone(&exchange.name), exchange);
    }

    /// Removes an exchange, what is bound to it, and the auto-delete exchanges that led nowhere else.
    fn remove<B>(&mut self, name: Arc<str>, effects: &mut Effects<B>) {
        let mut going = vec![name];
        while let Some(name) = going.pop() {
            let Some((exchange, unbound)) = self.take(&name) else {
                continue;
            };
            if exchange.durable {
                effects.push_back(Effect::Store(Change::ExchangeDeleted { name }));
            }
            going.extend(unbound.into_iter().filter(|source| self.is_spent(source)));
        }
    }

    /// Removes an exchange with its bindings; also returns the exchanges that it was bound to.
    fn take(&mut self, name: &str) -> Option<(Exchange, HashSet<Arc<str>>)> {
        self.cache.clear();
        let exchange = self.exchanges.remove(name)?;
        self.memory -= memory::of_exchange(&exchange.name, &exchange.arguments);
        self.memory -= exchange.bindings.memory();
        for (key, _) in exchange.bindings.iter() {
            self.forget_source(key.destination(), name);
        }
        let unbound = self.unbind_everywhere(&Destination::Exchange(Arc::clone(&exchange.name)));
        Some((exchange, unbound))
    }

    fn not_found(&self, name: &str) -> Refusal {
        Refusal::not_found(format_args!(
            "no exchange '{name}' in vhost '{}'",
            self.host
        ))
    }
}

/// Refuses the default exchange, which clients can only publish to.
pub(super) fn not_default(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::access_refused(
            "operation not permitted on the default exchange",
        ));
    }
    Ok(())
}

impl Exchange {
    fn predeclared(name: &str, kind: ExchangeKind) -> Self {
        Self {
            name: name.into(),
            kind,
            durable: true,
            auto_delete: false,
            internal: false,
            arguments: FieldTable::new(),
            alternate: None,
            bindings: super::bindings::Bindings::new(kind),
        }
    }
}

#[cfg(test)]
mod tests;
