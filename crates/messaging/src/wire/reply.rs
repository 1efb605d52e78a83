//! The answer to a call.

use bytes::Bytes;

use super::envelope::{payload_text, write};
use super::fields::{Payload, Place, id_member, json_member, text_member};
use super::request::CANCEL;
use super::write::JsonWriter;
use super::{Charset, Failure, Id, JsonKind, Limits, MessageProperties, RawJson, Text, WireError};

/// What a server sends to a caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The method returned this.
    Result(RawJson),
    /// The method failed.
    Failure(Failure),
    /// The method still runs; only callers that asked for it get this.
    KeepAlive,
    /// The method still runs and can be cancelled by a message to this queue; only callers whose request says that they
    /// understand it get this. A keep-alive with one member more.
    Cancellable {
        /// The server's control queue.
        control_queue: Text,
    },
    /// Not an answer, but what a caller sends to a control queue: it has given the call up. Looks like a keep-alive to
    /// whoever does not understand it.
    Cancel,
}

/// Writes the body of a reply to the call `msg_id`. Each message has its own `unique_id`.
pub fn encode_reply(msg_id: &str, outcome: &Outcome, unique_id: Id, charset: Charset) -> Bytes {
    let (result, failure, ending) = match outcome {
        Outcome::Result(result) => (result.as_str(), None, "true"),
        Outcome::Failure(failure) => ("null", Some(failure), "true"),
        Outcome::KeepAlive | Outcome::Cancellable { .. } | Outcome::Cancel => {
            ("null", None, "false")
        }
    };
    write(
        charset,
        FIXED_LENGTH + result.len() + msg_id.len(),
        |writer| {
            head(writer, result, failure, ending);
            text_member(writer, "_msg_id", msg_id);
            id_member(writer, "_unique_id", unique_id);
            match outcome {
                Outcome::Cancellable { control_queue } => {
                    text_member(writer, CONTROL_QUEUE, control_queue);
                }
                Outcome::Cancel => json_member(writer, CANCEL, "true"),
                Outcome::Result(_) | Outcome::Failure(_) | Outcome::KeepAlive => {}
            }
            writer.plain("}");
        },
    )
}

/// A received reply.
///
/// One message with [`ending`](Self::ending) set ends a call. Before it there may be keep-alives
/// and, from servers older than 4.0.0, a message with the result alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// What the method returned; `null` on failure and in keep-alives.
    pub result: RawJson,
    /// Why the method failed.
    pub failure: Option<Failure>,
    /// Whether this is the last message of the call.
    pub ending: bool,
    /// The id of the call.
    pub msg_id: Text,
    /// By which copies of the message are known.
    pub unique_id: Option<Text>,
    /// The queue in which the server listens for the cancel of this call.
    pub control_queue: Option<Text>,
    /// Whether this is no reply at all, but the cancel of a call that this side serves.
    pub cancel: bool,
}

impl Reply {
    /// Whether the message only says that the method still runs.
    pub fn is_keep_alive(&self) -> bool {
        !self.ending && !self.cancel && self.failure.is_none() && self.result.is_null()
    }

    /// Writes the body that [`decode_reply`] reads.
    pub fn encode(&self, charset: Charset) -> Bytes {
        let result = self.result.as_str();
        write(
            charset,
            FIXED_LENGTH + result.len() + self.msg_id.len(),
            |writer| {
                let ending = if self.ending { "true" } else { "false" };
                head(writer, result, self.failure.as_ref(), ending);
                text_member(writer, "_msg_id", &self.msg_id);
                if let Some(unique_id) = &self.unique_id {
                    text_member(writer, "_unique_id", unique_id);
                }
                if let Some(control_queue) = &self.control_queue {
                    text_member(writer, CONTROL_QUEUE, control_queue);
                }
                if self.cancel {
                    json_member(writer, CANCEL, "true");
                }
                writer.plain("}");
            },
        )
    }
}

/// Reads the body of a reply.
///
/// Where the Python client crashes, this yields a value: a missing `failure` is none, a failure
/// that is an object instead of text is read all the same, one that is neither becomes a
/// [`Failure`] with the text as its message, and `ending` counts as in Python (missing is
/// false, 1 is true).
pub fn decode_reply(
    body: &[u8],
    properties: &MessageProperties,
    limits: &Limits,
) -> Result<Reply, WireError> {
    let payload = Payload::new(payload_text(body, properties, limits)?);
    let fields = Fields::find(&payload, limits)?;
    let json = |place: Option<Place>| place.map(|place| payload.json(place));
    let missing = WireError::Missing("_msg_id");
    Ok(Reply {
        result: json(fields.result).unwrap_or_else(RawJson::null),
        failure: json(fields.failure).and_then(|failure| Failure::read(&failure, limits)),
        ending: json(fields.ending).is_some_and(|ending| is_truthy(&ending)),
        msg_id: payload.text("_msg_id", fields.msg_id)?.ok_or(missing)?,
        unique_id: payload.text("_unique_id", fields.unique_id)?,
        control_queue: fields.control_queue.and_then(|place| payload.string(place)),
        cancel: fields.cancel.is_some_and(|place| payload.is_true(&place)),
    })
}

/// Where the members of a reply stand.
#[derive(Default)]
struct Fields {
    result: Option<Place>,
    failure: Option<Place>,
    ending: Option<Place>,
    msg_id: Option<Place>,
    unique_id: Option<Place>,
    control_queue: Option<Place>,
    cancel: Option<Place>,
}

impl Fields {
    fn find(payload: &Payload, limits: &Limits) -> Result<Self, WireError> {
        let mut fields = Self::default();
        payload.scan(limits, |name, _, value| {
            let slot = match name {
                "\"result\"" => &mut fields.result,
                "\"failure\"" => &mut fields.failure,
                "\"ending\"" => &mut fields.ending,
                "\"_msg_id\"" => &mut fields.msg_id,
                "\"_unique_id\"" => &mut fields.unique_id,
                "\"_bergen_control\"" => &mut fields.control_queue,
                "\"_bergen_cancel\"" => &mut fields.cancel,
                _ => return Ok(()),
            };
            *slot = Some(value);
            Ok(())
        })?;
        Ok(fields)
    }
}

/// In a reply that does not end the call: where its cancel is to be sent.
const CONTROL_QUEUE: &str = "_bergen_control";

/// Braces, keys and ids of a reply.
const FIXED_LENGTH: usize = 192;

fn head(writer: &mut JsonWriter<'_>, result: &str, failure: Option<&Failure>, ending: &str) {
    writer.plain("{");
    writer.name("result");
    writer.json(result);
    match failure {
        None => json_member(writer, "failure", "null"),
        Some(failure) => text_member(writer, "failure", &failure.to_json()),
    }
    json_member(writer, "ending", ending);
}

/// Whether Python takes the value for true.
fn is_truthy(json: &RawJson) -> bool {
    match json.kind() {
        JsonKind::Null => false,
        JsonKind::Bool => json.as_str() == "true",
        JsonKind::Number => json.decode::<f64>().is_ok_and(|number| number != 0.0),
        JsonKind::String => json.as_str() != "\"\"",
        JsonKind::Array => json.elements().next().is_some(),
        JsonKind::Object => json.members().next().is_some(),
    }
}
