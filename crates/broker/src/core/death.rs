//! What RabbitMQ writes onto dead letters.

use std::sync::Arc;

use bergen_amqp::codec::{FieldTable, FieldValue};

use super::{Message, carbon_copies::further_keys};

/// Why a message died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Rejected,
    Expired,
    MaxLen,
    DeliveryLimit,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::MaxLen => "maxlen",
            Self::DeliveryLimit => "delivery_limit",
        }
    }
}

/// The message that goes to `exchange` when `message` died in `queue`: with one more entry in its header `x-death`,
/// or one that counts one more, and without expiration.
pub(super) fn letter<B: Clone>(
    message: &Message<B>,
    queue: &str,
    reason: Reason,
    exchange: &Arc<str>,
    routing_key: Option<&Arc<str>>,
    seconds: u64,
) -> Message<B> {
    let mut letter = message.clone();
    letter.exchange = Arc::clone(exchange);
    let mut headers = letter.properties.headers.take().unwrap_or_default();
    let deaths = deaths(message, &headers, queue, reason, seconds);
    headers.insert(DEATHS, FieldValue::Array(deaths));
    if !headers.contains_key("x-first-death-reason") {
        headers.insert("x-first-death-exchange", message.exchange.to_string());
        headers.insert("x-first-death-queue", queue.to_owned());
        headers.insert("x-first-death-reason", reason.name());
    }
    if let Some(key) = routing_key {
        letter.routing_key = Arc::clone(key);
        headers = headers
            .into_iter()
            .filter(|(name, _)| name != "CC")
            .collect();
    }
    letter.properties.headers = Some(headers);
    letter.properties.expiration = None;
    letter
}

/// Whether a dead letter has been in this queue before without anybody's doing: it must not come there again.
pub(super) fn is_cycle<B>(letter: &Message<B>, queue: &str) -> bool {
    let deaths = letter
        .properties
        .headers
        .as_ref()
        .and_then(|headers| headers.get(DEATHS)?.as_array())
        .unwrap_or_default();
    let text = |death: &FieldValue<'_>, name, text: &str| {
        death
            .as_table()
            .and_then(|death| death.get(name)?.as_bytes())
            .is_some_and(|bytes| bytes == text.as_bytes())
    };
    let Some(before) = deaths.iter().position(|death| text(death, "queue", queue)) else {
        return false;
    };
    // Who rejects it on the way, or writes something else into the header, is somebody.
    deaths
        .iter()
        .take(before + 1)
        .all(|death| death.as_table().is_some() && !text(death, "reason", "rejected"))
}

const DEATHS: &str = "x-death";

/// The deaths with this one, which stands first.
fn deaths<B>(
    message: &Message<B>,
    headers: &FieldTable<'static>,
    queue: &str,
    reason: Reason,
    seconds: u64,
) -> Vec<FieldValue<'static>> {
    let mut deaths = headers
        .get(DEATHS)
        .and_then(FieldValue::as_array)
        .map(<[_]>::to_vec)
        .unwrap_or_default();
    let same = deaths.iter().position(|death| {
        death.as_table().is_some_and(|death| {
            let is = |name, text: &str| {
                death
                    .get(name)
                    .and_then(FieldValue::as_bytes)
                    .is_some_and(|bytes| bytes == text.as_bytes())
            };
            is("queue", queue) && is("reason", reason.name())
        })
    });
    let death = match same.map(|place| deaths.remove(place)) {
        Some(FieldValue::Table(death)) => again(death),
        _ => first(message, queue, reason, seconds),
    };
    deaths.insert(0, FieldValue::Table(death));
    deaths
}

/// A death of a kind that the message has not died yet.
fn first<B>(
    message: &Message<B>,
    queue: &str,
    reason: Reason,
    seconds: u64,
) -> FieldTable<'static> {
    let keys = std::iter::once(message.routing_key.to_string())
        .chain(further_keys(&message.properties).map(std::borrow::Cow::into_owned))
        .map(FieldValue::from)
        .collect::<Vec<_>>();
    let mut death = FieldTable::new()
        .with("count", FieldValue::I64(1))
        .with("reason", reason.name())
        .with("queue", queue.to_owned())
        .with("time", FieldValue::Timestamp(seconds))
        .with("exchange", message.exchange.to_string())
        .with("routing-keys", keys);
    if let Some(expiration) = &message.properties.expiration {
        death.insert("original-expiration", expiration.to_string());
    }
    death
}

/// One death more of the same kind. RabbitMQ sorts the names then.
fn again(death: FieldTable<'static>) -> FieldTable<'static> {
    let count = death.get("count").and_then(FieldValue::as_i64).unwrap_or(1);
    let mut pairs: Vec<_> = death
        .into_iter()
        .filter(|(name, _)| name != "count")
        .chain([("count".into(), FieldValue::I64(count.saturating_add(1)))])
        .collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    pairs.into_iter().collect()
}

#[cfg(test)]
mod tests;
