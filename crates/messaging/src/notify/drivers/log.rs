//! Events go to the log.

use std::future::ready;

use super::super::{Event, NotifyDriver, NotifyError, Priority};
use crate::driver::BoxFuture;
use crate::mask::masked_json;
use crate::wire::RawJson;

/// Writes each event as one line of JSON through `tracing`, secrets blanked (the peer's driver `log`).
///
/// The target is `oslo.messaging.notification`, the peer's logger without the event type, which is a field here since
/// targets are constants. The level is that of the priority: `audit` and `sample`, which the peer refuses, and `info`
/// are INFO, `critical` is ERROR.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogDriver;

/// What log lines of notifications have as their target.
const TARGET: &str = "oslo.messaging.notification";

impl NotifyDriver for LogDriver {
    fn name(&self) -> &'static str {
        "log"
    }

    fn notify<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), NotifyError>> {
        Box::pin(ready(write(event)))
    }
}

fn write(event: &Event) -> Result<(), NotifyError> {
    let event_type = event.notification.event_type.as_str();
    let priority = event.priority.lower();
    let json = masked_json(&RawJson::encode(&event.notification)?);
    // The level of a line is a constant of its place in the code.
    macro_rules! line {
        ($level:ident) => {
            tracing::event!(target: TARGET, tracing::Level::$level, event_type, priority, "{json}")
        };
    }
    match event.priority {
        Priority::Debug => line!(DEBUG),
        Priority::Audit | Priority::Info | Priority::Sample => line!(INFO),
        Priority::Warn => line!(WARN),
        Priority::Error | Priority::Critical => line!(ERROR),
    }
    Ok(())
}
