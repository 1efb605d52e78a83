//! The envelope: `{"oslo.version": "2.0", "oslo.message": "<payload as JSON text>"}`.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::json::scan::{MAX_DEPTH, Scanner, Token};
use super::json::{JsonError, JsonKind, RawJson, check};
use super::write::{Charset, JsonWriter};
use super::{Compression, MessageProperties, WireError, scratch};
use crate::target::Version;

/// What a receiver takes at most from one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body. Default 128 MiB, RabbitMQ's own largest message.
    pub body: usize,
    /// Bytes of a compressed body when it is decompressed. Default 128 MiB: what may come as it is may also come
    /// compressed.
    pub decompressed: usize,
    /// Levels of nested arrays and objects. Default and maximum 512; Python gives up at about
    /// 1000, and a typed value needs stack for each level.
    pub depth: usize,
    /// Keys of a request's context. Default 1000; real ones have about twenty.
    pub context_keys: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 128 << 20,
            decompressed: 128 << 20,
            depth: MAX_DEPTH,
            context_keys: 1000,
        }
    }
}

/// Takes the payload, a JSON object, out of a received body.
///
/// A body without one of the envelope's two keys is the payload itself (format 1.0). In that, the
/// pairs by which kombu marks times and other types are undone, as by the peers.
pub fn open(
    body: &[u8],
    properties: &MessageProperties,
    limits: &Limits,
) -> Result<RawJson, WireError> {
    let (text, enveloped) = unpack(body, properties, limits)?;
    let range = check(&text, limits.depth).map_err(in_message)?;
    let mut payload = RawJson::slice(&text, range);
    if !enveloped && payload.kind() == JsonKind::Object {
        // The whole of it may be a pair, and then it was no object.
        payload = payload.untagged();
    }
    match payload.kind() {
        JsonKind::Object => Ok(payload),
        _ => Err(WireError::NotAnObject),
    }
}

/// Writes the body for a payload.
pub fn seal(payload: &RawJson, charset: Charset) -> Bytes {
    write(charset, payload.as_str().len(), |writer| {
        writer.json(payload.as_str());
    })
}

/// Writes a body whose payload is the JSON that `payload` writes, about `length` bytes of it.
pub(super) fn write(
    charset: Charset,
    length: usize,
    payload: impl FnOnce(&mut JsonWriter<'_>),
) -> Bytes {
    scratch::with(|body| {
        // Quotes take two bytes: a quarter more suffices for most messages.
        body.reserve(ENVELOPE_LENGTH + length + length / 4);
        let mut writer = JsonWriter::new(body, charset);
        writer.plain("{\"oslo.version\": \"2.0\", \"oslo.message\": ");
        writer.nest(payload);
        writer.plain("}");
        if body.len() <= scratch::KEPT {
            Bytes::copy_from_slice(body)
        } else {
            Bytes::from(std::mem::take(body))
        }
    })
}

/// The text of the payload, not yet checked.
pub(super) fn payload_text(
    body: &[u8],
    properties: &MessageProperties,
    limits: &Limits,
) -> Result<Arc<str>, WireError> {
    unpack(body, properties, limits).map(|(text, _)| text)
}

/// The text of the payload, not yet checked, and whether it was in an envelope.
fn unpack(
    body: &[u8],
    properties: &MessageProperties,
    limits: &Limits,
) -> Result<(Arc<str>, bool), WireError> {
    check_properties(properties)?;
    if body.len() > limits.body.min(u32::MAX as usize) {
        return Err(WireError::TooLarge {
            length: body.len(),
            limit: limits.body,
        });
    }
    let decompressed;
    let body = match properties.compression.as_deref() {
        None => body,
        Some(name) => {
            decompressed = decompress(name, body, limits)?;
            decompressed.as_slice()
        }
    };
    scratch::with(|text| match scan(body, limits, text) {
        Ok(envelope) => envelope.payload(body, text),
        // Of bytes that are no text at all, that is said.
        Err(error) => Err(utf8(body).err().unwrap_or(error)),
    })
}

fn decompress(name: &str, body: &[u8], limits: &Limits) -> Result<Vec<u8>, WireError> {
    let compression = Compression::from_name(name)
        .ok_or_else(|| WireError::Compression(name.chars().take(MAX_SHOWN).collect()))?;
    compression.decompress(body, limits.decompressed.min(u32::MAX as usize))
}

/// The payload's part in an error.
pub(super) fn in_message(error: JsonError) -> WireError {
    WireError::Json {
        part: "message",
        error,
    }
}

fn in_body(error: JsonError) -> WireError {
    WireError::Json {
        part: "body",
        error,
    }
}

/// Braces, keys and version of an envelope.
const ENVELOPE_LENGTH: usize = 48;

/// How much of a peer's text is repeated in an error.
const MAX_SHOWN: usize = 40;

/// The two members of an envelope.
#[derive(Default)]
struct Envelope<'a> {
    /// The JSON of the version.
    version: Option<&'a [u8]>,
    message: Option<Message>,
}

