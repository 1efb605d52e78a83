//! An event as it is shown.

use std::collections::BTreeMap;
use std::fmt;

use bergen::driver::IncomingNotification;
use bergen::wire::RawJson;
use serde::Serialize;

/// One event: as JSON with these members, or as a line for people.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    timestamp: &'a str,
    priority: &'a str,
    publisher_id: Option<&'a str>,
    event_type: &'a str,
    payload: &'a RawJson,
    context: BTreeMap<&'a str, &'a RawJson>,
    message_id: &'a str,
    redelivered: bool,
}

impl<'a> Line<'a> {
    pub(super) fn of(event: &'a IncomingNotification) -> Self {
        let notification = &event.notification;
        Self {
            timestamp: &notification.timestamp,
            priority: &notification.priority,
            publisher_id: notification.publisher_id.as_deref(),
            event_type: &notification.event_type,
            payload: &notification.payload,
            context: notification.context.iter().collect(),
            message_id: &notification.message_id,
            redelivered: event.redelivered,
        }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {} {}",
            self.timestamp,
            self.priority.to_uppercase(),
            self.publisher_id.unwrap_or("-"),
            self.event_type,
            self.payload.as_str(),
        )?;
        if self.redelivered {
            f.write_str(" (redelivered)")?;
        }
        Ok(())
    }
}
