//! Exchanges and bindings.

use std::time::Instant;

use super::VirtualHost;
use crate::core::{
    Bind, Body, ConnectionId, DeclareExchange, Refusal, exchanges::not_default, memory,
};

impl<B: Body> VirtualHost<B> {
    /// `exchange.declare`
    pub fn declare_exchange(&mut self, declare: &DeclareExchange<'_>) -> Result<(), Refusal> {
        if !declare.passive && !self.routes.exists(declare.name) {
            let takes = memory::of_exchange(declare.name, declare.arguments);
            self.check_room("exchange", declare.name, takes)?;
        }
        self.routes.declare(declare, &mut self.effects)
    }

    /// `exchange.delete`; deleting what is not there succeeds, as in RabbitMQ.
    pub fn delete_exchange(
        &mut self,
        name: &str,
        if_unused: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.clock.set(now);
        self.routes.delete(name, if_unused, &mut self.effects)
    }

    /// `exchange.bind`
    pub fn bind_exchange(&mut self, bind: &Bind<'_>) -> Result<(), Refusal> {
        self.check_room_for(bind)?;
        self.routes.bind_exchange(bind, &mut self.effects)
    }

    /// `exchange.unbind`; unbinding what is not bound succeeds.
    pub fn unbind_exchange(&mut self, bind: &Bind<'_>) -> Result<(), Refusal> {
        self.routes.unbind_exchange(bind, &mut self.effects)
    }

    /// `queue.bind`
    pub fn bind_queue(&mut self, connection: ConnectionId, bind: &Bind<'_>) -> Result<(), Refusal> {
        self.routes.check(bind.source)?;
        let (id, queue) = self.queue_for(connection, bind.destination)?;
        let durable = queue.durable;
        self.check_room_for(bind)?;
        self.routes.bind_queue(bind, id, durable, &mut self.effects)
    }

    /// `queue.unbind`; unbinding what is not bound, or not there, succeeds.
    pub fn unbind_queue(
        &mut self,
        connection: ConnectionId,
        bind: &Bind<'_>,
    ) -> Result<(), Refusal> {
        let Some(id) = self.names.get(bind.destination).copied() else {
            return not_default(bind.source);
        };
        let Some(queue) = self.queues.get(id.0) else {
            return Ok(());
        };
        // RabbitMQ asks whose queue it is only when there is something to unbind.
        if self.routes.is_bound(bind, id) {
            queue.check_owner(&self.settings.name, connection)?;
        }
        self.routes.unbind_queue(bind, id, &mut self.effects)
    }

    fn check_room_for(&self, bind: &Bind<'_>) -> Result<(), Refusal> {
        let takes = memory::of_binding(bind.routing_key, bind.arguments);
        self.check_room("binding of", bind.destination, takes)
    }
}
