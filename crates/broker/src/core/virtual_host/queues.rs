//! Declaring, deleting and purging queues.

use std::{sync::Arc, time::Instant};

use bergen_amqp::codec::FieldTable;

use super::VirtualHost;
use crate::core::{
    Body, Change, ConnectionId, DeclareQueue, Effect, QueueDeclared, Refusal,
    arguments::{self, QueueKind, QueueSettings},
    ids::{Id, QueueId},
    memory,
    queue::Queue,
};

impl<B: Body> VirtualHost<B> {
    /// `queue.declare`
    ///
    /// A queue that is there stays as it is; it is refused with 406 if it was declared otherwise, and with 405 if it
    /// belongs to another connection.
    pub fn declare_queue(
        &mut self,
        connection: ConnectionId,
        declare: &DeclareQueue<'_>,
        now: Instant,
    ) -> Result<QueueDeclared, Refusal> {
        self.clock.set(now);
        if !declare.passive && declare.name.starts_with("amq.") {
            return Err(Refusal::access_refused(format_args!(
                "queue name '{}' contains reserved prefix 'amq.*'",
                declare.name
            )));
        }
        let id = match self.names.get(declare.name).copied() {
            Some(id) => {
                self.check_declared(id, connection, declare)?;
                id
            }
            None if declare.passive => self.queue_id(declare.name)?,
            None => self.create_queue(connection, declare)?,
        };
        self.serve_pending(id);
        let now = self.clock.now();
        let queue = self.queues.get_mut(id.0).ok_or_else(super::gone)?;
        queue.last_used = now;
        Ok(QueueDeclared {
            name: Arc::clone(&queue.name),
            message_count: queue.message_count(),
            consumer_count: queue.consumer_count(),
        })
    }

    /// `queue.delete`: how many messages went with it. Deleting what is not there succeeds, as in RabbitMQ.
    pub fn delete_queue(
        &mut self,
        connection: ConnectionId,
        name: &str,
        if_unused: bool,
        if_empty: bool,
        now: Instant,
    ) -> Result<u32, Refusal> {
        self.clock.set(now);
        let Some(id) = self.names.get(name).copied() else {
            return Ok(0);
        };
        self.serve_pending(id);
        let (id, queue) = self.queue_for(connection, name)?;
        let host = &self.settings.name;
        let unsupported = |flag| {
            Refusal::not_implemented(format_args!(
                "cannot delete queue '{name}' in vhost '{host}'. queue.delete operations with {flag} flag set are \
                 not supported by quorum queues"
            ))
        };
        match queue.settings.kind {
            QueueKind::Quorum if if_unused => return Err(unsupported("if-unused")),
            QueueKind::Quorum if if_empty => return Err(unsupported("if-empty")),
            QueueKind::Classic if if_unused && !queue.subscribers.is_empty() => {
                return Err(Refusal::precondition_failed(format_args!(
                    "queue '{name}' in vhost '{host}' in use"
                )));
            }
            QueueKind::Classic if if_empty && !queue.ready.is_empty() => {
                return Err(Refusal::precondition_failed(format_args!(
                    "queue '{name}' in vhost '{host}' not empty"
                )));
            }
            _ => {}
        }
        Ok(self.remove_queue(id))
    }

    /// `queue.purge`: how many messages, which were ready, went. Those that are delivered stay.
    pub fn purge_queue(
        &mut self,
        connection: ConnectionId,
        name: &str,
        now: Instant,
    ) -> Result<u32, Refusal> {
        self.clock.set(now);
        let (id, queue) = self.queue_for(connection, name)?;
        if queue.stream.is_some() {
            return Err(Refusal::not_implemented(format_args!(
                "queue.purge not supported by stream queues queue '{name}' in vhost '{}'",
                self.settings.name
            )));
        }
        self.serve_pending(id);
        let Some(queue) = self.queues.get_mut(id.0) else {
            return Ok(0);
        };
        let count = queue.message_count();
        queue.counters.purged += u64::from(count);
        for entry in queue.ready.take_all() {
            self.forget(id, &entry);
        }
        Ok(count)
    }

    /// A queue goes: its consumers are told, its bindings and messages go with it.
    pub(super) fn remove_queue(&mut self, id: QueueId) -> u32 {
        let Some(mut queue) = self.queues.remove(id.0) else {
            return 0;
        };
        self.names.remove(&queue.name);
        self.stop_timers(id, &queue.timers);
        self.bytes -= queue.cost;
        self.definitions -= memory::of_queue(&queue.name, &queue.arguments);
        for consumer in queue.subscribers.iter() {
            self.cancel_for_queue(consumer);
        }
        if let Some(owner) = queue
            .owner
            .and_then(|owner| self.connections.get_mut(owner.0))
        {
            owner.queues.retain(|other| *other != id);
        }
        self.routes.queue_deleted(id, &mut self.effects);
        if queue.durable {
            self.effects.push_back(Effect::Store(Change::QueueDeleted {
                name: Arc::clone(&queue.name),
            }));
        }
        let count = queue.message_count();
        queue.counters.purged += u64::from(count);
        count
    }

