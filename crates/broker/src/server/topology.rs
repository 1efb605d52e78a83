//! Methods about exchanges, queues and bindings.

use std::time::Instant;

use bergen_amqp::codec::methods::{exchange, queue};
use bergen_amqp::protocol;

use super::methods::remember;
use super::reply_to::DIRECT_REPLY;
use super::state::Scene;
use crate::core::{self, Bind, DeclareExchange, DeclareQueue, Refusal};

impl Scene<'_> {
    pub(super) fn exchange_declare(
        &mut self,
        wire: protocol::ChannelId,
        declare: &exchange::Declare<'_>,
    ) -> Result<(), Refusal> {
        if !declare.passive {
            let exists = self.host.core.exchange(declare.exchange).is_some();
            self.rights()?
                .declare_exchange(declare.exchange, &declare.arguments, exists)?;
        }
        self.host.core.declare_exchange(&DeclareExchange {
            name: declare.exchange,
            kind: declare.kind,
            passive: declare.passive,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
            arguments: &declare.arguments,
        })?;
        if !declare.no_wait {
            self.session.send(wire, exchange::DeclareOk {});
        }
        Ok(())
    }

    pub(super) fn exchange_delete(
        &mut self,
        wire: protocol::ChannelId,
        delete: &exchange::Delete<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.rights()?.delete_exchange(delete.exchange)?;
        self.host
            .core
            .delete_exchange(delete.exchange, delete.if_unused, now)?;
        if !delete.no_wait {
            self.session.send(wire, exchange::DeleteOk {});
        }
        Ok(())
    }

    pub(super) fn exchange_bind(
        &mut self,
        wire: protocol::ChannelId,
        bind: &exchange::Bind<'_>,
    ) -> Result<(), Refusal> {
        self.rights()?
            .bind_exchange(bind.destination, bind.source)?;
        self.host.core.bind_exchange(&Bind {
            source: bind.source,
            destination: bind.destination,
            routing_key: bind.routing_key,
            arguments: &bind.arguments,
        })?;
        if !bind.no_wait {
            self.session.send(wire, exchange::BindOk {});
        }
        Ok(())
    }

    pub(super) fn exchange_unbind(
        &mut self,
        wire: protocol::ChannelId,
        unbind: &exchange::Unbind<'_>,
    ) -> Result<(), Refusal> {
        self.rights()?
            .bind_exchange(unbind.destination, unbind.source)?;
        self.host.core.unbind_exchange(&Bind {
            source: unbind.source,
            destination: unbind.destination,
            routing_key: unbind.routing_key,
            arguments: &unbind.arguments,
        })?;
        if !unbind.no_wait {
            self.session.send(wire, exchange::UnbindOk {});
        }
        Ok(())
    }

    pub(super) fn queue_declare(
        &mut self,
        wire: protocol::ChannelId,
        declare: &queue::Declare<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        if declare.queue == DIRECT_REPLY {
            // Clients ask whether it is there, by whatever flags.
            self.direct_reply_declared(wire, declare.no_wait);
            return Ok(());
        }
        if !declare.passive {
            let exists = self.host.core.queue(declare.queue).is_some();
            self.rights()?
                .declare_queue(declare.queue, &declare.arguments, exists)?;
        }
        let connection = self.client()?;
        let declare_queue = DeclareQueue {
            name: declare.queue,
            passive: declare.passive,
            durable: declare.durable,
            exclusive: declare.exclusive,
            auto_delete: declare.auto_delete,
            arguments: &declare.arguments,
        };
        let declared = self
            .host
            .core
            .declare_queue(connection, &declare_queue, now)?;
        remember(self.channel(wire)?, &declared.name);
        if !declare.no_wait {
            let method = queue::DeclareOk {
                queue: &declared.name,
                message_count: declared.message_count,
                consumer_count: declared.consumer_count,
            };
            self.session.send(wire, method);
        }
        Ok(())
    }

    pub(super) fn queue_bind(
        &mut self,
        wire: protocol::ChannelId,
        bind: &queue::Bind<'_>,
    ) -> Result<(), Refusal> {
        let name = self.queue_name(wire, bind.queue)?;
        // The queue that is meant without a name is bound by its name, too.
        let routing_key = if bind.queue.is_empty() && bind.routing_key.is_empty() {
            &name
        } else {
            bind.routing_key
        };
        self.rights()?.bind_queue(&name, bind.exchange)?;
        let connection = self.client()?;
        let binding = Bind {
            source: bind.exchange,
            destination: &name,
            routing_key,
            arguments: &bind.arguments,
        };
        self.host.core.bind_queue(connection, &binding)?;
        if !bind.no_wait {
            self.session.send(wire, queue::BindOk {});
        }
        Ok(())
    }

    pub(super) fn queue_unbind(
        &mut self,
        wire: protocol::ChannelId,
        unbind: &queue::Unbind<'_>,
    ) -> Result<(), Refusal> {
        let name = self.queue_name(wire, unbind.queue)?;
        let routing_key = if unbind.queue.is_empty() && unbind.routing_key.is_empty() {
            &name
        } else {
            unbind.routing_key
        };
        self.rights()?.bind_queue(&name, unbind.exchange)?;
        let connection = self.client()?;
        let binding = Bind {
            source: unbind.exchange,
            destination: &name,
            routing_key,
            arguments: &unbind.arguments,
        };
        self.host.core.unbind_queue(connection, &binding)?;
        self.session.send(wire, queue::UnbindOk {});
        Ok(())
    }

    pub(super) fn queue_purge(
        &mut self,
        wire: protocol::ChannelId,
        purge: &queue::Purge<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let name = self.queue_name(wire, purge.queue)?;
        self.rights()?.purge_queue(&name)?;
        let connection = self.client()?;
        let message_count = self.host.core.purge_queue(connection, &name, now)?;
        if !purge.no_wait {
            self.session.send(wire, queue::PurgeOk { message_count });
        }
        Ok(())
    }

    pub(super) fn queue_delete(
        &mut self,
        wire: protocol::ChannelId,
        delete: &queue::Delete<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let name = self.queue_name(wire, delete.queue)?;
        self.rights()?.delete_queue(&name)?;
        let connection = self.client()?;
        let message_count = self.host.core.delete_queue(
            connection,
            &name,
            delete.if_unused,
            delete.if_empty,
            now,
        )?;
        if !delete.no_wait {
            self.session.send(wire, queue::DeleteOk { message_count });
        }
        Ok(())
    }

    /// What the core calls the client.
    pub(super) fn client(&self) -> Result<core::ConnectionId, Refusal> {
        let membership = self.session.membership.ok_or_else(|| {
            super::methods::connection_refusal(
                503,
                "COMMAND_INVALID - no virtual host is open".to_owned(),
            )
        })?;
        Ok(membership.id)
    }
}
