//! `bergen sim notify-client`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bergen::driver::Retry;
use bergen::notify::Notifier;
use bergen::notify::drivers::Format;
use bergen::transport::NotificationTransport;
use bergen::wire::Context;
use clap::Args;
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use super::measured::{self, Measured};
use super::message::{Cargo, Message};
use crate::connection::{ConnectionOptions, positive_seconds, seconds};
use crate::exit::Failed;
use crate::stop::Signals;

/// `bergen sim notify-client`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen sim notify-client -p 8 -m 200
  bergen sim notify-client --topic audit -l 10 -m 1000000 --json -

The other side is bergen sim notify-server, or upstream's tools/simulator.py notify-server. Events
are compute.start of publisher-N, in format 1.0, each confirmed before the next. Those that nobody
takes wait in the queue profiler_topic.info. --json - prints JSON only.")]
pub(crate) struct NotifyClient {
    /// Topic to publish to
    #[arg(long, default_value = "profiler_topic")]
    topic: String,
    /// Clients that publish at the same time, each one event after the other
    #[arg(short = 'p', long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Events that each client publishes
    #[arg(short = 'm', long, default_value_t = 1)]
    messages: u64,
    /// Seconds to pause between two events of a client
    #[arg(short = 'w', long, value_parser = seconds, value_name = "SECONDS")]
    wait: Option<Duration>,
    /// Seconds until the broker must have confirmed an event
    #[arg(long, default_value = "3", value_parser = positive_seconds, value_name = "SECONDS")]
    timeout: Duration,
    /// Seconds to publish for at the most
    #[arg(short = 'l', long, value_parser = seconds, value_name = "SECONDS")]
    duration: Option<Duration>,
    /// Write what was measured to this file, as the upstream simulator does; - is stdout
    #[arg(short = 'j', long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl NotifyClient {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let mut signals = Signals::watch()?;
        let (transport, _) = connection.notification_transport()?;
        let measured = Arc::new(Measured::of(self.clients));
        let progress = measured::progress(u64::from(self.clients) * self.messages);
        let ran = signals
            .unless(self.publish_all(&transport, &measured, &progress))
            .await;
        progress.finish_and_clear();
        connection.close_notifications(transport).await;
        measured.report("events", self.json.as_deref())?;
        ran?;
        measured.first_failure().map_or(Ok(()), Err)
    }

    async fn publish_all(
        &self,
        transport: &NotificationTransport,
        measured: &Arc<Measured>,
        progress: &ProgressBar,
    ) -> Result<(), Failed> {
        let until = self.duration.map(|duration| Instant::now() + duration);
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let notifier = Notifier::builder(transport, format!("publisher-{number}"))
                .topics([&self.topic])
                .format(Format::V1)
                .timeout(self.timeout)
                .build();
            let publisher = Publisher {
                number: number as usize,
                notifier,
                cargo: Cargo::new(u64::from(number) + 1),
                wait: self.wait,
                measured: Arc::clone(measured),
                progress: progress.clone(),
            };
            clients.spawn(publisher.run(self.messages, until));
        }
        while let Some(ended) = clients.join_next().await {
            ended.map_err(|error| Failed::System(format!("a client ended early: {error}")))?;
        }
        Ok(())
    }
}

/// One client: publishes its events one after another.
struct Publisher {
    number: usize,
    notifier: Notifier,
    cargo: Cargo,
    wait: Option<Duration>,
    measured: Arc<Measured>,
    progress: ProgressBar,
}

impl Publisher {
    async fn run(mut self, messages: u64, until: Option<Instant>) {
        for seq in 0..messages {
            if until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            let published = self.publish(seq).await;
            self.progress.inc(1);
            // The rest would wait as long, each, for the same.
            if seq == 0 && !published {
                break;
            }
            if let Some(wait) = self.wait {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// Publishes one event; whether another may fare better.
    async fn publish(&mut self, seq: u64) -> bool {
        let message = Message::new(seq, self.cargo.next());
        let retry = if seq == 0 {
            Retry::Times(0)
        } else {
            Retry::Forever
        };
        let notifier = self.notifier.with_retry(retry);
        let published = notifier
            .info(&Context::default(), "compute.start", &message)
            .await;
        self.measured.sent(self.number, message.1.len());
        published.map_or_else(|error| self.measured.failed(error.into()), |()| true)
    }
}
