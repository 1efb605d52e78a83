//! Clients that are none, or are changed on the way.

use std::path::Path;
use std::time::Duration;

use bergen_amqp::client::{Consume, Publish, QueueDeclare};
use bergen_testbed::{Direction, FaultProxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::Row;
use super::bystander::Bystander;
use super::host::{HostOptions, Stand, connect};
use crate::FaultsError;
use crate::fault::Pace;

/// Sockets of each kind.
const SOCKETS: usize = 300;

/// What they say before they fall silent.
const BEGINNINGS: [&[u8]; 4] = [
    b"",
    b"AMQ",
    b"AMQP\0\0\x09\x01",
    b"AMQP\0\0\x09\x01\x01\0\0\0\0\x10\0\0\0\x0a\0\x0b",
];

/// Seconds that the broker gives them.
const HANDSHAKE: u64 = 3;

pub(super) async fn half_open(program: &Path, row: &mut Row) -> Result<(), FaultsError> {
    let options = HostOptions {
        handshake_timeout: Some(HANDSHAKE),
        ..HostOptions::default()
    };
    let stand = Stand::start(program, &options).await?;
    let bystander = Bystander::start(stand.port()).await?;
    let mut waiting = JoinSet::new();
    for beginning in BEGINNINGS
        .into_iter()
        .cycle()
        .take(BEGINNINGS.len() * SOCKETS)
    {
        let mut socket = stranger(stand.port()).await?;
        let said = socket.write_all(beginning).await;
        said.map_err(FaultsError::io("writing to the broker"))?;
        waiting.spawn(async move {
            let begin = Instant::now();
            let limit = Duration::from_secs(HANDSHAKE + 10);
            let closed = timeout(limit, socket.read_to_end(&mut Vec::new())).await;
            closed.ok().map(|_| begin.elapsed())
        });
    }
    let count = waiting.len();
    let closed: Vec<_> = waiting.join_all().await.into_iter().flatten().collect();
    row.check(closed.len() == count, || {
        format!("only {} of {count} sockets were closed", closed.len())
    });
    let longest = closed.iter().max().copied().unwrap_or_default();
    row.memory(&stand, 150.0)?;
    row.served(bystander.stop().await?);
    row.saw(format!(
        "{count} sockets that never logged in were closed after {:.1} s at most",
        longest.as_secs_f64()
    ));
    Ok(())
}

/// How many clients there are.
fn clients(pace: Pace) -> usize {
    match pace {
        Pace::Short => 150,
        Pace::Long => 10_000,
    }
}

/// How long a client may try.
const TRY: Duration = Duration::from_millis(500);

pub(super) async fn malformed(
    program: &Path,
    pace: Pace,
    row: &mut Row,
) -> Result<(), FaultsError> {
    let mut stand = Stand::start(program, &HostOptions::default()).await?;
    let bystander = Bystander::start(stand.port()).await?;
    let proxy = FaultProxy::to_port(stand.port()).await?;
    proxy.mutate(Direction::ToServer, |bytes: &mut Vec<u8>| {
        if fastrand::u8(..) < 12 {
            let at = fastrand::usize(..bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(at) {
                *byte = fastrand::u8(..);
            }
        }
    });
    let (mut whole, mut broken) = (0, 0);
    for _ in 0..clients(pace) {
        match timeout(TRY, session(proxy.port())).await {
            Ok(Ok(())) => whole += 1,
            Ok(Err(_)) | Err(_) => broken += 1,
        }
        if !stand.is_alive() {
            break;
        }
    }
    for _ in 0..clients(pace) {
        let mut socket = stranger(stand.port()).await?;
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
            .take(fastrand::usize(..2000))
            .collect();
        // The broker may have hung up before all of it is written.
        let _ = socket.write_all(b"AMQP\0\0\x09\x01").await;
        let _ = socket.write_all(&noise).await;
    }
    row.check(stand.is_alive(), || {
        format!("the broker died: {}", stand.said())
    });
    let said = stand.said();
    row.check(!said.contains("panicked"), || {
        format!("something panicked: {said}")
    });
    row.check(broken > 0, || {
        "no client was harmed: nothing was tried".to_owned()
    });
    row.memory(&stand, 200.0)?;
    row.served(bystander.stop().await?);
    row.saw(format!("{broken} clients were harmed by changed bytes, {whole} were not; {} sent noise after the protocol header", clients(pace)));
    Ok(())
}

/// A bit of everything.
async fn session(port: u16) -> Result<(), FaultsError> {
    let connection = connect(port).await?;
    let (channel, _) = connection
        .open_channel()
        .await
        .map_err(FaultsError::worker)?;
    channel
        .confirm_select()
        .await
        .map_err(FaultsError::worker)?;
    let declare = QueueDeclare {
        exclusive: true,
        ..QueueDeclare::new("")
    };
    let queue = channel
        .queue_declare(declare)
        .await
        .map_err(FaultsError::worker)?
        .name;
    let mut consumer = channel
        .consume_stream(Consume::new(&queue), 10)
        .await
        .map_err(FaultsError::worker)?;
    for _ in 0..20 {
        let publish = Publish::new("", queue.as_str(), vec![b'x'; 100]);
        let confirmation = channel
            .publish(publish)
            .await
            .map_err(FaultsError::worker)?;
        let delivery = consumer.next().await.map_err(FaultsError::worker)?;
        channel
            .ack(delivery.delivery_tag, false)
            .map_err(FaultsError::worker)?;
        confirmation.await.map_err(FaultsError::worker)?;
    }
    connection.close().await.map_err(FaultsError::worker)
}

async fn stranger(port: u16) -> Result<TcpStream, FaultsError> {
    let connected = TcpStream::connect(("127.0.0.1", port)).await;
    connected.map_err(FaultsError::io("connecting to the broker"))
}
