//! What queues and connections cost that do nothing.

use std::time::Duration;

use bergen_amqp::client::{Channel, QueueDeclare};
use bergen_bench::BenchError;
use bergen_bench::process::resident_bytes;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::Sizes;
use crate::contestant::{Contestant, failed};

/// Memory of a broker's process.
#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    pub(crate) broker: &'static str,
    /// Bytes resident before.
    pub(crate) before: u64,
    /// Bytes that one transient queue without messages adds.
    pub(crate) queue: f64,
    /// Bytes that one connection with one channel adds.
    pub(crate) connection: f64,
}

/// How long a broker is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(2);

/// So many declares are under way at once.
const AT_ONCE: usize = 500;

impl Idle {
    /// Each on a broker that has done nothing yet: what it freed before would be used again.
    pub(crate) async fn of(name: &'static str, sizes: Sizes) -> Result<Self, BenchError> {
        println!("Idle queues of {name} …");
        let fresh = Contestant::start(name).await?;
        let before = rested(&fresh).await?;
        let queue = queues(&fresh, before, sizes.idle_queues).await?;
        fresh.stop().await?;
        println!("Idle connections of {name} …");
        let fresh = Contestant::start(name).await?;
        let connection = connections(&fresh, sizes.idle_connections).await?;
        fresh.stop().await?;
        Ok(Self {
            broker: name,
            before,
            queue,
            connection,
        })
    }
}

async fn queues(contestant: &Contestant, before: u64, count: usize) -> Result<f64, BenchError> {
    let connection = contestant.connect().await?;
    let (channel, _) = connection.open_channel().await.map_err(failed)?;
    let names: Vec<_> = (0..count).map(|number| format!("idle-{number}")).collect();
    for some in names.chunks(AT_ONCE) {
        all(some, |name| declare(channel.clone(), name)).await?;
    }
    Ok(each(before, rested(contestant).await?, count))
}

async fn connections(contestant: &Contestant, count: usize) -> Result<f64, BenchError> {
    let before = rested(contestant).await?;
    let mut connections = Vec::new();
    for _ in 0..count {
        let connection = contestant.connect().await?;
        let (channel, _) = connection.open_channel().await.map_err(failed)?;
        connections.push((connection, channel));
    }
    let after = rested(contestant).await?;
    for (connection, _) in connections {
        connection.close().await.map_err(failed)?;
    }
    Ok(each(before, after, count))
}

async fn rested(contestant: &Contestant) -> Result<u64, BenchError> {
    tokio::time::sleep(REST).await;
    resident_bytes(contestant.process())
}

fn each(before: u64, after: u64, count: usize) -> f64 {
    let bytes = after.saturating_sub(before);
    let (bytes, count) = (u32::try_from(bytes / 16), u32::try_from(count));
    f64::from(bytes.unwrap_or(u32::MAX)) * 16.0 / f64::from(count.unwrap_or(u32::MAX))
}

async fn declare(channel: Channel, name: String) -> Result<(), BenchError> {
    let declared = channel.queue_declare(QueueDeclare::new(name)).await;
    declared.map(drop).map_err(failed)
}

/// Does something for each of these at once.
pub(crate) async fn all<T, F>(these: &[T], each: impl Fn(T) -> F) -> Result<(), BenchError>
where
    T: Clone,
    F: Future<Output = Result<(), BenchError>> + Send + 'static,
{
    let mut doing: JoinSet<_> = these.iter().cloned().map(each).collect();
    while let Some(done) = doing.join_next().await {
        done.map_err(|error| BenchError::worker("a task", error.to_string()))??;
    }
    Ok(())
}
