//! Writing JSON straight into the body, also as text inside a JSON string.

use super::Id;
use super::json::special::{next_non_ascii, next_special, next_special_or_non_ascii};

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
            (true, charset) => escape(text, charset, |piece| self.out.extend_from_slice(piece)),
            (false, Charset::Utf8) => self.out.extend_from_slice(text.as_bytes()),
            (false, Charset::Ascii) => {
                escape_non_ascii(text, |piece| self.out.extend_from_slice(piece));
            }
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
        self.quote();
        self.plain(": ");
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

    /// Writes text as a part of a JSON string whose quotes are written elsewhere.
    pub(super) fn characters(&mut self, text: &str) {
        let nested = self.nested;
        escape(text, self.charset, |piece| match piece {
            // An escape inside a nested string: its backslash, and a quote behind it, once more.
            [b'\\', escaped @ ..] if nested => {
                self.out.extend_from_slice(b"\\\\");
                if let [b'"' | b'\\'] = escaped {
                    self.out.push(b'\\');
                }
                self.out.extend_from_slice(escaped);
            }
            piece => self.out.extend_from_slice(piece),
        });
    }

    /// Writes the quote around a string.
    pub(super) fn quote(&mut self) {
        self.out
            .extend_from_slice(if self.nested { b"\\\"" } else { b"\"" });
    }
}

/// Hands `text` to `sink` in pieces, each either plain or one whole escape, as the content of a
/// JSON string.
fn escape(text: &str, charset: Charset, mut sink: impl FnMut(&[u8])) {
    let next = match charset {
        Charset::Utf8 => next_special,
        Charset::Ascii => next_special_or_non_ascii,
    };
    let mut rest = text.as_bytes();
    loop {
        let (plain, after) = rest.split_at_checked(next(rest)).unwrap_or((rest, &[]));
        if !plain.is_empty() {
            sink(plain);
        }
        let Some((special, after)) = after.split_first() else {
            return;
        };
        rest = after;
        match special {
            b'"' => sink(b"\\\""),
            b'\\' => sink(b"\\\\"),
            b'\n' => sink(b"\\n"),
            b'\r' => sink(b"\\r"),
            b'\t' => sink(b"\\t"),
            0..=0x1f => sink(&unit_escape(u16::from(*special))),
            _ => rest = character_escape(text, after.len() + 1, &mut sink),
        }
    }
}

/// The same for text that is JSON already: only characters beyond ASCII need an escape, and those
/// stand in strings.
fn escape_non_ascii(text: &str, mut sink: impl FnMut(&[u8])) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, after) = rest
            .split_at_checked(next_non_ascii(rest))
            .unwrap_or((rest, &[]));
        sink(plain);
        if after.is_empty() {
            return;
        }
        rest = character_escape(text, after.len(), &mut sink);
    }
}

/// Escapes the character of `text` at `left` bytes before its end, as one or two code units, and
/// returns what is behind it.
fn character_escape<'a>(text: &'a str, left: usize, sink: &mut impl FnMut(&[u8])) -> &'a [u8] {
    let mut characters = text.get(text.len() - left..).unwrap_or_default().chars();
    if let Some(character) = characters.next() {
        for unit in character.encode_utf16(&mut [0; 2]) {
            sink(&unit_escape(*unit));
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
