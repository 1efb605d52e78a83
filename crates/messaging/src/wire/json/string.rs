//! The text that a JSON string stands for.

use std::borrow::Cow;

use super::JsonError;
use super::special::copy_plain;

/// What becomes of the escape of a lone surrogate (`\ud800` without its other half), which
/// Python strings can hold and UTF-8 text cannot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lone {
    /// An error: somebody asked for exact text.
    Refuse,
    /// U+FFFD: the text is for people.
    Replace,
    /// The escape stays as it is: the text is JSON again, where it means the same.
    Keep,
}

/// Undoes the escapes of a scanned JSON string, given without its quotes.
pub(crate) fn unescape(raw: &str, lone: Lone) -> Result<Cow<'_, str>, JsonError> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(raw));
    }
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    loop {
        rest = rest.get(copy_plain(rest, &mut text)..).unwrap_or_default();
        if rest.is_empty() {
            return utf8(text).map(Cow::Owned);
        }
        let length = unescape_one(rest, lone, &mut text)?;
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// Undoes the scanned escape at the start of `bytes`, with the second half of a surrogate pair,
/// and tells its length.
pub(super) fn unescape_one(
    bytes: &[u8],
    lone: Lone,
    text: &mut Vec<u8>,
) -> Result<usize, JsonError> {
    let plain = match bytes.get(1) {
        Some(b'u') => return unescape_unicode(bytes, lone, text),
        Some(b'b') => 0x8,
        Some(b'f') => 0xc,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(other) => *other,
        None => b'\\',
    };
    text.push(plain);
    Ok(SIMPLE_ESCAPE)
}

/// The text of unescaped bytes. It is UTF-8 because the string was, and escapes only add
/// characters; checking it anew is cheaper than to push it character by character.
fn utf8(text: Vec<u8>) -> Result<String, JsonError> {
    String::from_utf8(text).map_err(|error| JsonError::Mismatch(error.to_string()))
}

fn unescape_unicode(bytes: &[u8], lone: Lone, text: &mut Vec<u8>) -> Result<usize, JsonError> {
    let unit = code_unit(bytes).unwrap_or_default();
    if let Some(character) = char::from_u32(unit) {
        push(character, text);
        return Ok(UNICODE_ESCAPE);
    }
    if (0xd800..0xdc00).contains(&unit)
        && let Some(low @ 0xdc00..0xe000) = bytes.get(UNICODE_ESCAPE..).and_then(code_unit)
        && let Some(pair) = char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
    {
        push(pair, text);
        return Ok(2 * UNICODE_ESCAPE);
    }
    match lone {
        Lone::Refuse => {
            let problem = format!("lone surrogate \\u{unit:04x}, which text cannot hold");
            return Err(JsonError::Mismatch(problem));
        }
        Lone::Replace => push(char::REPLACEMENT_CHARACTER, text),
        Lone::Keep => text.extend_from_slice(bytes.get(..UNICODE_ESCAPE).unwrap_or_default()),
    }
    Ok(UNICODE_ESCAPE)
}

/// Bytes of `\n`.
const SIMPLE_ESCAPE: usize = 2;

/// Bytes of `\u00e9`.
const UNICODE_ESCAPE: usize = 6;

/// The number in `\uXXXX`; `None` if the bytes start with something else.
fn code_unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    digits.iter().try_fold(0, |unit, digit| {
        Some(unit << 4 | char::from(*digit).to_digit(16)?)
    })
}

fn push(character: char, text: &mut Vec<u8>) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