enum Message {
    /// A string there, whose text was written elsewhere.
    Text(Range<usize>),
    /// Something else than a string.
    Other,
}

impl Envelope<'_> {
    /// The text of the payload in `body`, which is that of the message if the envelope is whole,
    /// and whether it is.
    fn payload(self, body: &[u8], text: &[u8]) -> Result<(Arc<str>, bool), WireError> {
        let (Some(version), Some(message)) = (self.version, self.message) else {
            return Ok((Arc::from(utf8(body)?), false));
        };
        let Message::Text(place) = message else {
            utf8(body)?;
            return Err(WireError::WrongType {
                key: "oslo.message",
                expected: "a string",
            });
        };
        // The message was unescaped from UTF-8 if its text is UTF-8, so that nothing is checked
        // twice.
        let (before, after) = (body.get(..place.start), body.get(place.end..));
        match (utf8(text), before.map(utf8), after.map(utf8)) {
            (Ok(text), Some(Ok(_)), Some(Ok(_))) => {
                check_version(version)?;
                Ok((Arc::from(text), true))
            }
            _ => Err(utf8(body).err().unwrap_or(WireError::NotUtf8(0))),
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, WireError> {
    std::str::from_utf8(bytes).map_err(|error| WireError::NotUtf8(error.valid_up_to()))
}

/// Finds the two members of the envelope, and writes the text of the message; other members are
/// ignored, and of duplicate ones the last counts.
fn scan<'a>(
    body: &'a [u8],
    limits: &Limits,
    text: &mut Vec<u8>,
) -> Result<Envelope<'a>, WireError> {
    let mut scanner = Scanner::of_bytes(body, limits.depth);
    match scanner.next().map_err(in_body)? {
        Some((Token::Open(JsonKind::Object), _)) => {}
        _ => return Err(WireError::NotAnObject),
    }
    let mut envelope = Envelope::default();
    while let Some(name) = scanner.name().map_err(in_body)? {
        match body.get(name.range).unwrap_or_default() {
            b"\"oslo.message\"" => {
                text.clear();
                // No copy is made but this one, so that it can not grow while it is written.
                text.reserve(body.len());
                // An escape of a lone surrogate stays: it can only stand in a string of the
                // payload, where it means the same.
                envelope.message = match scanner.unescaped_string(text).map_err(in_body)? {
                    Some(place) => Some(Message::Text(place)),
                    None => scanner
                        .whole_value()
                        .map_err(in_body)?
                        .map(|_| Message::Other),
                };
            }
            b"\"oslo.version\"" => {
                let value = scanner.whole_value().map_err(in_body)?;
                envelope.version = value.and_then(|(_, place)| body.get(place));
            }
            _ => {
                scanner.whole_value().map_err(in_body)?;
            }
        }
    }
    scanner.next().map_err(in_body)?;
    Ok(envelope)
}

/// Major 2, minor 0, no revision above 0: what [`Version::accepts`] says of 2.0.
fn check_version(version: &[u8]) -> Result<(), WireError> {
    if version == b"\"2.0\"" {
        return Ok(());
    }
    let version = utf8(version)?;
    let known = string_content(version)
        .and_then(|version| version.parse().ok())
        .is_some_and(|version| Version::new(2, 0).accepts(version));
    if known {
        Ok(())
    } else {
        Err(WireError::EnvelopeVersion(
            version.chars().take(MAX_SHOWN).collect(),
        ))
    }
}

fn check_properties(properties: &MessageProperties) -> Result<(), WireError> {
    match properties.content_type.as_deref() {
        Some(MessageProperties::JSON) => {}
        other => {
            let shown = other.map(|other| other.chars().take(MAX_SHOWN).collect());
            return Err(WireError::ContentType(shown));
        }
    }
    match properties.content_encoding.as_deref() {
        None => Ok(()),
        Some(encoding) if is_utf8(encoding) => Ok(()),
        Some(other) => Err(WireError::ContentEncoding(
            other.chars().take(MAX_SHOWN).collect(),
        )),
    }
}

/// The encodings whose text is UTF-8 text, under Python's names.
fn is_utf8(encoding: &str) -> bool {
    ["utf-8", "utf8", "us-ascii", "ascii"]
        .iter()
        .any(|name| encoding.eq_ignore_ascii_case(name))
}

/// What stands between the quotes of a scanned string; `None` for other values.
fn string_content(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}