    /// Puts a queue in its place, without a look at what may be said against it.
    pub(super) fn add_queue(
        &mut self,
        name: Arc<str>,
        settings: QueueSettings,
        arguments: FieldTable<'static>,
        flags: impl FnOnce(&mut Queue<B>),
    ) -> QueueId {
        let now = self.clock.now();
        self.definitions += memory::of_queue(&name, &arguments);
        let mut queue = Queue::new(Arc::clone(&name), settings, arguments, now);
        flags(&mut queue);
        let id = QueueId(self.queues.insert_with(|_: Id| queue));
        self.names.insert(name, id);
        self.watch_use(id);
        id
    }

    fn create_queue(
        &mut self,
        connection: ConnectionId,
        declare: &DeclareQueue<'_>,
    ) -> Result<QueueId, Refusal> {
        let host = &self.settings.name;
        let settings = QueueSettings::parse(host, declare)?;
        // An exclusive queue goes with its connection, so it is never durable.
        let durable = declare.durable && !declare.exclusive;
        if !self.settings.transient_shared_queues && !durable && !declare.exclusive {
            return Err(Refusal::internal_error(
                "Feature `transient_nonexcl_queues` is deprecated. By default, this feature is not permitted anymore: \
                 declare the queue durable or exclusive",
            ));
        }
        if self.queues.len() >= self.settings.max_queues {
            return Err(Refusal::precondition_failed(format_args!(
                "cannot declare queue '{}': queue limit in vhost '{host}' ({}) is reached",
                declare.name, self.settings.max_queues
            )));
        }
        let takes = memory::of_queue(declare.name, declare.arguments);
        self.check_room("queue", declare.name, takes)?;
        let name: Arc<str> = if declare.name.is_empty() {
            let kind = match settings.kind {
                QueueKind::Classic => None,
                QueueKind::Quorum => Some("rabbit_quorum_queue"),
                QueueKind::Stream => Some("rabbit_stream_queue"),
            };
            if let Some(kind) = kind {
                return Err(Refusal::precondition_failed(format_args!(
                    "Cannot declare a server-named queue for type {kind}"
                )));
            }
            generated_name("amq.gen-")
        } else {
            declare.name.into()
        };
        let owner = declare.exclusive.then_some(connection);
        let id = self.add_queue(
            Arc::clone(&name),
            settings,
            declare.arguments.clone().into_owned(),
            |queue| {
                queue.durable = durable;
                queue.auto_delete = declare.auto_delete;
                queue.owner = owner;
            },
        );
        if let Some(state) = owner.and_then(|owner| self.connections.get_mut(owner.0)) {
            state.queues.push(id);
        }
        if durable {
            self.effects.push_back(Effect::Store(Change::QueueDeclared {
                name,
                auto_delete: declare.auto_delete,
                arguments: declare.arguments.clone().into_owned(),
            }));
        }
        Ok(id)
    }

    fn check_declared(
        &self,
        id: QueueId,
        connection: ConnectionId,
        declare: &DeclareQueue<'_>,
    ) -> Result<(), Refusal> {
        let host = &self.settings.name;
        let queue = self.queues.get(id.0).ok_or_else(super::gone)?;
        queue.check_owner(host, connection)?;
        if declare.passive {
            return Ok(());
        }
        if declare.exclusive != queue.owner.is_some() {
            return Err(queue.locked(host));
        }
        let durable = declare.durable && !declare.exclusive;
        for (flag, declared, current) in [
            ("durable", durable, queue.durable),
            ("auto_delete", declare.auto_delete, queue.auto_delete),
        ] {
            if declared != current {
                return Err(Refusal::precondition_failed(format_args!(
                    "inequivalent arg '{flag}' for queue '{}' in vhost '{host}': received '{declared}' but current \
                     is '{current}'",
                    queue.name
                )));
            }
        }
        arguments::check_equivalent(
            host,
            &queue.name,
            queue.settings.kind,
            &queue.arguments,
            declare.arguments,
        )
    }
}

/// A name that nobody else has: 22 letters behind `prefix`, as RabbitMQ makes them.
pub(super) fn generated_name(prefix: &str) -> Arc<str> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letters = (0..22).map(|_| fastrand::choice(LETTERS).map_or('A', |byte| char::from(*byte)));
    prefix.chars().chain(letters).collect::<String>().into()
}
