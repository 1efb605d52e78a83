//! A call, a cast, or a fanout cast.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::envelope::{payload_text, write};
use super::fields::{Payload, Place, id_member, json_member, text_member, version_member};
use super::{Charset, Context, Id, KeepAlive, Limits, MessageProperties, RawJson, Text, WireError};
use crate::target::{InvalidVersion, Version};

/// A request to send.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingRequest {
    /// Name of the method.
    pub method: Text,
    /// Arguments by name: a JSON object.
    pub args: RawJson,
    /// Namespace of the method; `None` is the null namespace.
    pub namespace: Option<Text>,
    /// Interface version; `None` counts as 1.0 on the other side.
    pub version: Option<Version>,
    /// Who asks.
    pub context: Context,
    /// `call_monitor_timeout`: asks the server for keep-alives, so that a call fails this long
    /// after the last one. Travels with calls only. The server must get at least 2 s to have any
    /// effect.
    pub monitor: Option<Duration>,
}

impl OutgoingRequest {
    /// A request in the null namespace, without version, context or monitoring.
    pub fn new(method: impl Into<Text>, args: RawJson) -> Self {
        Self {
            method: method.into(),
            args,
            namespace: None,
            version: None,
            context: Context::default(),
            monitor: None,
        }
    }
}

/// The ids under which a request is sent. They stay the same when it has to be published again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestIds<'a> {
    /// By which receivers know a copy of the message.
    pub unique_id: Id,
    /// Where the answer goes: set for a call, `None` for a cast.
    pub call: Option<CallIds<'a>>,
}

/// What a call has beyond a cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallIds<'a> {
    /// By which the caller knows the answer.
    pub msg_id: Id,
    /// The queue in which the caller waits for it.
    pub reply_q: &'a str,
    /// Whether the caller understands announcements of a control queue, and cancels there what it gives up: the member
    /// `_bergen_cancel`, which the peers ignore.
    pub cancel: bool,
}

/// In a request: the caller cancels calls that it gives up, if it is told where. In a message to a control queue: the
/// call of its `_msg_id` is given up.
pub(super) const CANCEL: &str = "_bergen_cancel";

/// Writes the body of a request.
pub fn encode_request(request: &OutgoingRequest, ids: &RequestIds<'_>, charset: Charset) -> Bytes {
    let OutgoingRequest {
        method,
        args,
        namespace,
        version,
        context,
        monitor,
    } = request;
    let length = FIXED_LENGTH + method.len() + args.as_str().len() + context.length();
    write(charset, length, |writer| {
        writer.plain("{");
        writer.name("method");
        writer.string(method);
        json_member(writer, "args", args.as_str());
        if let Some(namespace) = namespace {
            text_member(writer, "namespace", namespace);
        }
        if let Some(version) = version {
            version_member(writer, "version", *version);
        }
        if let Some(call) = &ids.call {
            id_member(writer, "_msg_id", call.msg_id);
            text_member(writer, "_reply_q", call.reply_q);
            // Displayed, a whole number of seconds has no fraction.
            let seconds = monitor.map(|monitor| monitor.as_secs_f64().to_string());
            json_member(writer, "_timeout", seconds.as_deref().unwrap_or("null"));
        }
        id_member(writer, "_unique_id", ids.unique_id);
        if ids.call.is_some_and(|call| call.cancel) {
            json_member(writer, CANCEL, "true");
        }
        context.write(writer);
        writer.plain("}");
    })
}

/// A received request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Name of the method; empty if the request names none, so that its caller is told so.
    pub method: Text,
    /// Arguments by name. An object in every message of the peers; who dispatches checks that,
    /// so that the caller gets an answer. `{}` if the request has none.
    pub args: RawJson,
    /// Namespace of the method; `None` is the null namespace.
    pub namespace: Option<Text>,
    /// The interface version asked for.
    pub version: RequestVersion,
    /// Who asks.
    pub context: Context,
    /// Whether, and under which id, an answer is wanted: set for a call, `None` for a cast.
    pub msg_id: Option<Text>,
    /// The queue in which the caller waits.
    pub reply_q: Option<Text>,
    /// `_timeout` as sent: seconds or `null`; `None` if absent. See [`Request::keep_alive`].
    pub timeout: Option<RawJson>,
    /// By which copies of the message are known; messages without it are never copies.
    pub unique_id: Option<Text>,
    /// Whether the caller cancels what it gives up, if it is told where; see [`CallIds::cancel`].
    pub cancel: bool,
}

impl Request {
    /// The keep-alives that the caller asks for.
    pub fn keep_alive(&self) -> KeepAlive {
        match (&self.msg_id, &self.timeout) {
            (Some(_), Some(timeout)) => KeepAlive::of(timeout),
            _ => KeepAlive::NotAsked,
        }
    }

