//! `--filter FIELD=REGEX`.

use bergen::notify::{Filter, FilterError, Notification};

use crate::exit::Failed;

#[cfg(test)]
mod tests;

/// One `--filter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    field: Field,
    pattern: String,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    EventType,
    PublisherId,
    Metadata(String),
    Context(Vec<String>),
    Payload(Vec<String>),
}

impl Rule {
    /// Reads one word.
    pub(super) fn parse(word: &str) -> Result<Self, String> {
        let (field, pattern) = word
            .split_once('=')
            .ok_or("write FIELD=REGEX, such as event_type=compute")?;
        let rule = Self {
            field: Field::parse(field)?,
            pattern: pattern.to_owned(),
        };
        // So that the message names this word.
        rule.add_to(Filter::default())
            .map_err(|error| error.to_string())?;
        Ok(rule)
    }

    fn add_to(&self, filter: Filter) -> Result<Filter, FilterError> {
        let pattern = self.pattern.as_str();
        match &self.field {
            Field::EventType => filter.event_type(pattern),
            Field::PublisherId => filter.publisher_id(pattern),
            Field::Metadata(key) => filter.metadata(key, pattern),
            Field::Context(path) => filter.context(path.clone(), pattern),
            Field::Payload(path) => filter.payload(path.clone(), pattern),
        }
    }
}

impl Field {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, keys) = match text.split_once('.') {
            Some((name, keys)) => (name, keys.split('.').map(str::to_owned).collect()),
            None => (text, Vec::new()),
        };
        match (name, keys.as_slice()) {
            ("event_type", []) => Ok(Self::EventType),
            ("publisher_id", []) => Ok(Self::PublisherId),
            ("metadata", [key]) if matches!(key.as_str(), "message_id" | "timestamp") => {
                Ok(Self::Metadata(key.clone()))
            }
            // Between two dots there is no key, so nothing could ever match.
            (_, keys) if keys.iter().any(String::is_empty) => {
                Err(format!("a key is missing in {text}: write payload.KEY.KEY"))
            }
            ("context", [_, ..]) => Ok(Self::Context(keys)),
            ("payload", [_, ..]) => Ok(Self::Payload(keys)),
            _ => Err(format!(
                "there is no field {text}: write event_type, publisher_id, metadata.message_id, \
                 metadata.timestamp, context.KEY or payload.KEY"
            )),
        }
    }
}

/// All of them, as one filter.
#[derive(Debug, Default)]
pub(super) struct Rules(Filter);

impl Rules {
    pub(super) fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, Failed> {
        let mut rules = rules.into_iter();
        let filter = rules.try_fold(Filter::default(), |filter, rule| rule.add_to(filter));
        let filter = filter.map_err(|error| Failed::Usage(format!("--filter: {error}")))?;
        Ok(Self(filter))
    }

    /// Whether the event meets all of them.
    pub(super) fn matches(&self, notification: &Notification) -> bool {
        self.0.matches(notification)
    }
}
