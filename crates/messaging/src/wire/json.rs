//! JSON that stays text until somebody needs a value.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Charset, Text, scratch};

mod compare;
mod de;
mod error;
mod float;
pub(crate) mod scan;
mod ser;
mod serde_impls;
pub(crate) mod special;
pub(crate) mod string;
mod tagged;
mod tape;
#[cfg(test)]
mod tests;

pub use error::JsonError;

use scan::{MAX_DEPTH, Scanner, Token};
use string::{Lone, unescape};
use tape::Tape;

/// A JSON value as text: checked, cheap to clone, kept to the byte.
///
/// What a peer in Python sends is wider than standard JSON: the tokens `NaN`, `Infinity` and
/// `-Infinity`, integers of any size, lone surrogates. All of it is accepted, kept and passed on;
/// only [`decode`](Self::decode) into a type that cannot hold it fails.
///
/// `==` compares the text, so `1.0` differs from `1.00`; see [`json_eq`](Self::json_eq).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson(Text);

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number, `NaN`, `Infinity` or `-Infinity`.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl RawJson {
    /// Checks text. Space around the value is not kept.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, JsonError> {
        let text = text.into();
        let range = check(&text, MAX_DEPTH)?;
        Ok(Self::slice(&text, range))
    }

    /// Writes a value as JSON, short: without spaces, and with UTF-8 as it is.
    ///
    /// As the peers do it: floats that are NaN or infinite are the bare tokens `NaN`, `Infinity`
    /// and `-Infinity`; integers have all their digits; keys of maps that are numbers, booleans or
    /// `None` become text; bytes are text.
    ///
    /// # Errors
    /// A key of another kind, bytes that are not UTF-8, more than 512 levels of nesting, or what
    /// the value's own [`Serialize`] reports.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        Self::encode_in(value, Charset::Utf8)
    }

    /// Writes a value with the very bytes of Python's `json.dumps`: a space after each comma and
    /// colon, and escapes for all that is not printable ASCII.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_like_python<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        Self::encode_in(value, Charset::Ascii)
    }

    fn encode_in<T: Serialize + ?Sized>(value: &T, charset: Charset) -> Result<Self, JsonError> {
        scratch::with(|buffer| {
            ser::write(value, charset, buffer)?;
            if u32::try_from(buffer.len()).is_err() {
                return Err(JsonError::TooLong {
                    limit: u32::MAX as usize,
                });
            }
            let text = std::str::from_utf8(buffer)
                .map_err(|error| JsonError::Unencodable(error.to_string()))?;
            Ok(Self(Text::copy(text)))
        })
    }

    /// `null`.
    pub fn null() -> Self {
        Self(Text::from("null"))
    }

    /// `{}`.
    pub fn empty_object() -> Self {
        Self(Text::from("{}"))
    }

    /// `[]`.
    pub fn empty_array() -> Self {
        Self(Text::from("[]"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the value is.
    pub fn kind(&self) -> JsonKind {
        match self.as_str().as_bytes().first() {
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b'"') => JsonKind::String,
            Some(b't' | b'f') => JsonKind::Bool,
            Some(b'n') => JsonKind::Null,
            _ => JsonKind::Number,
        }
    }

    /// Whether the value is `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// Decodes the value into a type of the program.
    ///
    /// Python's oddities decode where the type can hold them: `NaN` and `Infinity` into `f64`, an
    /// integer of up to 128 bits into `i128`, the last of duplicate keys. What the type cannot
    /// hold is an error, for example a lone surrogate in a `String`.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, JsonError> {
        // serde_json is the fast path; what it refuses gets a second, tolerant reading.
        serde_json::from_str(self.as_str()).or_else(|_| {
            let tape = Tape::new(self.as_str())?;
            T::deserialize(tape.root())
        })
    }

    /// The string that the value is, `None` if it is of another kind. Lone surrogates become
    /// U+FFFD.
    pub fn as_text(&self) -> Option<Text> {
        let end = self.0.len();
        (self.kind() == JsonKind::String).then(|| string_text(&self.0, 0..end))
    }

    /// The members of an object in the order of the text, duplicates included (the last one
    /// counts); nothing for other kinds.
    pub fn members(&self) -> Members<'_> {
        let mut scanner = Scanner::new(self.as_str(), MAX_DEPTH);
        let object = matches!(scanner.next(), Ok(Some((Token::Open(JsonKind::Object), _))));
        Members {
            json: self,
            scanner: object.then_some(scanner),
        }
    }

    /// The elements of an array; nothing for other kinds.
    pub fn elements(&self) -> Elements<'_> {
        let mut scanner = Scanner::new(self.as_str(), MAX_DEPTH);
        let array = matches!(scanner.next(), Ok(Some((Token::Open(JsonKind::Array), _))));
        Elements {
            json: self,
            scanner: array.then_some(scanner),
        }
    }

    /// The value of the object's last member named `key`.
    pub fn member(&self, key: &str) -> Option<Self> {
        self.members()
            .filter(|(name, _)| name == key)
            .map(|(_, value)| value)
            .last()
    }

    /// Whether both stand for the same value: objects without regard to order, the last of
    /// duplicate keys, numbers by value, strings without regard to how they are escaped. Meant
    /// for tests; it reads both texts.
    pub fn json_eq(&self, other: &Self) -> bool {
        compare::same_value(self.as_str(), other.as_str())
    }

    /// A value inside this one.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        Self(self.0.part(range))
    }

    /// A value that is already checked.
    pub(crate) fn slice(source: &Arc<str>, range: Range<usize>) -> Self {
        Self(Text::slice(source, range))
    }
}

impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({})", self.as_str())
    }
}

/// Iterator of [`RawJson::members`].
pub struct Members<'a> {
    json: &'a RawJson,
    scanner: Option<Scanner<'a>>,
}

impl Iterator for Members<'_> {
    type Item = (Text, RawJson);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.scanner.as_mut()?.member().ok()??;
        Some((
            string_text(&self.json.0, member.name.range),
            self.json.part(member.value.range),
        ))
    }
}

impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Members").field(self.json).finish()
    }
}

/// Iterator of [`RawJson::elements`].
pub struct Elements<'a> {
    json: &'a RawJson,
    scanner: Option<Scanner<'a>>,
}

impl Iterator for Elements<'_> {
    type Item = RawJson;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, value) = self.scanner.as_mut()?.whole_value().ok()??;
        Some(self.json.part(value))
    }
}

impl fmt::Debug for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Elements").field(self.json).finish()
    }
}

/// Checks that the text is one JSON value, and tells where it stands.
pub(crate) fn check(text: &str, depth_limit: usize) -> Result<Range<usize>, JsonError> {
    if u32::try_from(text.len()).is_err() {
        return Err(JsonError::TooLong {
            limit: u32::MAX as usize,
        });
    }
    let mut scanner = Scanner::new(text, depth_limit);
    let value = scanner.whole_value()?;
    scanner.next()?;
    value.map(|(_, range)| range).ok_or(JsonError::Syntax {
        offset: 0,
        expected: "a value",
    })
}

/// The text of the scanned string at `range` (with quotes) of `source`: a slice of it if nothing
/// is escaped. Lone surrogates become U+FFFD.
pub(crate) fn string_text(source: &Text, range: Range<usize>) -> Text {
    let inside = range.start + 1..range.end.saturating_sub(1);
    let raw = source.get(inside.clone()).unwrap_or_default();
    match unescape(raw, Lone::Replace) {
        Ok(Cow::Owned(text)) => Text::from(text),
        _ => source.part(inside),
    }
}
