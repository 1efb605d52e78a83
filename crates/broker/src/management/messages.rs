//! Messages by HTTP: publish, get.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergen_amqp::codec::{BasicProperties, FieldTable};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::act::Act;
use super::api::{Api, Call};
use super::fields::{Fields, check_length};
use super::json;
use super::reply::{Refused, Reply};
use crate::core::{Extra, Got, Message, Publish, Refusal};

/// The most messages that one request gets.
const MAX_COUNT: i64 = 10_000;
/// When the bodies of what was got are this many bytes, no further message is got.
const MAX_BYTES: usize = 16 << 20;

impl Api {
    pub(super) async fn publish(
        &self,
        vhost: &str,
        exchange: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let fields = &call.fields;
        fields.require(&["routing_key", "payload", "payload_encoding"])?;
        let properties = match fields.get("properties") {
            Some(properties) => properties_of(&Fields::of(properties)?)?,
            None => BasicProperties::default(),
        };
        check_length("the exchange", exchange)?;
        let message = Message {
            exchange: exchange.into(),
            routing_key: fields.short_text("routing_key")?.unwrap_or_default().into(),
            properties,
            body: payload(fields)?,
        };
        if let Some(alarm) = self.ask(|state| state.alarm()).await? {
            return Err(Refused::blocked(alarm));
        }
        let routed = self
            .act(call, vhost, move |act| {
                act.rights.publish(&message.exchange)?;
                act.rights.user_id(message.properties.user_id.as_deref())?;
                let published = act
                    .host
                    .publish(Publish::default(), Arc::new(message), act.now)?;
                Ok(published.routed)
            })
            .await?
            .map_err(|refusal| Refused::publishing(&refusal))?;
        Ok(Reply::Json(json!({"routed": routed})))
    }

    pub(super) async fn get_messages(
        &self,
        vhost: &str,
        queue: &str,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let fields = &call.fields;
        fields.require(&["count", "ackmode", "encoding"])?;
        let after = After::of(fields.text("ackmode")?.unwrap_or_default())?;
        // A negative number means all.
        let count = match fields.number("count")?.unwrap_or_default() {
            count @ 0.. => count.min(MAX_COUNT),
            _ => MAX_COUNT,
        };
        let truncate = fields
            .number("truncate")?
            .and_then(|bytes| usize::try_from(bytes).ok());
        let as_text = match fields.text("encoding")?.unwrap_or_default() {
            "auto" => true,
            "base64" => false,
            _ => {
                let reason = "Unsupported encoding. Please use auto or base64.";
                return Err(Refused::bad_request(reason));
            }
        };
        let queue = queue.to_owned();
        let got = self
            .act(call, vhost, move |act| take(act, &queue, count, after))
            .await?
            .map_err(|refusal| Refused::reading(&refusal))?;
        Ok(Reply::Json(
            got.iter().map(|got| show(got, as_text, truncate)).collect(),
        ))
    }
}

/// What happens to messages that were got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Ack,
    Requeue,
    Reject,
}

impl After {
    fn of(ackmode: &str) -> Result<Self, Refused> {
        Ok(match ackmode {
            "ack_requeue_false" => Self::Ack,
            "ack_requeue_true" | "reject_requeue_true" => Self::Requeue,
            "reject_requeue_false" => Self::Reject,
            _ => return Err(Refused::bad_request(json!(["unknown_ackmode", ackmode]))),
        })
    }
}

fn take(act: &mut Act<'_>, queue: &str, count: i64, after: After) -> Result<Vec<Got>, Refusal> {
    act.rights.read_queue(queue)?;
    let channel = act.host.open_channel(act.connection);
    let mut taken: Vec<Got> = Vec::new();
    let mut bytes = 0;
    for _ in 0..count {
        if bytes > MAX_BYTES {
            break;
        }
        match act.host.get(channel, queue, after == After::Ack, act.now)? {
            Some(got) => {
                bytes += got.message.body.len();
                taken.push(got);
            }
            None => break,
        }
    }
    let last = taken.last().map(|got| got.delivery_tag);
    match (after, last) {
        (After::Ack, _) | (_, None) => {}
        (After::Requeue, Some(last)) => act.host.nack(channel, last, true, true, act.now)?,
        (After::Reject, Some(last)) => act.host.nack(channel, last, true, false, act.now)?,
    }
    Ok(taken)
}

