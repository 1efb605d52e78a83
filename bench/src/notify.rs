//! The events that the benchmark of notifications publishes and handles, on the public face of the library.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bergen::driver::BoxFuture;
use bergen::notify::{
    BatchOptions, EndpointError, Handled, ListenTarget, NotificationEndpoint, NotificationListener,
    Notifier, NotifyError, Priority, ReceivedEvent,
};
use bergen::transport::{NotificationTransport, TransportOptions};
use bergen::wire::Context;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::BenchError;
use crate::load::{Order, Outcome};
use crate::rpc::{context, failed};

pub mod worker;

/// How many events a listener of either library handles at once: the default of both.
pub const AT_ONCE: usize = 64;

/// How many events make a batch, as in the Python worker.
pub const BATCH_SIZE: usize = 100;

/// The payload of every event.
#[derive(Serialize)]
struct Payload<'a> {
    state: &'static str,
    text: &'a str,
}

/// A transport for notifications. It connects when it is first used.
pub fn transport(url: &str) -> Result<NotificationTransport, BenchError> {
    let url = url.parse().map_err(failed)?;
    NotificationTransport::new(TransportOptions::default().url(url)).map_err(failed)
}

/// Publishes events of priority `info`.
#[derive(Clone, Debug)]
pub struct Publisher {
    notifier: Notifier,
    context: Context,
}

impl Publisher {
    /// Publishes to `topic`.
    pub fn new(transport: &NotificationTransport, topic: &str) -> Result<Self, BenchError> {
        let notifier = Notifier::builder(transport, "bench.host-1").topics([topic]);
        Ok(Self {
            notifier: notifier.build(),
            context: context()?,
        })
    }

    /// Publishes an event and waits until the broker has confirmed it.
    pub async fn publish(&self, text: &str) -> Result<(), NotifyError> {
        let payload = Payload {
            state: "active",
            text,
        };
        self.notifier
            .info(&self.context, "bench.event", &payload)
            .await
    }

    /// Publishes so many, many at a time.
    pub async fn publish_all(&self, count: u64, bytes: usize) -> Result<(), BenchError> {
        let (left, text) = (Arc::new(AtomicU64::new(count)), "x".repeat(bytes));
        let mut lanes = JoinSet::new();
        for _ in 0..256 {
            let (publisher, left, text) = (self.clone(), Arc::clone(&left), text.clone());
            lanes.spawn(async move {
                while take_one(&left) {
                    publisher.publish(&text).await.map_err(failed)?;
                }
                Ok(())
            });
        }
        lanes.join_all().await.into_iter().collect()
    }
}

fn take_one(left: &AtomicU64) -> bool {
    let taken = left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    });
    taken.is_ok()
}

/// Handles the events that wait for it. `started` is called at the first one.
pub async fn handle(
    transport: &NotificationTransport,
    topic: &str,
    order: &Order,
    started: fn(),
) -> Result<Outcome, BenchError> {
    let counter = Counter {
        wanted: order.events.unwrap_or_default(),
        handled: Arc::default(),
        begin_and_end: watch::channel((None, None)).0,
        started,
    };
    let targets = [ListenTarget::new(topic)];
    let mut listener = NotificationListener::builder(transport, targets)
        .endpoint(counter.clone())
        .limit(AT_ONCE);
    if order.mode == "batch" {
        listener = listener.batch(BatchOptions {
            size: BATCH_SIZE,
            within: Duration::from_secs(1),
        });
    }
    let listener = listener.start().await.map_err(failed)?;
    let seconds = counter.seconds().await;
    listener.stop();
    listener.wait().await.map_err(failed)?;
    Ok(Outcome {
        done: counter.handled.load(Ordering::Relaxed),
        seconds,
        ..Outcome::default()
    })
}

/// The endpoint: reads payloads as a service would, and counts.
#[derive(Clone)]
struct Counter {
    wanted: u64,
    handled: Arc<AtomicU64>,
    begin_and_end: watch::Sender<(Option<Instant>, Option<Instant>)>,
    started: fn(),
}

#[derive(Deserialize)]
struct Received {
    state: String,
}

impl Counter {
    fn take(&self, events: &[&ReceivedEvent]) -> Result<Handled, EndpointError> {
        for event in events {
            let payload: Received = event.notification().payload.decode()?;
            if payload.state != "active" {
                return Err("not the event that was published".into());
            }
        }
        let count = events.len() as u64;
        let before = self.handled.fetch_add(count, Ordering::Relaxed);
        if before == 0 {
            (self.started)();
            self.begin_and_end
                .send_modify(|(begin, _)| *begin = Some(Instant::now()));
        }
        if before < self.wanted && before + count >= self.wanted {
            self.begin_and_end
                .send_modify(|(_, end)| *end = Some(Instant::now()));
        }
        Ok(Handled::Done)
    }

    /// Waits until all are handled; how long that took from the first one on.
    async fn seconds(&self) -> f64 {
        let mut times = self.begin_and_end.subscribe();
        let both = times.wait_for(|(begin, end)| begin.is_some() && end.is_some());
        match both.await.as_deref() {
            Ok((Some(begin), Some(end))) => (*end - *begin).as_secs_f64(),
            _ => 0.0,
        }
    }
}

impl NotificationEndpoint for Counter {
    fn priorities(&self) -> Vec<Priority> {
        vec![Priority::Info]
    }

    fn notify<'a>(
        &'a self,
        event: &'a ReceivedEvent,
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(async move { self.take(&[event]) })
    }

    fn notify_batch<'a>(
        &'a self,
        events: &'a [&'a ReceivedEvent],
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(async move { self.take(events) })
    }
}
