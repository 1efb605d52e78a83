//! Messages that are not answered: as many as fit through a broker in a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bergen_amqp::client::{
    Channel, Confirmation, Consume, Delivery, DeliverySink, Disposition, Publish, QueueDeclare,
};
use bergen_bench::BenchError;
use bergen_bench::load::{Order, Outcome};
use bergen_bench::worker::Conversation;
use bytes::Bytes;
use tokio::sync::Notify;

use crate::contestant::{connect, failed};

/// Neither confirmed nor acknowledged.
pub(crate) const PLAIN: &str = "plain";
/// Confirmed to the publisher, acknowledged by the consumer.
pub(crate) const CONFIRMED: &str = "confirmed";

pub(crate) const MODES: [&str; 2] = [PLAIN, CONFIRMED];

/// Is the process that publishes and consumes, each on a connection of its own, until told to leave.
pub(crate) async fn work(port: u16) -> Result<(), BenchError> {
    let publishing = connect(port).await?;
    let consuming = connect(port).await?;
    let mut conversation = Conversation::open()?;
    while let Some(order) = conversation.order().await? {
        let confirmed = order.mode == CONFIRMED;
        let queue = format!("one-way-{}", order.mode);
        let (taking, _) = consuming.open_channel().await.map_err(failed)?;
        let declare = QueueDeclare {
            auto_delete: true,
            ..QueueDeclare::new(&queue)
        };
        taking.queue_declare(declare).await.map_err(failed)?;
        let taken = Arc::new(Taken::default());
        let consume = Consume {
            no_ack: !confirmed,
            ..Consume::new(&queue)
        };
        let sink = Box::new(Sink(Arc::clone(&taken)));
        taking.consume(consume, sink).await.map_err(failed)?;
        let (channel, _) = publishing.open_channel().await.map_err(failed)?;
        if confirmed {
            channel.confirm_select().await.map_err(failed)?;
        }
        let pump = Pump {
            queue: queue.into(),
            body: Bytes::from(vec![b'x'; order.bytes]),
            channel,
            taken,
            published: 0,
            unconfirmed: VecDeque::new(),
        };
        let outcome = pump.run(&order).await?;
        taking.close().await.map_err(failed)?;
        Conversation::tell(&outcome)?;
    }
    Ok(())
}

/// What the consumer has taken.
#[derive(Default)]
struct Taken {
    count: AtomicU64,
    more: Notify,
}

struct Sink(Arc<Taken>);

impl DeliverySink for Sink {
    fn deliver(&mut self, delivery: Delivery) -> Disposition {
        std::hint::black_box(delivery.body);
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.more.notify_one();
        Disposition::Ack
    }
}

struct Pump {
    queue: Arc<str>,
    body: Bytes,
    channel: Channel,
    taken: Arc<Taken>,
    published: u64,
    unconfirmed: VecDeque<Confirmation>,
}

impl Pump {
    async fn run(mut self, order: &Order) -> Result<Outcome, BenchError> {
        let window = u64::try_from(order.in_flight).unwrap_or(u64::MAX);
        self.pump(order.warm_up, window).await?;
        Conversation::started();
        let (before, begin) = (self.taken.count.load(Ordering::Relaxed), Instant::now());
        self.pump(order.seconds, window).await?;
        let outcome = Outcome {
            done: self.taken.count.load(Ordering::Relaxed) - before,
            seconds: begin.elapsed().as_secs_f64(),
            ..Outcome::default()
        };
        self.drain().await?;
        self.channel.close().await.map_err(failed)?;
        Ok(outcome)
    }

    /// Keeps no more than `window` on their way for so many seconds.
    async fn pump(&mut self, seconds: f64, window: u64) -> Result<(), BenchError> {
        let end = Instant::now() + Duration::try_from_secs_f64(seconds).unwrap_or_default();
        while Instant::now() < end {
            let on_their_way = self.published - self.taken.count.load(Ordering::Relaxed);
            if on_their_way >= window {
                self.taken.more.notified().await;
                continue;
            }
            for _ in on_their_way..window {
                self.publish().await?;
            }
            let unconfirmed = usize::try_from(window).unwrap_or(usize::MAX);
            while self.unconfirmed.len() > unconfirmed {
                self.confirm().await?;
            }
        }
        Ok(())
    }

    async fn publish(&mut self) -> Result<(), BenchError> {
        let publish = Publish::new("", Arc::clone(&self.queue), self.body.clone());
        let confirmation = self.channel.publish(publish).await.map_err(failed)?;
        self.published += 1;
        self.unconfirmed.push_back(confirmation);
        Ok(())
    }

    /// Waits for the oldest confirm. Without confirms it is there at once.
    async fn confirm(&mut self) -> Result<(), BenchError> {
        if let Some(oldest) = self.unconfirmed.pop_front() {
            oldest.await.map_err(failed)?;
        }
        Ok(())
    }

    /// Waits for all that is on its way.
    async fn drain(&mut self) -> Result<(), BenchError> {
        while self.taken.count.load(Ordering::Relaxed) < self.published {
            self.taken.more.notified().await;
        }
        while !self.unconfirmed.is_empty() {
            self.confirm().await?;
        }
        Ok(())
    }
}
