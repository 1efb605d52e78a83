//! Log events as notifications.

use std::fmt;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::{Notifier, Outbox, OutboxOptions, Priority, WhenFull};
use crate::mask::is_secret;

#[cfg(test)]
mod tests;

/// A layer of `tracing` that publishes events as notifications (the peer's `LoggingNotificationHandler` and
/// `PublishErrorsHandler`).
///
/// It never waits: events go to an [`Outbox`], which drops and counts what it has no room for. What bergen itself logs,
/// what the libraries log that carry its messages (tokio, rustls), and whatever is logged while an event is being sent,
/// is left out, so that no event causes another. Values of fields whose names mark secrets, such as `password`, are
/// blanked, and each text is cut at 16 KiB.
///
/// Choose what is published with a filter of `tracing-subscriber`:
///
/// ```
/// use bergen_messaging::notify::drivers::TestDriver;
/// use bergen_messaging::notify::{NotificationLayer, Notifier, OutboxOptions};
/// use tracing_subscriber::filter::LevelFilter;
/// use tracing_subscriber::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let seen = TestDriver::default();
/// let notifier = Notifier::with_drivers("compute.host1", [seen.clone()]);
/// let layer = NotificationLayer::new(&notifier, OutboxOptions::default());
/// let subscriber = tracing_subscriber::registry().with(layer.with_filter(LevelFilter::WARN));
/// # let _guard = tracing::subscriber::set_default(subscriber);
/// // subscriber.init();
/// tracing::warn!(disk = "sda", "nearly full");
/// seen.came(1).await;
/// assert_eq!(seen.events()[0].notification.event_type, "logrecord");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NotificationLayer {
    outbox: Outbox,
    shape: Shape,
}

/// As what a log event is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Record,
    Error,
}

impl NotificationLayer {
    /// Publishes each event as `logrecord`, with the priority of its level. There is none for `TRACE`, which is left out.
    /// Must be called in a runtime.
    ///
    /// The payload has the members of the peer's. `msg` is the message; the other fields stand in `extra`, which is null
    /// if there are none; `name` is the target; `thread` is the name of the thread, where the peer has a number;
    /// `funcName` and `exc_info`, which `tracing` does not know, are null.
    pub fn new(notifier: &Notifier, options: OutboxOptions) -> Self {
        Self::with_shape(notifier, options, Shape::Record)
    }

    /// Publishes the message of each event of level `ERROR` as `error_notification`, from the publisher
    /// `error.publisher`. Must be called in a runtime.
    pub fn errors(notifier: &Notifier, options: OutboxOptions) -> Self {
        let notifier = notifier.with_publisher_id("error.publisher");
        Self::with_shape(&notifier, options, Shape::Error)
    }

    /// Where the events wait to be sent: for its counts, and to flush it before the program ends. A clone of it keeps
    /// working beside the layer.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn with_shape(notifier: &Notifier, options: OutboxOptions, shape: Shape) -> Self {
        let when_full = match options.when_full {
            // A log line waits for nobody.
            WhenFull::Wait => WhenFull::DropNewest,
            drop => drop,
        };
        Self {
            outbox: notifier.outbox(OutboxOptions {
                when_full,
                ..options
            }),
            shape,
        }
    }

    fn publish(&self, event: &Event<'_>) {
        let Some((priority, levelno, levelname)) = level(event.metadata()) else {
            return;
        };
        match self.shape {
            Shape::Record => {
                let record = Record::of(event, levelno, levelname);
                self.outbox.post_quietly(priority, "logrecord", &record);
            }
            Shape::Error if priority == Priority::Error => {
                let error = Fields::of(event).message;
                let payload = serde_json::json!({"error": error});
                self.outbox
                    .post_quietly(priority, "error_notification", &payload);
            }
            Shape::Error => {}
        }
    }
}

impl<S: Subscriber> Layer<S> for NotificationLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !Outbox::is_at_work() && !is_ours(event.metadata().target()) {
            Outbox::at_work(|| self.publish(event));
        }
    }
}

/// As `bergen_messaging`, the crates of this library, those that its messages travel through, and the driver `log`.
fn is_ours(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    let belongs_to = |family: &&str| {
        name.strip_prefix(*family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '.', '-']))
    };
    ["bergen", "tokio", "mio", "rustls", "oslo.messaging"]
        .iter()
        .any(belongs_to)
}

/// Priority, number and name, the latter two as the peer's logging has them.
fn level(metadata: &Metadata<'_>) -> Option<(Priority, u8, &'static str)> {
    match *metadata.level() {
        Level::ERROR => Some((Priority::Error, 40, "ERROR")),
        Level::WARN => Some((Priority::Warn, 30, "WARNING")),
        Level::INFO => Some((Priority::Info, 20, "INFO")),
        Level::DEBUG => Some((Priority::Debug, 10, "DEBUG")),
        _ => None,
    }
}

/// The payload of a `logrecord`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    name: &'static str,
    levelno: u8,
    levelname: &'static str,
    #[serde(rename = "exc_info")]
    exc_info: (),
    pathname: Option<&'static str>,
    lineno: Option<u32>,
    msg: String,
    func_name: (),
    thread: Option<String>,
    process_name: Option<String>,
    process: u32,
    extra: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Record {
    fn of(event: &Event<'_>, levelno: u8, levelname: &'static str) -> Self {
        let metadata = event.metadata();
        let fields = Fields::of(event);
        Self {
            name: metadata.target(),
            levelno,
            levelname,
            exc_info: (),
            pathname: metadata.file(),
            lineno: metadata.line(),
            msg: fields.message,
            func_name: (),
            thread: std::thread::current().name().map(str::to_owned),
            process_name: program(),
            process: std::process::id(),
            extra: (!fields.others.is_empty()).then_some(fields.others),
        }
    }
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    others: serde_json::Map<String, serde_json::Value>,
}

impl Fields {
    fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    fn put(&mut self, field: &Field, value: impl Into<serde_json::Value>) {
        let value = match field.name() {
            name if is_secret(name) => "***".into(),
            _ => value.into(),
        };
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = shortened(format!("{value:?}"));
        match field.name() {
            "message" => self.message = text,
            _ => self.put(field, text),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

/// The name under which the program runs.
fn program() -> Option<String> {
    let path = std::env::args_os().next()?;
    let name = std::path::Path::new(&path).file_name()?;
    Some(name.to_string_lossy().into_owned())
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        text.push('…');
    }
    text
}

/// Bytes of a message or a field: a log line, not a dump.
const LONGEST_TEXT: usize = 16 * 1024;
