//! Persistent messages with numbers: which were confirmed, and which are there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bergen_amqp::client::{Channel, Confirmed, Connection, Consume, Publish, QueueDeclare};
use bergen_amqp::codec::{BasicProperties, properties::PERSISTENT};
use bytes::Bytes;

use crate::FaultsError;

/// What publishers know.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    next: u64,
    confirmed: BTreeSet<u64>,
    refused: u64,
}

/// Bytes of each message.
const BYTES: usize = 300;

/// Messages of one publisher that may wait for their confirm.
const WINDOW: usize = 64;

impl Ledger {
    /// Messages that were confirmed.
    pub(super) fn confirmed(&self) -> BTreeSet<u64> {
        self.known().confirmed.clone()
    }

    /// Messages that the broker would not take (nack).
    pub(super) fn refused(&self) -> u64 {
        self.known().refused
    }

    /// Publishes persistent messages to a durable queue until the connection ends.
    pub(super) async fn publish(self, connection: Connection, queue: String) {
        // It ends when the broker is killed, which is what it is for.
        let _ = self.publish_all(&connection, &queue).await;
    }

    async fn publish_all(&self, connection: &Connection, queue: &str) -> Result<(), FaultsError> {
        let channel = durable(connection, queue).await?;
        channel
            .confirm_select()
            .await
            .map_err(FaultsError::worker)?;
        let queue: Arc<str> = queue.into();
        let mut unconfirmed = std::collections::VecDeque::new();
        loop {
            while unconfirmed.len() < WINDOW {
                let number = self.number();
                let publish = Publish::new("", Arc::clone(&queue), body(number)).with_properties(
                    BasicProperties {
                        delivery_mode: Some(PERSISTENT),
                        ..BasicProperties::default()
                    },
                );
                let confirmation = channel
                    .publish(publish)
                    .await
                    .map_err(FaultsError::worker)?;
                unconfirmed.push_back((number, confirmation));
            }
            let Some((number, confirmation)) = unconfirmed.pop_front() else {
                continue;
            };
            let outcome = confirmation.await.map_err(FaultsError::worker)?;
            if outcome == Confirmed::Ack {
                self.known().confirmed.insert(number);
            } else {
                self.known().refused += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    fn number(&self) -> u64 {
        let mut known = self.known();
        known.next += 1;
        known.next
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A channel, and the queue that is to be there.
pub(super) async fn durable(connection: &Connection, queue: &str) -> Result<Channel, FaultsError> {
    let (channel, _) = connection
        .open_channel()
        .await
        .map_err(FaultsError::worker)?;
    let declare = QueueDeclare {
        durable: true,
        ..QueueDeclare::new(queue)
    };
    channel
        .queue_declare(declare)
        .await
        .map_err(FaultsError::worker)?;
    Ok(channel)
}

/// Takes every message out of a queue: how often each number was there, in their order.
pub(super) async fn drain(
    connection: &Connection,
    queue: &str,
) -> Result<(BTreeMap<u64, u64>, Vec<u64>), FaultsError> {
    let channel = durable(connection, queue).await?;
    let declared = channel.queue_declare(QueueDeclare::passive(queue)).await;
    let count = declared.map_err(FaultsError::worker)?.message_count;
    let consuming = channel.consume_stream(Consume::new(queue), 1000);
    let mut consumer = consuming.await.map_err(FaultsError::worker)?;
    let (mut counts, mut order) = (BTreeMap::new(), Vec::new());
    for _ in 0..count {
        let delivery = consumer.next().await.map_err(FaultsError::worker)?;
        channel
            .ack(delivery.delivery_tag, false)
            .map_err(FaultsError::worker)?;
        let message = number(&delivery.body)?;
        *counts.entry(message).or_default() += 1;
        order.push(message);
    }
    // The broker has the acknowledgements when it answers.
    channel
        .queue_declare(QueueDeclare::passive(queue))
        .await
        .map_err(FaultsError::worker)?;
    channel.close().await.map_err(FaultsError::worker)?;
    Ok((counts, order))
}

fn number(body: &[u8]) -> Result<u64, FaultsError> {
    let digits = body
        .get(..20)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let number = digits
        .filter(|_| body.len() == BYTES)
        .and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| {
        FaultsError::Worker("a message has other bytes than were published".to_owned())
    })
}

fn body(number: u64) -> Bytes {
    format!("{number:020}{}", "x".repeat(BYTES - 20)).into()
}