    /// Writes the body that [`decode_request`] reads.
    pub fn encode(&self, charset: Charset) -> Bytes {
        let length = FIXED_LENGTH + self.args.as_str().len() + self.context.length();
        write(charset, length, |writer| {
            writer.plain("{");
            writer.name("method");
            writer.string(&self.method);
            json_member(writer, "args", self.args.as_str());
            if let Some(namespace) = &self.namespace {
                text_member(writer, "namespace", namespace);
            }
            match &self.version {
                RequestVersion::Absent => {}
                RequestVersion::Text(version) => text_member(writer, "version", version),
                RequestVersion::Other(version) => json_member(writer, "version", version.as_str()),
            }
            let ids = [("_msg_id", &self.msg_id), ("_reply_q", &self.reply_q)];
            for (name, id) in ids {
                if let Some(id) = id {
                    text_member(writer, name, id);
                }
            }
            if let Some(timeout) = &self.timeout {
                json_member(writer, "_timeout", timeout.as_str());
            }
            if let Some(unique_id) = &self.unique_id {
                text_member(writer, "_unique_id", unique_id);
            }
            if self.cancel {
                json_member(writer, CANCEL, "true");
            }
            self.context.write(writer);
            writer.plain("}");
        })
    }
}

/// The `version` of a received request. Displays as Python would name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestVersion {
    /// Not there, which means 1.0.
    Absent,
    /// Text, in the peers' messages `major.minor`.
    Text(Text),
    /// `null` or anything else, which no endpoint offers.
    Other(RawJson),
}

impl RequestVersion {
    /// The version to compare with what endpoints offer. An error matches no endpoint.
    pub fn version(&self) -> Result<Version, InvalidVersion> {
        match self {
            Self::Absent => Ok(Version::DEFAULT),
            Self::Text(version) => version.parse(),
            Self::Other(_) => self.to_string().parse(),
        }
    }
}

impl fmt::Display for RequestVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => Version::DEFAULT.fmt(f),
            Self::Text(version) => version.fmt(f),
            Self::Other(json) if json.is_null() => f.write_str("None"),
            Self::Other(json) => json.fmt(f),
        }
    }
}

/// Reads the body of a request.
///
/// Unknown members are ignored; the last of duplicate members counts.
pub fn decode_request(
    body: &[u8],
    properties: &MessageProperties,
    limits: &Limits,
) -> Result<Request, WireError> {
    let payload = Payload::new(payload_text(body, properties, limits)?);
    Fields::find(&payload, limits)?.read(&payload)
}

/// Where the members of a request stand.
#[derive(Default)]
struct Fields {
    method: Option<Place>,
    args: Option<Place>,
    namespace: Option<Place>,
    version: Option<Place>,
    msg_id: Option<Place>,
    reply_q: Option<Place>,
    timeout: Option<Place>,
    unique_id: Option<Place>,
    cancel: Option<Place>,
    context: Vec<(Text, RawJson)>,
}

impl Fields {
    fn find(payload: &Payload, limits: &Limits) -> Result<Self, WireError> {
        let mut fields = Self::default();
        payload.scan(limits, |name, place, value| {
            if let Some(slot) = fields.slot(name) {
                *slot = Some(value);
            } else if let Some(key) = payload.context_key(place) {
                if fields.context.len() >= limits.context_keys {
                    return Err(WireError::TooManyContextKeys(limits.context_keys));
                }
                fields.context.push((key, payload.json(value)));
            }
            Ok(())
        })?;
        Ok(fields)
    }

    /// Where the value of a member goes, by its name with quotes.
    fn slot(&mut self, name: &str) -> Option<&mut Option<Place>> {
        Some(match name {
            "\"method\"" => &mut self.method,
            "\"args\"" => &mut self.args,
            "\"namespace\"" => &mut self.namespace,
            "\"version\"" => &mut self.version,
            "\"_msg_id\"" => &mut self.msg_id,
            "\"_reply_q\"" => &mut self.reply_q,
            "\"_timeout\"" => &mut self.timeout,
            "\"_unique_id\"" => &mut self.unique_id,
            "\"_bergen_cancel\"" => &mut self.cancel,
            _ => return None,
        })
    }

    fn read(self, payload: &Payload) -> Result<Request, WireError> {
        let method = payload.text("method", self.method)?;
        let version = match self.version {
            None => RequestVersion::Absent,
            Some(place) => match payload.string(place.clone()) {
                Some(text) => RequestVersion::Text(text),
                None => RequestVersion::Other(payload.json(place)),
            },
        };
        let timeout = self.timeout.map(|place| payload.json(place));
        let client_timeout = timeout.clone().filter(|timeout| !timeout.is_null());
        Ok(Request {
            method: method.unwrap_or_else(|| Text::from("")),
            args: self
                .args
                .map_or_else(RawJson::empty_object, |place| payload.json(place)),
            namespace: payload.text("namespace", self.namespace)?,
            version,
            context: Context::received(self.context, client_timeout),
            msg_id: payload.text("_msg_id", self.msg_id)?,
            reply_q: payload.text("_reply_q", self.reply_q)?,
            timeout,
            unique_id: payload.text("_unique_id", self.unique_id)?,
            cancel: self.cancel.is_some_and(|place| payload.is_true(&place)),
        })
    }
}

/// Braces, keys and ids of a request.
const FIXED_LENGTH: usize = 320;
