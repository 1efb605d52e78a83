//! `bergen notify`.

use std::time::Duration;

use bergen::driver::Retry;
use bergen::notify::drivers::Format;
use bergen::notify::{Notifier, Priority};
use bergen::wire::{Context, RawJson};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use crate::arguments::{self, Argument};
use crate::connection::{ConnectionOptions, positive_seconds};
use crate::exit::Failed;
use crate::stop::Signals;

/// `bergen notify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen notify compute.instance.create.end instance_id=i-1 state=active
  bergen notify disk.full used:=0.97 --priority error --publisher compute.host-1
  bergen notify test --text hello --topic notifications --topic audit --driver messaging

key=text gives a string, key:=json any JSON, which is sent as it is typed; together they are the
payload. Ends with 0 when the broker has taken the event for every topic. There it waits in the
queue <topic>.<priority>, which is made if it is not there.

What upstream's script sends, oslo-messaging-send-notification --event-type E --publisher-id P T,
is sent by bergen notify E --publisher P --text T.")]
pub(crate) struct Notify {
    /// What happened, such as compute.instance.create.end
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    event_type: String,
    /// Members of the payload
    #[arg(value_parser = Argument::parse, value_name = "KEY=TEXT | KEY:=JSON")]
    payload: Vec<Argument>,
    /// Make this text the payload
    #[arg(long, conflicts_with = "payload")]
    text: Option<String>,
    /// How urgent it is: audit, debug, info, warn, error, critical or sample
    #[arg(long, default_value = "info", value_parser = priority)]
    priority: Priority,
    /// Topic to publish to; may be repeated [default: topics of --config-file, else notifications]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    topic: Vec<String>,
    /// Who publishes, by convention SERVICE.HOST [default: bergen.HOST]
    #[arg(long, visible_alias = "publisher-id")]
    publisher: Option<String>,
    /// How the event stands in its message: messagingv2 is format 2.0, messaging the bare event, 1.0
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    driver: Driver,
    /// A value of the event's context; may be repeated. Tokens and passwords are left out
    #[arg(long = "context", value_parser = Argument::parse, value_name = "KEY=TEXT | KEY:=JSON")]
    context: Vec<Argument>,
    /// Seconds until the broker must have confirmed the event for all topics
    #[arg(long, default_value = "60", value_parser = positive_seconds, value_name = "SECONDS")]
    timeout: Duration,
}

/// The drivers of oslo.messaging that publish.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
#[value(rename_all = "lower")]
enum Driver {
    Messaging,
    #[default]
    MessagingV2,
}

impl Notify {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let mut signals = Signals::watch()?;
        let context = self.context()?;
        let payload = self.payload()?;
        let (transport, configured) = connection.notification_transport()?;
        let publisher = self.publisher.clone();
        let publisher = publisher.unwrap_or_else(|| format!("bergen.{}", transport.host()));
        let topics = if self.topic.is_empty() {
            configured
        } else {
            self.topic
        };
        // One attempt: who waits at a terminal wants to know.
        let notifier = Notifier::builder(&transport, publisher)
            .topics(topics)
            .format(self.driver.format())
            .retry(Retry::Times(0))
            .timeout(self.timeout)
            .build();
        let notify = async {
            let event_type = self.event_type.as_str();
            let sent = notifier.notify(&context, self.priority, event_type, &payload);
            Ok(sent.await?)
        };
        let sent = signals.unless(notify).await;
        connection.close_notifications(transport).await;
        sent
    }

    fn payload(&self) -> Result<RawJson, Failed> {
        let payload = match &self.text {
            Some(text) => RawJson::encode(text),
            None => RawJson::encode(&arguments::to_object(&self.payload)),
        };
        payload.map_err(|error| Failed::Usage(error.to_string()))
    }

    fn context(&self) -> Result<Context, Failed> {
        arguments::to_context(&self.context)
    }
}

impl Driver {
    fn format(self) -> Format {
        match self {
            Self::Messaging => Format::V1,
            Self::MessagingV2 => Format::V2,
        }
    }
}

/// Reads the name of a priority.
pub(crate) fn priority(text: &str) -> Result<Priority, String> {
    Priority::parse(text).ok_or_else(|| {
        let names = Priority::ALL.map(Priority::lower).join(", ");
        format!("write one of {names}")
    })
}
