//! The members of a payload, as they are found and as they are written.

use std::ops::Range;
use std::sync::Arc;

use super::context::PREFIX;
use super::envelope::in_message;
use super::json::scan::{Scanner, Token};
use super::json::string_text;
use super::write::JsonWriter;
use super::{Id, JsonKind, Limits, RawJson, Text, WireError};

/// The text of a payload that is read, a JSON object. Values are slices of it.
pub(super) struct Payload(Arc<str>);

/// Where a member's value stands.
pub(super) type Place = Range<usize>;

impl Payload {
    pub(super) fn new(text: Arc<str>) -> Self {
        Self(text)
    }

    /// Checks the text, and shows each member's name, with its quotes, and where name and value
    /// stand.
    pub(super) fn scan(
        &self,
        limits: &Limits,
        mut member: impl FnMut(&str, Place, Place) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        let mut scanner = Scanner::new(&self.0, limits.depth);
        match scanner.next().map_err(in_message)? {
            Some((Token::Open(JsonKind::Object), _)) => {}
            _ => return Err(WireError::NotAnObject),
        }
        while let Some((name, value)) = scanner.member().map_err(in_message)? {
            member(self.0.get(name.clone()).unwrap_or_default(), name, value)?;
        }
        scanner.next().map_err(in_message)?;
        Ok(())
    }

    /// The value at a place.
    pub(super) fn json(&self, place: Place) -> RawJson {
        RawJson::slice(&self.0, place)
    }

    /// The string at a place, `None` if there is something else.
    pub(super) fn string(&self, place: Place) -> Option<Text> {
        let inside = place.start + 1..place.end.saturating_sub(1);
        let raw = self.0.get(inside.clone())?;
        if !self.0.get(place.clone())?.starts_with('"') {
            None
        } else if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
            Some(Text::slice(&self.0, inside))
        } else {
            Some(string_text(&Text::from(Arc::clone(&self.0)), place))
        }
    }

    /// The string at a place, or nothing if there is no place, or null.
    pub(super) fn text(
        &self,
        key: &'static str,
        place: Option<Place>,
    ) -> Result<Option<Text>, WireError> {
        match place {
            Some(place) if self.0.get(place.clone()) != Some("null") => match self.string(place) {
                Some(text) => Ok(Some(text)),
                None => Err(WireError::WrongType {
                    key,
                    expected: "a string",
                }),
            },
            _ => Ok(None),
        }
    }

    /// The context key that the member's name at a place (with its quotes) stands for, if any.
    pub(super) fn context_key(&self, name: Place) -> Option<Text> {
        let text = self.string(name)?;
        text.starts_with(PREFIX)
            .then(|| text.part(PREFIX.len()..text.len()))
    }
}

/// Writes `, "name": <json>`.
pub(super) fn json_member(writer: &mut JsonWriter<'_>, name: &str, json: &str) {
    writer.plain(", ");
    writer.name(name);
    writer.json(json);
}

/// Writes `, "name": "<text>"`.
pub(super) fn text_member(writer: &mut JsonWriter<'_>, name: &str, text: &str) {
    writer.plain(", ");
    writer.name(name);
    writer.string(text);
}

/// Writes `, "name": "<32 hex digits>"`.
pub(super) fn id_member(writer: &mut JsonWriter<'_>, name: &str, id: Id) {
    writer.plain(", ");
    writer.name(name);
    writer.id(id);
}
