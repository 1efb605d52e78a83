//! `bergen listen`.

mod line;
mod rules;
mod source;

use std::time::Duration;

use bergen::driver::{IncomingNotification, ListenOptions};
use bergen::notify::Priority;
use bergen::target::Target;
use bergen::transport::{NotificationTransport, Notifications};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::connection::{ConnectionOptions, positive_seconds, seconds};
use crate::exit::Failed;
use crate::notify::priority;
use crate::output;
use crate::start::StartOptions;
use crate::stop::{Signals, ignore_hangup};
use line::Line;
use rules::{Rule, Rules};
use source::Source;

/// `bergen listen`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen listen notifications
  bergen listen notifications --priority error,critical --filter event_type='compute\\.' --json
  bergen listen versioned_notifications --exchange nova --filter payload.nova_object.name=Instance
  bergen listen notifications --pool meters --batch 100

Without --pool and --steal it gets copies, in a queue of its own that goes when it ends: nobody
else misses anything, and it sees what is published from now on. --pool shares the copies of a
pool, whose queue stays. --steal takes from the queues <topic>.<priority>, as a service does: what
it takes no service gets, also what --filter does not let through.

Fields of --filter: event_type, publisher_id, metadata.message_id, metadata.timestamp,
context.KEY, payload.KEY, payload.KEY.KEY and so on. An event must meet all of them, each from the
start of the text, as in oslo.messaging.

A line has time, priority, publisher, event type and payload; those of a batch are indented. Says
on stderr when it is ready. SIGTERM and Ctrl-C end it with exit code 0.")]
pub(crate) struct Listen {
    /// Topics to listen on
    #[arg(required = true, value_name = "TOPIC", value_parser = NonEmptyStringValueParser::new())]
    topics: Vec<String>,
    /// Priorities to listen for, separated by commas [default: all]
    #[arg(long, value_delimiter = ',', value_parser = priority)]
    priority: Vec<Priority>,
    /// Share the copies of this pool with its other listeners
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pool: Option<String>,
    /// Take the events themselves, away from the services that listen
    #[arg(long, conflicts_with = "pool")]
    steal: bool,
    /// Show events whose FIELD matches only; may be repeated
    #[arg(long = "filter", value_parser = Rule::parse, value_name = "FIELD=REGEX")]
    filters: Vec<Rule>,
    /// Take so many events at a time
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    batch: Option<u16>,
    /// Seconds after which a batch that is not full is shown
    #[arg(long, default_value = "5", value_parser = positive_seconds, value_name = "SECONDS")]
    batch_timeout: Duration,
    /// End after so many events
    #[arg(short = 'c', long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Seconds to run
    #[arg(short = 'l', long, value_parser = seconds, value_name = "SECONDS")]
    duration: Option<Duration>,
    /// Print a JSON object for each event, or an array of them for each batch
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    start: StartOptions,
}

/// How many events the broker sends ahead.
const AHEAD: u16 = 128;

impl Listen {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        // Before the line that says ready: from then on we are to stop in order.
        let mut signals = Signals::watch()?;
        ignore_hangup()?;
        let rules = Rules::new(self.filters.clone())?;
        let source = Source::new(self.pool.clone(), self.steal);
        let transport = self.start.notification_transport(connection)?;
        let listening = self.listen(&transport, &source);
        let url = transport.url();
        let mut events = self.start.wait_for(listening, url, &mut signals).await?;
        output::diagnose(&format!(
            "ready: topics {}, exchange {}, at {url}: {source}",
            self.topics.join(", "),
            transport.control_exchange(),
        ));
        let shown = signals.unless(self.show(&mut events, &rules)).await;
        let stop = async {
            events.close().await;
            connection.close_notifications(transport).await;
            Ok(())
        };
        signals.unless(stop).await?;
        match shown {
            Err(Failed::Stopped(_)) => Ok(()),
            shown => shown,
        }
    }

    async fn listen(
        &self,
        transport: &NotificationTransport,
        source: &Source,
    ) -> Result<Notifications, Failed> {
        let priorities = if self.priority.is_empty() {
            &Priority::ALL[..]
        } else {
            &self.priority
        };
        let pairs: Vec<_> = self
            .topics
            .iter()
            .map(|topic| Target::default().with_topic(topic))
            .flat_map(|target| {
                priorities
                    .iter()
                    .map(move |one| (target.clone(), one.lower().to_owned()))
            })
            .collect();
        // What it would not show shall not be held from others.
        let wanted = self
            .count
            .map_or(AHEAD, |count| u16::try_from(count).unwrap_or(u16::MAX));
        let ahead = wanted.min(AHEAD).max(self.batch.unwrap_or_default());
        let options = source.apply(ListenOptions::new(ahead));
        Ok(transport
            .listen_with(&pairs, source.pool(), options)
            .await?)
    }

    /// Shows events until there were enough. What was printed is acknowledged.
    async fn show(&self, events: &mut Notifications, rules: &Rules) -> Result<(), Failed> {
        let time_is_up = async {
            match self.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            shown = self.show_all(events, rules) => shown,
            () = time_is_up => Ok(()),
        }
    }

    async fn show_all(&self, events: &mut Notifications, rules: &Rules) -> Result<(), Failed> {
        let mut left = self.count.unwrap_or(u64::MAX);
        while left > 0 {
            let taken = match self.batch {
                None => vec![events.next().await?],
                Some(size) => {
                    let size = usize::try_from(left)
                        .map_or(usize::from(size), |left| left.min(size.into()));
                    events.next_batch(size, self.batch_timeout).await?
                }
            };
            let wanted: Vec<_> = taken
                .iter()
                .filter(|event| rules.matches(&event.notification))
                .collect();
            self.print(&wanted)?;
            left -= wanted.len() as u64;
            for event in taken {
                // Else its connection is gone, and it comes again.
                let _ = event.acknowledge();
            }
        }
        Ok(())
    }

    fn print(&self, events: &[&IncomingNotification]) -> Result<(), Failed> {
        let lines: Vec<_> = events.iter().map(|event| Line::of(event)).collect();
        if self.json {
            return match self.batch {
                Some(_) if lines.is_empty() => Ok(()),
                Some(_) => output::json_line(&lines),
                None => lines.iter().try_for_each(output::json_line),
            };
        }
        let indent = match self.batch {
            Some(_) if !lines.is_empty() => {
                output::line(&format!("batch of {}:", lines.len()))?;
                "  "
            }
            _ => "",
        };
        lines
            .iter()
            .try_for_each(|line| output::line(&output::escaped(&format!("{indent}{line}"))))
    }
}