fn show(got: &Got, as_text: bool, truncate: Option<usize>) -> Value {
    let message = &*got.message;
    let length = truncate.unwrap_or(usize::MAX).min(message.body.len());
    let body = message.body.get(..length).unwrap_or_default();
    let (payload, encoding) = match std::str::from_utf8(body) {
        Ok(text) if as_text => (text.to_owned(), "string"),
        _ => (STANDARD.encode(body), "base64"),
    };
    json!({
        "payload_bytes": message.body.len(),
        "redelivered": got.redelivered,
        "exchange": &*message.exchange,
        "routing_key": &*message.routing_key,
        "message_count": got.message_count,
        "properties": show_properties(&message.properties, got.extra),
        "payload": payload,
        "payload_encoding": encoding,
    })
}

fn show_properties(properties: &BasicProperties<'_>, extra: Option<Extra>) -> Value {
    let mut shown = Map::new();
    for (name, value) in [
        ("content_type", &properties.content_type),
        ("content_encoding", &properties.content_encoding),
        ("correlation_id", &properties.correlation_id),
        ("reply_to", &properties.reply_to),
        ("expiration", &properties.expiration),
        ("message_id", &properties.message_id),
        ("type", &properties.kind),
        ("user_id", &properties.user_id),
        ("app_id", &properties.app_id),
        ("cluster_id", &properties.cluster_id),
    ] {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value.as_ref().into());
        }
    }
    for (name, value) in [
        ("delivery_mode", properties.delivery_mode.map(u64::from)),
        ("priority", properties.priority.map(u64::from)),
        ("timestamp", properties.timestamp),
    ] {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value.into());
        }
    }
    let mut headers = properties.headers.as_ref().map(json::from_table);
    let extra = match extra {
        Some(Extra::DeliveryCount(count)) => Some(("x-delivery-count", u64::from(count))),
        Some(Extra::StreamOffset(offset)) => Some(("x-stream-offset", offset)),
        None => None,
    };
    if let Some((name, value)) = extra {
        json::put(headers.get_or_insert_with(|| json!({})), name, value.into());
    }
    if let Some(headers) = headers {
        shown.insert("headers".to_owned(), headers);
    }
    // RabbitMQ's way to say that there is none.
    if shown.is_empty() {
        json!([])
    } else {
        Value::Object(shown)
    }
}

fn payload(fields: &Fields) -> Result<Bytes, Refused> {
    let payload = fields
        .text("payload")
        .map_err(|_| Refused::bad_request("payload_not_string"))?;
    let payload = payload.unwrap_or_default();
    match fields.text("payload_encoding")?.unwrap_or_default() {
        "string" => Ok(Bytes::from(payload.to_owned())),
        "base64" => match STANDARD.decode(payload) {
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => Err(Refused::bad_request(json!(["not_base64", payload]))),
        },
        other => Err(Refused::bad_request(json!(["unsupported_encoding", other]))),
    }
}

fn properties_of(fields: &Fields) -> Result<BasicProperties<'static>, Refused> {
    let text = |name| -> Result<Option<Cow<'static, str>>, Refused> {
        Ok(fields
            .short_text(name)?
            .map(|text| Cow::Owned(text.to_owned())))
    };
    let octet = |name| match fields.number(name)? {
        None => Ok(None),
        Some(number) => u8::try_from(number)
            .map(Some)
            .map_err(|_| Refused::bad_request(json!(["not_octet", name]))),
    };
    let timestamp = match fields.number("timestamp")? {
        None => None,
        Some(seconds) => Some(
            u64::try_from(seconds)
                .map_err(|_| Refused::bad_request(json!(["negative", "timestamp"])))?,
        ),
    };
    Ok(BasicProperties {
        content_type: text("content_type")?,
        content_encoding: text("content_encoding")?,
        headers: headers_of(fields)?,
        delivery_mode: octet("delivery_mode")?,
        priority: octet("priority")?,
        correlation_id: text("correlation_id")?,
        reply_to: text("reply_to")?,
        expiration: text("expiration")?,
        message_id: text("message_id")?,
        timestamp,
        kind: text("type")?,
        user_id: text("user_id")?,
        app_id: text("app_id")?,
        cluster_id: text("cluster_id")?,
    })
}

fn headers_of(fields: &Fields) -> Result<Option<FieldTable<'static>>, Refused> {
    fields.get("headers").map(json::to_table).transpose()
}
