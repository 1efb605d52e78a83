//! Somebody who has nothing to do with the harm and must be served all the same.

use std::time::{Duration, Instant};

use bergen_amqp::client::{Connection, Consume, Publish, QueueDeclare};
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::host::connect;
use crate::FaultsError;

/// How a bystander was served.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Served {
    /// Messages that it sent and got.
    pub count: u64,
    /// Those that failed.
    pub failed: u64,
    /// The longest time from a publish to its delivery, in seconds.
    pub slowest: f64,
    /// What the first failure was.
    pub error: Option<String>,
}

/// Sends itself a message every few milliseconds, each confirmed, delivered and acknowledged.
pub(super) struct Bystander {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Served>,
}

const PAUSE: Duration = Duration::from_millis(5);

/// How long one message may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);

impl Bystander {
    pub(super) async fn start(port: u16) -> Result<Self, FaultsError> {
        let connection = connect(port).await?;
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(run(connection, stopped));
        Ok(Self { stop, running })
    }

    pub(super) async fn stop(self) -> Result<Served, FaultsError> {
        // It may have ended by itself.
        let _ = self.stop.send(());
        self.running.await.map_err(FaultsError::worker)
    }
}

async fn run(connection: Connection, mut stopped: oneshot::Receiver<()>) -> Served {
    let mut served = Served::default();
    let talking = async {
        let talk = talk(&connection, &mut served);
        talk.await
    };
    tokio::select! {
        Err(error) = talking => {
            served.failed += 1;
            served.error = Some(error.to_string());
        }
        _ = &mut stopped => {}
    }
    // An error says that it is closed already.
    let _ = connection.close().await;
    served
}

/// Goes on for ever, or until something fails.
async fn talk(connection: &Connection, served: &mut Served) -> Result<(), FaultsError> {
    const QUEUE: &str = "bystander";
    let (channel, _) = connection
        .open_channel()
        .await
        .map_err(FaultsError::worker)?;
    channel
        .confirm_select()
        .await
        .map_err(FaultsError::worker)?;
    let declare = QueueDeclare {
        auto_delete: true,
        ..QueueDeclare::new(QUEUE)
    };
    channel
        .queue_declare(declare)
        .await
        .map_err(FaultsError::worker)?;
    let consuming = channel.consume_stream(Consume::new(QUEUE), 10);
    let mut consumer = consuming.await.map_err(FaultsError::worker)?;
    loop {
        let begin = Instant::now();
        let round = async {
            let publish = Publish::new("", QUEUE, b"still here".as_slice());
            let confirmation = channel
                .publish(publish)
                .await
                .map_err(FaultsError::worker)?;
            let delivery = consumer.next().await.map_err(FaultsError::worker)?;
            let settled = channel.ack(delivery.delivery_tag, false);
            settled.map_err(FaultsError::worker)?;
            confirmation.await.map_err(FaultsError::worker)
        };
        let limited = tokio::time::timeout(PATIENCE, round).await;
        limited.map_err(|_| FaultsError::Never("a message to oneself".to_owned()))??;
        served.count += 1;
        served.slowest = served.slowest.max(begin.elapsed().as_secs_f64());
        tokio::time::sleep(PAUSE).await;
    }
}
