//! The context of a request: who asks, and what rides along.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::write::JsonWriter;
use super::{JsonError, RawJson, Text};

/// What a caller tells of itself: user, project, request id, roles, trace fields, and whatever
/// else it puts there. Each key travels as `_context_<key>` and is rebuilt by the receiver.
///
/// Cheap to clone; values stay JSON text until they are asked for.
///
/// ```
/// use bergen_messaging::wire::Context;
///
/// let mut context = Context::default();
/// context.insert("user_id", "u1")?;
/// context.insert("roles", &["admin"])?;
/// assert_eq!(context.get::<Vec<String>>("roles")?, Some(vec!["admin".to_owned()]));
/// # Ok::<(), bergen_messaging::wire::JsonError>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Context {
    entries: Option<Arc<Vec<(Text, RawJson)>>>,
    client_timeout: Option<RawJson>,
}

impl Context {
    /// Sets a key to a value written as JSON.
    pub fn insert<T: Serialize + ?Sized>(
        &mut self,
        key: impl Into<String>,
        value: &T,
    ) -> Result<(), JsonError> {
        self.insert_raw(Text::from(key.into()), RawJson::encode(value)?);
        Ok(())
    }

    /// Sets a key to a value that is JSON already.
    pub fn insert_raw(&mut self, key: impl Into<Text>, value: RawJson) {
        let key = key.into();
        let entries = Arc::make_mut(self.entries.get_or_insert_default());
        match entries.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => entries.push((key, value)),
        }
    }

    /// Decodes the value of a key. `null` decodes as the type says; a missing key is `None`.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, key: &str) -> Result<Option<T>, JsonError> {
        self.raw(key).map(RawJson::decode).transpose()
    }

    /// The value of a key as JSON.
    pub fn raw(&self, key: &str) -> Option<&RawJson> {
        self.iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// Removes a key and yields its value.
    pub fn remove(&mut self, key: &str) -> Option<RawJson> {
        let index = self.iter().position(|(name, _)| name == key)?;
        let entries = Arc::make_mut(self.entries.as_mut()?);
        Some(entries.remove(index).1)
    }

    /// All keys and values, in the order of the message or of insertion.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawJson)> {
        self.entries
            .iter()
            .flat_map(|entries| entries.iter())
            .map(|(key, value)| (&**key, value))
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, |entries| entries.len())
    }

    /// In a received context: the caller's monitor timeout (`_timeout`), which Python peers see
    /// as the extra key `client_timeout`. `None` if the call is not monitored. It is no member of
    /// the context, so a nested call does not send it on.
    pub fn client_timeout(&self) -> Option<Duration> {
        let seconds = self.client_timeout.as_ref()?.decode().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The context as the server of a call gets it that is monitored with this timeout; for drivers that hand requests
    /// over without writing them. `None` is a request that is not monitored.
    #[must_use]
    pub fn with_client_timeout(mut self, timeout: Option<Duration>) -> Self {
        let seconds = timeout.map(|timeout| RawJson::encode(&timeout.as_secs_f64()));
        self.client_timeout = seconds.and_then(Result::ok);
        self
    }

    /// A received context; the later of duplicate keys counts.
    pub(super) fn received(entries: Vec<(Text, RawJson)>, client_timeout: Option<RawJson>) -> Self {
        let entries = without_duplicates(entries);
        Self {
            entries: (!entries.is_empty()).then(|| Arc::new(entries)),
            client_timeout,
        }
    }

    /// Writes `, "_context_<key>": <value>` for each key.
    pub(super) fn write(&self, writer: &mut JsonWriter<'_>) {
        for (key, value) in self.iter() {
            writer.plain(", ");
            writer.quote();
            writer.plain(PREFIX);
            writer.characters(key);
            writer.quote();
            writer.plain(": ");
            writer.json(value.as_str());
        }
    }

    /// About how many bytes [`write`](Self::write) writes.
    pub(super) fn length(&self) -> usize {
        self.iter()
            .map(|(key, value)| 16 + key.len() + value.as_str().len())
            .sum()
    }
}

impl fmt::Debug for Context {
    /// Keys only: values hold tokens and other secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(|(key, _)| key))
            .finish()
    }
}

/// The prefix that marks a context key in a request.
pub(super) const PREFIX: &str = "_context_";

/// Quadratic, but over the few keys that [`super::Limits`] lets through.
fn without_duplicates(entries: Vec<(Text, RawJson)>) -> Vec<(Text, RawJson)> {
    let repeated = |index: usize, key: &Text| {
        entries
            .iter()
            .skip(index + 1)
            .any(|(later, _)| later == key)
    };
    if !entries
        .iter()
        .enumerate()
        .any(|(index, (key, _))| repeated(index, key))
    {
        return entries;
    }
    let kept = entries
        .iter()
        .enumerate()
        .filter(|(index, (key, _))| !repeated(*index, key));
    kept.map(|(_, entry)| entry.clone()).collect()
}
