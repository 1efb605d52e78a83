//! A topic exchange with many bindings, and keys that it has to find queues for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bergen_amqp::client::{
    Channel, ExchangeDeclare, ExchangeKind, Publish, QueueBind, QueueDeclare, QueueDelete,
};
use bergen_amqp::codec::FieldTable;
use bergen_bench::BenchError;
use bergen_bench::options::Options;
use bergen_bench::process::Usage;
use bytes::Bytes;
use serde::Serialize;

use crate::Sizes;
use crate::contestant::{Contestant, failed};
use crate::idle::all;

/// What routing costs a broker.
#[derive(Debug, Serialize)]
pub(crate) struct Routing {
    pub(crate) broker: &'static str,
    /// Bindings made a second.
    pub(crate) binds: f64,
    /// Messages routed and confirmed a second, each to one queue.
    pub(crate) rate: f64,
    /// Processor microseconds of the broker for each.
    pub(crate) broker_cpu_us: f64,
}

const EXCHANGE: &str = "routed";

/// Messages that may wait for their confirm.
const WINDOW: usize = 1000;

/// A queue keeps no more messages than this, so that memory plays no part.
const KEPT: i32 = 10;

/// So many binds are under way at once.
const AT_ONCE: usize = 1000;

pub(crate) async fn measure(
    contestant: &Contestant,
    options: &Options,
    sizes: Sizes,
) -> Result<Routing, BenchError> {
    let (queues, bindings) = (sizes.routed_queues, sizes.bindings);
    println!(
        "{queues} queues × {bindings} bindings at {} …",
        contestant.name
    );
    let connection = contestant.connect().await?;
    let (channel, _) = connection.open_channel().await.map_err(failed)?;
    let exchange = ExchangeDeclare::new(EXCHANGE, ExchangeKind::Topic);
    channel.exchange_declare(exchange).await.map_err(failed)?;
    let names: Vec<_> = (0..queues).map(queue).collect();
    all(&names, |name| declare(channel.clone(), name)).await?;
    let pairs: Vec<_> = (0..queues)
        .flat_map(|queue| (0..bindings).map(move |binding| (queue, binding)))
        .collect();
    let begin = Instant::now();
    for some in pairs.chunks(AT_ONCE) {
        all(some, |(queue, binding)| {
            bind(channel.clone(), queue, binding)
        })
        .await?;
    }
    let binds = per_second(pairs.len(), begin.elapsed());

    channel.confirm_select().await.map_err(failed)?;
    let before = Usage::of(contestant.process())?;
    let begin = Instant::now();
    let seconds = Duration::try_from_secs_f64(options.seconds).unwrap_or_default();
    let mut unconfirmed = VecDeque::new();
    let mut routed = 0;
    let body = Bytes::from_static(b"routed");
    while begin.elapsed() < seconds {
        for _ in unconfirmed.len()..WINDOW {
            let key = key(fastrand::usize(..queues), fastrand::usize(..bindings));
            let publish = Publish::new(EXCHANGE, key, body.clone());
            unconfirmed.push_back(channel.publish(publish).await.map_err(failed)?);
        }
        for confirmation in unconfirmed.drain(..WINDOW / 2) {
            confirmation.await.map_err(failed)?;
            routed += 1;
        }
    }
    for confirmation in unconfirmed {
        confirmation.await.map_err(failed)?;
        routed += 1;
    }
    let took = begin.elapsed();
    let spent = Usage::of(contestant.process())? - before;
    all(&names, |name| delete(channel.clone(), name)).await?;
    Ok(Routing {
        broker: contestant.name,
        binds,
        rate: per_second(routed, took),
        broker_cpu_us: spent.cpu.as_secs_f64() * 1e6 / as_f64(routed),
    })
}

fn queue(number: usize) -> String {
    format!("routed-{number}")
}

/// Every tenth binding of a queue takes any number of words in its middle, the others one.
fn bind(
    channel: Channel,
    number: usize,
    binding: usize,
) -> impl Future<Output = Result<(), BenchError>> + Send {
    let any = if binding.is_multiple_of(10) { '#' } else { '*' };
    let pattern = format!("topic-{binding}.{any}.queue-{number}");
    async move {
        let bound = channel.queue_bind(QueueBind::new(queue(number), EXCHANGE, pattern));
        bound.await.map_err(failed)
    }
}

/// A key that exactly one queue is bound with.
fn key(queue: usize, binding: usize) -> String {
    format!("topic-{binding}.host-{}.queue-{queue}", fastrand::u8(..))
}

async fn declare(channel: Channel, name: String) -> Result<(), BenchError> {
    let declare = QueueDeclare {
        arguments: FieldTable::new().with("x-max-length", KEPT),
        ..QueueDeclare::new(name)
    };
    channel
        .queue_declare(declare)
        .await
        .map(drop)
        .map_err(failed)
}

async fn delete(channel: Channel, name: String) -> Result<(), BenchError> {
    channel
        .queue_delete(QueueDelete::new(name))
        .await
        .map(drop)
        .map_err(failed)
}

fn per_second(count: usize, took: Duration) -> f64 {
    as_f64(count) / took.as_secs_f64()
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
