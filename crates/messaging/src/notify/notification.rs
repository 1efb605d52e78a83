//! The payload of a notification.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::wire::envelope::{open, seal};
use crate::wire::{
    Charset, Context, Id, JsonError, Limits, MessageProperties, RawJson, Text, WireError,
};

/// One event as it travels.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// A dashed UUID; the same for all topics that the event is published to.
    pub message_id: String,
    /// Who publishes, by convention `<service>.<host>`.
    pub publisher_id: Option<String>,
    /// What happened, for example `compute.instance.create.start`.
    pub event_type: String,
    /// The priority as it is written, upper case from every notifier; receivers ignore its case.
    pub priority: String,
    /// What is told about it.
    pub payload: RawJson,
    /// When: UTC, `YYYY-MM-DD HH:MM:SS.ffffff`.
    pub timestamp: String,
    /// By which copies of the message are known. Set on receipt; the driver chooses one for each publish.
    pub unique_id: Option<String>,
    /// Who caused it.
    pub context: Context,
}

impl Notification {
    /// An event that happens now.
    pub fn new(
        publisher_id: impl Into<String>,
        event_type: impl Into<String>,
        priority: Priority,
        payload: RawJson,
    ) -> Self {
        Self {
            message_id: dashed(Id::new()),
            publisher_id: Some(publisher_id.into()),
            event_type: event_type.into(),
            priority: priority.upper().to_owned(),
            payload,
            timestamp: timestamp(SystemTime::now()),
            unique_id: None,
            context: Context::default(),
        }
    }

    /// The body to publish: in the envelope (format 2.0), or `bare` (format 1.0).
    ///
    /// # Errors
    /// The body would be too long.
    pub fn encode(&self, bare: bool, charset: Charset) -> Result<Bytes, JsonError> {
        let payload = match charset {
            Charset::Utf8 => RawJson::encode(self)?,
            Charset::Ascii => RawJson::encode_like_python(self)?,
        };
        Ok(if bare {
            Bytes::from(payload.as_str().to_owned())
        } else {
            seal(&payload, charset)
        })
    }

    /// Reads a received body of either format. Unknown members are ignored, and missing ones are empty, as in the
    /// peer.
    ///
    /// # Errors
    /// The body is not a message of the peers; it is to be rejected without requeue.
    pub fn decode(
        body: &[u8],
        properties: &MessageProperties,
        limits: &Limits,
    ) -> Result<Self, WireError> {
        let object = open(body, properties, limits)?;
        let mut notification = Self {
            message_id: String::new(),
            publisher_id: None,
            event_type: String::new(),
            priority: String::new(),
            payload: RawJson::null(),
            timestamp: String::new(),
            unique_id: None,
            context: Context::default(),
        };
        for (key, value) in object.members() {
            let text = || value.as_text().map(|text| text.as_str().to_owned());
            match key.as_str() {
                "message_id" => notification.message_id = text().unwrap_or_default(),
                "publisher_id" => notification.publisher_id = text(),
                "event_type" => notification.event_type = text().unwrap_or_default(),
                "priority" => notification.priority = text().unwrap_or_default(),
                "payload" => notification.payload = value,
                "timestamp" => notification.timestamp = text().unwrap_or_default(),
                "_unique_id" => notification.unique_id = text(),
                key => {
                    let Some(key) = key.strip_prefix(CONTEXT) else {
                        continue;
                    };
                    if notification.context.len() >= limits.context_keys {
                        return Err(WireError::TooManyContextKeys(limits.context_keys));
                    }
                    notification.context.insert_raw(Text::copy(key), value);
                }
            }
        }
        Ok(notification)
    }
}

impl Serialize for Notification {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("message_id", &self.message_id)?;
        map.serialize_entry("publisher_id", &self.publisher_id)?;
        map.serialize_entry("event_type", &self.event_type)?;
        map.serialize_entry("priority", &self.priority)?;
        map.serialize_entry("payload", &self.payload)?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        if let Some(unique_id) = &self.unique_id {
            map.serialize_entry("_unique_id", unique_id)?;
        }
        for (key, value) in self.context.iter() {
            map.serialize_entry(&format!("{CONTEXT}{key}"), value)?;
        }
        map.end()
    }
}

/// How urgent an event is. Listeners subscribe by priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Priority {
    /// For billing and compliance.
    Audit,
    /// For developers.
    Debug,
    /// The usual one.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
    /// Something failed that others depend on.
    Critical,
    /// A measurement.
    Sample,
}

impl Priority {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Audit,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Critical,
        Self::Sample,
    ];

    /// The priority of this name in any case, as it may stand in a payload; none if the peers know no such one.
    pub fn parse(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|priority| priority.lower().eq_ignore_ascii_case(name))
    }

    /// As it stands in the payload.
    pub const fn upper(self) -> &'static str {
        match self {
            Self::Audit => "AUDIT",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
            Self::Sample => "SAMPLE",
        }
    }

    /// As it stands in routing keys and queue names.
    pub const fn lower(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Sample => "sample",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.lower())
    }
}

const CONTEXT: &str = "_context_";

/// An id in the usual form of a UUID.
fn dashed(id: Id) -> String {
    let hex = id.to_string();
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    [
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    ]
    .join("-")
}

/// UTC, as Python prints a `datetime`: without the fraction if it is zero.
fn timestamp(time: SystemTime) -> String {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (year, month, day) = civil_date(since_epoch.as_secs() / SECONDS_A_DAY);
    let second = since_epoch.as_secs() % SECONDS_A_DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = match since_epoch.subsec_micros() {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}")
}

const SECONDS_A_DAY: u64 = 86_400;

/// Year, month and day of the proleptic Gregorian calendar, counted from 1970-01-01.
fn civil_date(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the leap day is the last of its year and months have a regular pattern of
    // lengths: 153 days for each five.
    let days = days + 719_468; // since 0000-03-01
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests;
