//! Binding and unbinding.

use std::{collections::HashSet, sync::Arc};

use super::{Routes, not_default};
use crate::core::{
    Bind, Change, Effect, ExchangeKind, Refusal,
    bindings::{Binding, BindingKey, Destination},
    headers,
    ids::QueueId,
    virtual_host::{Effects, QueueNames},
};

impl Routes {
    /// `queue.bind`; `durable` is the queue's.
    pub(in crate::core) fn bind_queue<B>(
        &mut self,
        bind: &Bind<'_>,
        queue: QueueId,
        durable: bool,
        effects: &mut Effects<B>,
    ) -> Result<(), Refusal> {
        self.check(bind.source)?;
        self.bind(bind, Destination::Queue(queue), durable, effects)
    }

    /// `queue.unbind`: a binding that is not there is gone already.
    pub(in crate::core) fn unbind_queue<B>(
        &mut self,
        bind: &Bind<'_>,
        queue: QueueId,
        effects: &mut Effects<B>,
    ) -> Result<(), Refusal> {
        not_default(bind.source)?;
        self.unbind(bind, Destination::Queue(queue), effects);
        Ok(())
    }

    /// Whether there is this binding.
    pub(in crate::core) fn is_bound(&self, bind: &Bind<'_>, queue: QueueId) -> bool {
        let key = BindingKey::new(Destination::Queue(queue), bind.routing_key, bind.arguments);
        self.exchanges
            .get(bind.source)
            .is_some_and(|exchange| exchange.bindings.contains(&key))
    }

    /// `exchange.bind`
    pub(in crate::core) fn bind_exchange<B>(
        &mut self,
        bind: &Bind<'_>,
        effects: &mut Effects<B>,
    ) -> Result<(), Refusal> {
        not_default(bind.destination)?;
        self.check(bind.source)?;
        let Some(destination) = self.exchanges.get(bind.destination) else {
            return Err(self.not_found(bind.destination));
        };
        let durable = destination.durable;
        let destination = Destination::Exchange(Arc::clone(&destination.name));
        self.bind(bind, destination, durable, effects)
    }

    /// `exchange.unbind`: a binding that is not there is gone already.
    pub(in crate::core) fn unbind_exchange<B>(
        &mut self,
        bind: &Bind<'_>,
        effects: &mut Effects<B>,
    ) -> Result<(), Refusal> {
        not_default(bind.destination)?;
        not_default(bind.source)?;
        self.unbind(
            bind,
            Destination::Exchange(bind.destination.into()),
            effects,
        );
        Ok(())
    }

    /// The bindings of this queue go with it, and the auto-delete exchanges that it leaves without any. Nothing is
    /// written down of the bindings: the deletion of the queue says it.
    pub(in crate::core) fn queue_deleted<B>(&mut self, queue: QueueId, effects: &mut Effects<B>) {
        for source in self.unbind_everywhere(&Destination::Queue(queue)) {
            self.remove_if_spent(source, effects);
        }
    }

    /// The same at a restart, when what followed from it has its own change.
    pub(in crate::core) fn restore_queue_deleted(&mut self, queue: QueueId) {
        self.unbind_everywhere(&Destination::Queue(queue));
    }

    pub(super) fn restore_binding<B>(&mut self, change: &Change<B>, names: &QueueNames) {
        let (Change::Bound {
            source,
            destination,
            to_exchange,
            routing_key,
            arguments,
        }
        | Change::Unbound {
            source,
            destination,
            to_exchange,
            routing_key,
            arguments,
        }) = change
        else {
            return;
        };
        let to = if *to_exchange {
            Destination::Exchange(Arc::clone(destination))
        } else if let Some(queue) = names.get(destination) {
            Destination::Queue(*queue)
        } else {
            return;
        };
        let key = BindingKey::new(to, routing_key, arguments);
        if matches!(change, Change::Unbound { .. }) {
            self.take_binding(source, &key);
        } else if !*to_exchange || self.exists(destination) {
            let binding = Binding {
                destination: Arc::clone(destination),
                arguments: arguments.clone(),
                durable: true,
            };
            self.add_binding(source, key, binding);
        }
    }

