//! `bergen sim notify-server` and `bergen sim batch-notify-server`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bergen::driver::BoxFuture;
use bergen::notify::{
    BatchOptions, EndpointError, Handled, ListenTarget, NotificationEndpoint, NotificationListener,
    Priority, ReceivedEvent,
};
use clap::Args;
use serde_json::json;

use super::message::Message;
use super::report::Series;
use crate::connection::{ConnectionOptions, positive_seconds, seconds};
use crate::exit::Failed;
use crate::start::StartOptions;
use crate::stop::Signals;

/// `bergen sim notify-server`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen sim notify-server
  bergen sim notify-server --requeue -l 60 --json measured.json

Takes the events of upstream's tools/simulator.py notify-client, and reports how long they were
under way (needs one clock). --json - prints JSON only.")]
pub(crate) struct NotifyServer {
    /// Topic to listen on
    #[arg(long, default_value = "profiler_topic")]
    topic: String,
    /// Seconds to sleep before an event, or a batch, counts as handled
    #[arg(short = 'w', long, value_parser = seconds, value_name = "SECONDS")]
    wait: Option<Duration>,
    /// Give every event back once; it counts each time
    #[arg(long)]
    requeue: bool,
    /// Seconds to run; without it until SIGTERM
    #[arg(short = 'l', long, value_parser = seconds, value_name = "SECONDS")]
    duration: Option<Duration>,
    /// Write what was measured to this file, as the upstream simulator does; - is stdout
    #[arg(short = 'j', long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    start: StartOptions,
}

/// `bergen sim batch-notify-server`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen sim batch-notify-server
  bergen sim batch-notify-server --batch-size 100 --batch-timeout 1 --json -

As notify-server, with events in batches.")]
pub(crate) struct BatchNotifyServer {
    /// Events of a full batch
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: u16,
    /// Seconds after which a batch that is not full is handled
    #[arg(long, default_value = "5", value_parser = positive_seconds, value_name = "SECONDS")]
    batch_timeout: Duration,
    #[command(flatten)]
    server: NotifyServer,
}

impl BatchNotifyServer {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let batch = BatchOptions {
            size: self.batch_size.into(),
            within: self.batch_timeout,
        };
        self.server.listen(connection, Some(batch)).await
    }
}

impl NotifyServer {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        self.listen(connection, None).await
    }

    async fn listen(
        self,
        connection: &ConnectionOptions,
        batch: Option<BatchOptions>,
    ) -> Result<(), Failed> {
        // Before the line that says ready: from then on we are to stop in order.
        let mut signals = Signals::watch()?;
        let transport = self.start.notification_transport(connection)?;
        let received = Arc::new(Mutex::new(Series::new()));
        let endpoint = Endpoint {
            wait: self.wait,
            requeue: self.requeue,
            received: Arc::clone(&received),
        };
        let targets = [ListenTarget::new(&self.topic)];
        let mut listener = NotificationListener::builder(&transport, targets).endpoint(endpoint);
        if self.requeue {
            listener = listener.allow_requeue();
        }
        if let Some(batch) = batch {
            listener = listener.batch(batch);
        }
        let listener = self
            .start
            .wait_for(listener.start(), transport.url(), &mut signals)
            .await?;
        let ready = format!("ready: topic {}", self.topic);
        super::say(&ready, self.json.as_deref())?;
        let time_is_up = async {
            match self.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = signals.next() => {}
            () = time_is_up => {}
        }
        listener.stop();
        let stop = async { Ok(listener.wait().await?) };
        signals.unless(stop).await?;
        connection.close_notifications(transport).await;
        let received = lock(&received);
        let summary = json!({"server": received.summary()});
        let all = [("server".to_owned(), &*received)];
        super::describe("server", &received, self.json.as_deref())?;
        super::write(&all, &summary, self.json.as_deref())
    }
}

/// Counts what it is told.
struct Endpoint {
    wait: Option<Duration>,
    requeue: bool,
    received: Arc<Mutex<Series>>,
}

impl Endpoint {
    fn count(&self, event: &ReceivedEvent) -> Result<(), EndpointError> {
        let message: Message = event.notification().payload.decode()?;
        let message = message.received();
        let latency = Duration::try_from_secs_f64(message.3 - message.2).ok();
        lock(&self.received).record(message.1.len(), latency);
        Ok(())
    }

    async fn handle(&self, events: &[&ReceivedEvent]) -> Result<Handled, EndpointError> {
        events.iter().try_for_each(|event| self.count(event))?;
        if let Some(wait) = self.wait {
            tokio::time::sleep(wait).await;
        }
        let is_new = events.iter().any(|event| !event.redelivered());
        Ok(if self.requeue && is_new {
            Handled::Requeue
        } else {
            Handled::Done
        })
    }
}

impl NotificationEndpoint for Endpoint {
    fn priorities(&self) -> Vec<Priority> {
        vec![Priority::Info]
    }

    fn notify<'a>(
        &'a self,
        event: &'a ReceivedEvent,
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(async move { self.handle(&[event]).await })
    }

    fn notify_batch<'a>(
        &'a self,
        events: &'a [&'a ReceivedEvent],
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(self.handle(events))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
