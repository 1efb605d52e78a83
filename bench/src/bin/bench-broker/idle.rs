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

/// To be measured on a broker that has done nothing yet: what it freed before would be used again. The queues stay for
/// the same reason.
pub(crate) async fn measure(contestant: &Contestant, sizes: Sizes) -> Result<Idle, BenchError> {
    println!("Idle queues and connections of {} …", contestant.name);
    let connection = contestant.connect().await?;
    let (channel, _) = connection.open_channel().await.map_err(failed)?;
    let before = rested(contestant).await?;
    let names: Vec<_> = (0..sizes.idle_queues)
        .map(|number| format!("idle-{number}"))
        .collect();
    for some in names.chunks(AT_ONCE) {
        all(some, |name| declare(channel.clone(), name)).await?;
    }
    let with_queues = rested(contestant).await?;
    let mut connections = Vec::new();
    for _ in 0..sizes.idle_connections {
        let connection = contestant.connect().await?;
        let (channel, _) = connection.open_channel().await.map_err(failed)?;
        connections.push((connection, channel));
    }
    let with_connections = rested(contestant).await?;
    for (connection, _) in connections {
        connection.close().await.map_err(failed)?;
    }
    Ok(Idle {
        broker: contestant.name,
        before,
        queue: each(before, with_queues, sizes.idle_queues),
        connection: each(with_queues, with_connections, sizes.idle_connections),
    })
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
