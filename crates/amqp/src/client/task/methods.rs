//! Requests as methods of the codec.

use crate::client::Consume;
use crate::client::command::Request;
use crate::codec::Method;
use crate::codec::methods::{basic, confirm, exchange, queue};

/// `basic.consume`
pub(super) fn consume(consume: &Consume) -> Method<'_> {
    Method::BasicConsume(basic::Consume {
        queue: &consume.queue,
        consumer_tag: &consume.consumer_tag,
        no_local: false,
        no_ack: consume.no_ack,
        exclusive: consume.exclusive,
        no_wait: false,
        arguments: consume.arguments.clone(),
    })
}

/// `basic.get`
pub(super) fn get(queue: &str, no_ack: bool) -> Method<'_> {
    Method::BasicGet(basic::Get { queue, no_ack })
}

/// Every request that needs nothing but its answer.
pub(super) fn plain(request: &Request) -> Option<Method<'_>> {
    Some(match request {
        Request::ConfirmSelect => Method::ConfirmSelect(confirm::Select { no_wait: false }),
        Request::Qos { prefetch_count } => Method::BasicQos(basic::Qos {
            prefetch_size: 0,
            prefetch_count: *prefetch_count,
            global: false,
        }),
        Request::ExchangeDeclare(declare) => Method::ExchangeDeclare(exchange::Declare {
            exchange: &declare.name,
            kind: declare.kind.as_str(),
            passive: declare.passive,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
            no_wait: false,
            arguments: declare.arguments.clone(),
        }),
        Request::ExchangeDelete(delete) => Method::ExchangeDelete(exchange::Delete {
            exchange: &delete.name,
            if_unused: delete.if_unused,
            no_wait: false,
        }),
        Request::ExchangeBind(bind) => Method::ExchangeBind(exchange::Bind {
            destination: &bind.destination,
            source: &bind.source,
            routing_key: &bind.routing_key,
            no_wait: false,
            arguments: bind.arguments.clone(),
        }),
        Request::ExchangeUnbind(unbind) => Method::ExchangeUnbind(exchange::Unbind {
            destination: &unbind.destination,
            source: &unbind.source,
            routing_key: &unbind.routing_key,
            no_wait: false,
            arguments: unbind.arguments.clone(),
        }),
        Request::QueueDeclare(declare) => Method::QueueDeclare(queue::Declare {
            queue: &declare.name,
            passive: declare.passive,
            durable: declare.durable,
            exclusive: declare.exclusive,
            auto_delete: declare.auto_delete,
            no_wait: false,
            arguments: declare.arguments.clone(),
        }),
        Request::QueueDelete(delete) => Method::QueueDelete(queue::Delete {
            queue: &delete.name,
            if_unused: delete.if_unused,
            if_empty: delete.if_empty,
            no_wait: false,
        }),
        Request::QueueBind(bind) => Method::QueueBind(queue::Bind {
            queue: &bind.queue,
            exchange: &bind.exchange,
            routing_key: &bind.routing_key,
            no_wait: false,
            arguments: bind.arguments.clone(),
        }),
        Request::QueueUnbind(unbind) => Method::QueueUnbind(queue::Unbind {
            queue: &unbind.queue,
            exchange: &unbind.exchange,
            routing_key: &unbind.routing_key,
            arguments: unbind.arguments.clone(),
        }),
        Request::QueuePurge { queue } => Method::QueuePurge(queue::Purge {
            queue,
            no_wait: false,
        }),
        Request::Cancel { consumer_tag } => Method::BasicCancel(basic::Cancel {
            consumer_tag,
            no_wait: false,
        }),
        Request::Consume(..) | Request::Get { .. } | Request::Close => return None,
    })
}
