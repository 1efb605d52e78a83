//! Writing JSON straight into the body, also as text inside a JSON string.

use std::io::Write;

use super::Id;
use super::json::special::{copy_plain, copy_plain_ascii, next_non_ascii};

/// How characters beyond ASCII are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// As UTF-8: shorter and faster, and every JSON reader takes it.
    #[default]
    Utf8,
    /// As `\uXXXX` escapes, exactly like the Python peers.
    Ascii,
}

/// Appends JSON to a body.
pub(super) struct JsonWriter<'a> {
    out: &'a mut Vec<u8>,
    charset: Charset,
    /// Whether what is written is the content of a JSON string.
    nested: bool,
}

impl<'a> JsonWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, charset: Charset) -> Self {
        Self {
            out,
            charset,
            nested: false,
        }
    }

    /// Writes a JSON string whose content is the JSON that `content` writes.
    pub(super) fn nest(&mut self, content: impl FnOnce(&mut JsonWriter<'_>)) {
        self.quote();
        content(&mut JsonWriter {
            out: self.out,
            charset: self.charset,
            nested: true,
        });
        self.quote();
    }

    /// Writes text that is JSON.
    pub(super) fn json(&mut self, text: &str) {
        match (self.nested, self.charset) {
            (true, charset) => escape(text, charset, Inside::Json, self.out),
            (false, Charset::Utf8) => self.out.extend_from_slice(text.as_bytes()),
            (false, Charset::Ascii) => escape_non_ascii(text, self.out),
        }
    }

    /// Writes punctuation: JSON without quotes, backslashes and line ends.
    pub(super) fn plain(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes the name of a member that needs no escapes, and the colon.
    pub(super) fn name(&mut self, name: &str) {
        self.quote();
        self.plain(name);
        let end: &[u8] = if self.nested { b"\\\": " } else { b"\": " };
        self.out.extend_from_slice(end);
    }

    /// Writes text as a JSON string.
    pub(super) fn string(&mut self, text: &str) {
        self.quote();
        self.characters(text);
        self.quote();
    }

    /// Writes an id as a JSON string.
    pub(super) fn id(&mut self, id: Id) {
        self.quote();
        self.out.extend_from_slice(&id.digits());
        self.quote();
    }

    /// Writes a number.
    pub(super) fn number(&mut self, number: u32) {
        match u8::try_from(number) {
            Ok(digit @ 0..=9) => self.out.push(b'0' + digit),
            // A vector takes everything.
            _ => _ = write!(self.out, "{number}"),
        }
    }

    /// Writes text as a part of a JSON string whose quotes are written elsewhere.
    pub(super) fn characters(&mut self, text: &str) {
        let inside = if self.nested {
            Inside::StringOfJson
        } else {
            Inside::Text
        };
        escape(text, self.charset, inside, self.out);
    }

    /// Writes the quote around a string.
    pub(super) fn quote(&mut self) {
        self.out
            .extend_from_slice(if self.nested { b"\\\"" } else { b"\"" });
    }
}

/// What the content of a string is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Text.
    Text,
    /// JSON, as the message in an envelope is.
    Json,
    /// Text that is a string in JSON that is a string.
    StringOfJson,
}

/// Appends `text` as the content of a JSON string.
fn escape(text: &str, charset: Charset, inside: Inside, out: &mut Vec<u8>) {
    let copy = match charset {
        Charset::Utf8 => copy_plain,
        Charset::Ascii => copy_plain_ascii,
    };
    let twice = inside == Inside::StringOfJson;
    let mut rest = text.as_bytes();
    loop {
        let plain = copy(rest, out);
        let Some((special, after)) = rest.get(plain..).and_then(<[u8]>::split_first) else {
            return;
        };
        rest = after;
        match special {
            b'"' if twice => out.extend_from_slice(b"\\\\\\\""),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' if twice => out.extend_from_slice(b"\\\\\\\\"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0..=0x1f => {
                if twice {
                    out.push(b'\\');
                }
                match special {
                    0x08 => out.extend_from_slice(b"\\b"),
                    b'\t' => out.extend_from_slice(b"\\t"),
                    b'\n' => out.extend_from_slice(b"\\n"),
                    0x0c => out.extend_from_slice(b"\\f"),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    _ => out.extend_from_slice(&unit_escape(u16::from(*special))),
                }
            }
            // In JSON, such a character stands in a string, where a peer would have escaped it.
            _ => rest = character_escape(text, after.len() + 1, inside != Inside::Text, out),
        }
    }
}

/// The same for text that is JSON already: only characters beyond ASCII need an escape, and those
/// stand in strings.
fn escape_non_ascii(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, after) = rest
            .split_at_checked(next_non_ascii(rest))
            .unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        if after.is_empty() {
            return;
        }
        rest = character_escape(text, after.len(), false, out);
    }
}

/// Escapes the character of `text` at `left` bytes before its end, as one or two code units, and
/// returns what is behind it. If it is `twice` inside, the backslash is escaped too.
fn character_escape<'a>(text: &'a str, left: usize, twice: bool, out: &mut Vec<u8>) -> &'a [u8] {
    let mut characters = text.get(text.len() - left..).unwrap_or_default().chars();
    if let Some(character) = characters.next() {
        for unit in character.encode_utf16(&mut [0; 2]) {
            if twice {
                out.push(b'\\');
            }
            out.extend_from_slice(&unit_escape(*unit));
        }
    }
    characters.as_str().as_bytes()
}

/// `\uXXXX`.
fn unit_escape(unit: u16) -> [u8; 6] {
    let digit = |shift: u16| {
        let nibble = (unit >> shift & 0xf) as u8;
        if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        }
    };
    [b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]
}