    /// The source is there. `durable` is the destination's.
    fn bind<B>(
        &mut self,
        bind: &Bind<'_>,
        destination: Destination,
        durable: bool,
        effects: &mut Effects<B>,
    ) -> Result<(), Refusal> {
        let Some(source) = self.exchanges.get(bind.source) else {
            return Err(self.not_found(bind.source));
        };
        if source.kind == ExchangeKind::Headers {
            headers::check_arguments(bind.arguments)?;
        }
        let durable = durable && source.durable;
        let source = Arc::clone(&source.name);
        let to_exchange = matches!(destination, Destination::Exchange(_));
        let key = BindingKey::new(destination, bind.routing_key, bind.arguments);
        let routing_key = Arc::clone(key.routing_key());
        let binding = Binding {
            destination: bind.destination.into(),
            arguments: bind.arguments.clone().into_owned(),
            durable,
        };
        let (name, arguments) = (Arc::clone(&binding.destination), binding.arguments.clone());
        if self.add_binding(&source, key, binding) && durable {
            effects.push_back(Effect::Store(Change::Bound {
                source,
                destination: name,
                to_exchange,
                routing_key,
                arguments,
            }));
        }
        Ok(())
    }

    fn unbind<B>(&mut self, bind: &Bind<'_>, destination: Destination, effects: &mut Effects<B>) {
        let to_exchange = matches!(destination, Destination::Exchange(_));
        let key = BindingKey::new(destination, bind.routing_key, bind.arguments);
        let Some(binding) = self.take_binding(bind.source, &key) else {
            return;
        };
        let source: Arc<str> = bind.source.into();
        if binding.durable {
            effects.push_back(Effect::Store(Change::Unbound {
                source: Arc::clone(&source),
                destination: binding.destination,
                to_exchange,
                routing_key: Arc::clone(key.routing_key()),
                arguments: binding.arguments,
            }));
        }
        self.remove_if_spent(source, effects);
    }

    /// Whether it is new.
    fn add_binding(&mut self, source: &str, key: BindingKey, binding: Binding) -> bool {
        let Some(exchange) = self.exchanges.get_mut(source) else {
            return false;
        };
        let destination = key.destination().clone();
        let before = exchange.bindings.memory();
        let new = exchange.bindings.insert(key, binding);
        if new {
            self.memory += exchange.bindings.memory() - before;
            self.cache.clear();
            self.sources
                .entry(destination)
                .or_default()
                .insert(Arc::clone(&exchange.name));
        }
        new
    }

    fn take_binding(&mut self, source: &str, key: &BindingKey) -> Option<Binding> {
        let exchange = self.exchanges.get_mut(source)?;
        let before = exchange.bindings.memory();
        let binding = exchange.bindings.remove(key)?;
        self.memory -= before - exchange.bindings.memory();
        if !exchange.bindings.reaches(key.destination()) {
            self.forget_source(key.destination(), source);
        }
        self.cache.clear();
        Some(binding)
    }

    /// Removes all bindings to a destination that goes; returns the exchanges that had them.
    pub(super) fn unbind_everywhere(&mut self, destination: &Destination) -> HashSet<Arc<str>> {
        let Some(sources) = self.sources.remove(destination) else {
            return HashSet::new();
        };
        self.cache.clear();
        for source in &sources {
            if let Some(exchange) = self.exchanges.get_mut(source) {
                let before = exchange.bindings.memory();
                exchange.bindings.remove_destination(destination);
                self.memory -= before - exchange.bindings.memory();
            }
        }
        sources
    }

    pub(super) fn forget_source(&mut self, destination: &Destination, source: &str) {
        if let Some(sources) = self.sources.get_mut(destination) {
            sources.remove(source);
            if sources.is_empty() {
                self.sources.remove(destination);
            }
        }
    }

    /// Whether the exchange goes, now that it lost a binding.
    pub(super) fn is_spent(&self, name: &str) -> bool {
        self.exchanges
            .get(name)
            .is_some_and(|exchange| exchange.auto_delete && exchange.bindings.is_empty())
    }

    fn remove_if_spent<B>(&mut self, name: Arc<str>, effects: &mut Effects<B>) {
        if self.is_spent(&name) {
            self.remove(name, effects);
        }
    }
}
