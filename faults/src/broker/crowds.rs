//! Consumers that do not do their part.

use std::path::Path;
use std::time::Duration;

use bergen_amqp::client::{
    Connection, Consume, Delivery, DeliverySink, Disposition, Publish, QueueDeclare,
};
use bergen_testbed::{Direction, FaultProxy};
use bytes::Bytes;

use super::Row;
use super::bystander::Bystander;
use super::host::{HostOptions, Stand, connect};
use crate::FaultsError;

const CONNECTIONS: usize = 100;
const CONSUMERS: usize = 100;

/// Takes messages and keeps them.
struct Idle;

impl DeliverySink for Idle {
    fn deliver(&mut self, _delivery: Delivery) -> Disposition {
        Disposition::Hold
    }
}

/// All of them consume one queue with a prefetch of one.
pub(super) async fn slow_consumers(program: &Path, row: &mut Row) -> Result<(), FaultsError> {
    let stand = Stand::start(program, &HostOptions::default()).await?;
    let bystander = Bystander::start(stand.port()).await?;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let connection = stand.connect().await?;
        let (channel, _) = connection
            .open_channel()
            .await
            .map_err(FaultsError::worker)?;
        channel
            .queue_declare(QueueDeclare::new("slow"))
            .await
            .map_err(FaultsError::worker)?;
        channel.qos(1).await.map_err(FaultsError::worker)?;
        for _ in 0..CONSUMERS {
            let consuming = channel.consume(Consume::new("slow"), Box::new(Idle));
            consuming.await.map_err(FaultsError::worker)?;
        }
        connections.push((connection, channel));
    }
    let consumers = CONNECTIONS * CONSUMERS;
    let messages = consumers * 3;
    let connection = stand.connect().await?;
    fill(&connection, "slow", messages, 200).await?;
    let (channel, _) = connection
        .open_channel()
        .await
        .map_err(FaultsError::worker)?;
    let declared = channel.queue_declare(QueueDeclare::passive("slow")).await;
    let declared = declared.map_err(FaultsError::worker)?;
    let ready = usize::try_from(declared.message_count).unwrap_or(0);
    row.check(ready == messages - consumers, || {
        format!("{ready} of {messages} messages are left, with {consumers} consumers of one each")
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    row.memory(&stand, 250.0)?;
    row.served(bystander.stop().await?);
    row.saw(format!(
        "{consumers} consumers hold one message each, {ready} wait"
    ));
    for (connection, _) in connections {
        connection.close().await.map_err(FaultsError::worker)?;
    }
    let declared = channel.queue_declare(QueueDeclare::passive("slow")).await;
    let back = usize::try_from(declared.map_err(FaultsError::worker)?.message_count).unwrap_or(0);
    row.check(back == messages, || {
        format!("{back} of {messages} messages came back")
    });
    row.saw("all of them are ready again when the consumers are gone");
    Ok(())
}

/// Bytes of the messages for the client that does not read.
const UNREAD_BYTES: usize = 1024;
const UNREAD: usize = 50_000;

/// Without acknowledgements nothing but the socket holds the broker back.
pub(super) async fn never_reads(program: &Path, row: &mut Row) -> Result<(), FaultsError> {
    let stand = Stand::start(program, &HostOptions::default()).await?;
    let bystander = Bystander::start(stand.port()).await?;
    let proxy = FaultProxy::to_port(stand.port()).await?;
    let deaf = connect(proxy.port()).await?;
    let (channel, _) = deaf.open_channel().await.map_err(FaultsError::worker)?;
    channel
        .queue_declare(QueueDeclare::new("unread"))
        .await
        .map_err(FaultsError::worker)?;
    let consume = Consume {
        no_ack: true,
        ..Consume::new("unread")
    };
    channel
        .consume(consume, Box::new(Idle))
        .await
        .map_err(FaultsError::worker)?;
    proxy.hold(Direction::ToClient, true);
    let connection = stand.connect().await?;
    fill(&connection, "unread", UNREAD, UNREAD_BYTES).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (channel, _) = connection
        .open_channel()
        .await
        .map_err(FaultsError::worker)?;
    let declared = channel.queue_declare(QueueDeclare::passive("unread")).await;
    let waiting =
        usize::try_from(declared.map_err(FaultsError::worker)?.message_count).unwrap_or(0);
    row.check(waiting > UNREAD / 2, || {
        format!(
            "only {waiting} of {UNREAD} messages wait in the queue: the rest waits for a socket"
        )
    });
    row.memory(&stand, 200.0)?;
    row.served(bystander.stop().await?);
    row.saw(format!("{waiting} of {UNREAD} messages of {UNREAD_BYTES} bytes stay in the queue, the others are on their way in buffers"));
    Ok(())
}

/// Publishes so many messages, confirmed.
async fn fill(
    connection: &Connection,
    queue: &str,
    count: usize,
    bytes: usize,
) -> Result<(), FaultsError> {
    let (channel, _) = connection
        .open_channel()
        .await
        .map_err(FaultsError::worker)?;
    channel
        .confirm_select()
        .await
        .map_err(FaultsError::worker)?;
    let body = Bytes::from(vec![b'x'; bytes]);
    let queue: std::sync::Arc<str> = queue.into();
    let mut last = None;
    for _ in 0..count {
        let publish = Publish::new("", std::sync::Arc::clone(&queue), body.clone());
        last = Some(
            channel
                .publish(publish)
                .await
                .map_err(FaultsError::worker)?,
        );
    }
    if let Some(last) = last {
        last.await.map_err(FaultsError::worker)?;
    }
    channel.close().await.map_err(FaultsError::worker)
}
