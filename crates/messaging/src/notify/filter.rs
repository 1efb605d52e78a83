//! Which events an endpoint is told of.

use regex::Regex;

use super::Notification;
use crate::wire::{RawJson, Text};

/// Rules that an event must meet, all of them (the peer's `NotificationFilter`).
///
/// Each is a regular expression that has to match at the start of a text, as Python's `re.match`. What is missing or is
/// no text meets no rule.
///
/// ```
/// use bergen_messaging::notify::Filter;
///
/// let active_instances = Filter::default()
///     .event_type(r"compute\.instance\.")?
///     .context("roles", "private")?
///     .payload(["instance", "state"], "active$")?;
/// # Ok::<(), bergen_messaging::notify::FilterError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Filter {
    rules: Vec<Rule>,
}

/// Why there is no such rule: the expression can't be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the rule for {field}: {cause}")]
pub struct FilterError {
    /// What the rule is for.
    pub field: &'static str,
    /// What is wrong with it; names the expression.
    pub cause: regex::Error,
}

/// Where a value stands in an object: its key, or several keys, each inside the value of the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath(Vec<String>);

impl From<&str> for KeyPath {
    /// A key of the object itself, whatever characters it has.
    fn from(key: &str) -> Self {
        Self(vec![key.to_owned()])
    }
}

impl<const N: usize> From<[&str; N]> for KeyPath {
    fn from(keys: [&str; N]) -> Self {
        Self(keys.map(str::to_owned).into())
    }
}

impl From<Vec<String>> for KeyPath {
    fn from(keys: Vec<String>) -> Self {
        Self(keys)
    }
}

impl Filter {
    /// The publisher must match.
    ///
    /// # Errors
    /// The expression can't be read.
    pub fn publisher_id(self, pattern: &str) -> Result<Self, FilterError> {
        self.with(Field::PublisherId, pattern)
    }

    /// The event type must match.
    ///
    /// # Errors
    /// The expression can't be read.
    pub fn event_type(self, pattern: &str) -> Result<Self, FilterError> {
        self.with(Field::EventType, pattern)
    }

    /// This value of the context must match.
    ///
    /// # Errors
    /// The expression can't be read.
    pub fn context(self, path: impl Into<KeyPath>, pattern: &str) -> Result<Self, FilterError> {
        self.with(Field::Context(path.into()), pattern)
    }

    /// This value of the metadata must match: `message_id` or `timestamp`, there is nothing else.
    ///
    /// # Errors
    /// The expression can't be read.
    pub fn metadata(self, key: &str, pattern: &str) -> Result<Self, FilterError> {
        self.with(Field::Metadata(key.to_owned()), pattern)
    }

    /// This value of the payload must match.
    ///
    /// # Errors
    /// The expression can't be read.
    pub fn payload(self, path: impl Into<KeyPath>, pattern: &str) -> Result<Self, FilterError> {
        self.with(Field::Payload(path.into()), pattern)
    }

    /// Whether the event meets all rules. Without rules every event does.
    pub fn matches(&self, notification: &Notification) -> bool {
        self.rules.iter().all(|rule| rule.is_met_by(notification))
    }

    fn with(mut self, field: Field, pattern: &str) -> Result<Self, FilterError> {
        let name = field.name();
        let error = |cause| FilterError { field: name, cause };
        // Read by itself first: what is an expression only inside the parentheses is none.
        Regex::new(pattern).map_err(error)?;
        let at_start = Regex::new(&format!(r"\A(?:{pattern})")).map_err(error)?;
        self.rules.push(Rule { field, at_start });
        Ok(self)
    }
}

#[derive(Debug, Clone)]
struct Rule {
    field: Field,
    at_start: Regex,
}

#[derive(Debug, Clone)]
enum Field {
    PublisherId,
    EventType,
    Context(KeyPath),
    Metadata(String),
    Payload(KeyPath),
}

impl Rule {
    fn is_met_by(&self, notification: &Notification) -> bool {
        let matches = |text: &str| self.at_start.is_match(text);
        match &self.field {
            Field::PublisherId => notification.publisher_id.as_deref().is_some_and(matches),
            Field::EventType => present(&notification.event_type).is_some_and(matches),
            Field::Metadata(key) => {
                let value = match key.as_str() {
                    "message_id" => present(&notification.message_id),
                    "timestamp" => present(&notification.timestamp),
                    _ => None,
                };
                value.is_some_and(matches)
            }
            Field::Context(KeyPath(path)) => path
                .split_first()
                .and_then(|(key, rest)| text_at(notification.context.raw(key)?.clone(), rest))
                .is_some_and(|text| matches(text.as_str())),
            Field::Payload(KeyPath(path)) => text_at(notification.payload.clone(), path)
                .is_some_and(|text| matches(text.as_str())),
        }
    }
}

impl Field {
    fn name(&self) -> &'static str {
        match self {
            Self::PublisherId => "publisher_id",
            Self::EventType => "event_type",
            Self::Context(_) => "context",
            Self::Metadata(_) => "metadata",
            Self::Payload(_) => "payload",
        }
    }
}

/// A member that was not in the message is empty after decoding.
fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn text_at(value: RawJson, path: &[String]) -> Option<Text> {
    path.iter()
        .try_fold(value, |value, key| value.member(key))?
        .as_text()
}

#[cfg(test)]
mod tests;
