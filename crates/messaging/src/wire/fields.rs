//! The members of a payload, as they are found and as they are written.

use std::sync::Arc;

use super::context::PREFIX;
use super::envelope::in_message;
pub(super) use super::json::scan::Place;
use super::json::scan::{Scanner, Token};
use super::json::string_text;
use super::write::JsonWriter;
use super::{Id, JsonKind, Limits, RawJson, Text, WireError};
use crate::target::Version;

/// The text of a payload that is read, a JSON object. Values are slices of it.
pub(super) struct Payload(Arc<str>);

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
        while let Some(found) = scanner.member().map_err(in_message)? {
            let name = self.at(&found.name);
            member(name, found.name, found.value)?;
        }
        scanner.next().map_err(in_message)?;
        Ok(())
    }

    /// The value at a place.
    pub(super) fn json(&self, place: Place) -> RawJson {
        RawJson::slice(&self.0, place.range)
    }

    /// Whether `true` stands at a place.
    pub(super) fn is_true(&self, place: &Place) -> bool {
        self.at(place) == "true"
    }

    /// The string at a place, `None` if there is something else.
    pub(super) fn string(&self, place: Place) -> Option<Text> {
        let Place { range, plain } = place;
        if plain {
            Some(Text::slice(&self.0, range.start + 1..range.end - 1))
        } else if self.0.get(range.clone())?.starts_with('"') {
            Some(string_text(&Text::from(Arc::clone(&self.0)), range))
        } else {
            None
        }
    }

    /// The string at a place, or nothing if there is no place, or null.
    pub(super) fn text(
        &self,
        key: &'static str,
        place: Option<Place>,
    ) -> Result<Option<Text>, WireError> {
        let Some(place) = place else {
            return Ok(None);
        };
        if !place.plain && self.at(&place) == "null" {
            return Ok(None);
        }
        match self.string(place) {
            Some(text) => Ok(Some(text)),
            None => Err(WireError::WrongType {
                key,
                expected: "a string",
            }),
        }
    }

    /// What stands at a place.
    fn at(&self, place: &Place) -> &str {
        self.0.get(place.range.clone()).unwrap_or_default()
    }

    /// The context key that the member's name at a place (with its quotes) stands for, if any.
    pub(super) fn context_key(&self, name: Place) -> Option<Text> {
        if name.plain {
            let start = name.range.start + 1 + PREFIX.len();
            let is_context = self.at(&name).get(1..)?.starts_with(PREFIX);
            return is_context.then(|| Text::slice(&self.0, start..name.range.end - 1));
        }
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

/// Writes `, "name": "<major.minor>"`.
pub(super) fn version_member(writer: &mut JsonWriter<'_>, name: &str, version: Version) {
    writer.plain(", ");
    writer.name(name);
    writer.quote();
    writer.number(version.major);
    writer.plain(".");
    writer.number(version.minor);
    if version.revision != 0 {
        writer.plain(".");
        writer.number(version.revision);
    }
    writer.quote();
}
