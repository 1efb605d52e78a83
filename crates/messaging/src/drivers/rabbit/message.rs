//! A message on its way to the broker.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bergen_amqp::client::Publish;
use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};
use bytes::Bytes;
use tokio::time::Instant;

use super::declares::Needs;
use crate::wire::{Compression, MessageProperties};

#[cfg(test)]
mod tests;

/// What a message is, which decides the lane it goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Call,
    Cast,
    Fanout,
    Reply,
    Notification,
}

/// A message, the same for each time that it is published.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) class: Class,
    /// What must exist before it is published.
    pub(super) needs: Needs,
    pub(super) exchange: Arc<str>,
    pub(super) routing_key: Arc<str>,
    /// `Some` on mandatory messages: their return is matched by it. Peers never set nor read it.
    pub(super) return_id: Option<String>,
    /// When nobody waits any more; what remains until then is the message's expiration.
    pub(super) deadline: Option<Instant>,
    pub(super) body: Bytes,
}

impl Message {
    /// The body and the headers as they go out.
    pub(super) fn content(&self, compression: Option<Compression>) -> (Bytes, FieldTable<'static>) {
        let compressed = compression.and_then(|compression| self.compressed(compression));
        compressed.unwrap_or_else(|| (self.body.clone(), FieldTable::new()))
    }

    /// The publish that goes out at `now`, with the peers' properties. Its expiration is what remains then.
    pub(super) fn publish(
        &self,
        (body, headers): (Bytes, FieldTable<'static>),
        now: Instant,
    ) -> Publish {
        let properties = BasicProperties {
            content_type: Some(Cow::Borrowed(MessageProperties::JSON)),
            content_encoding: Some(Cow::Borrowed(MessageProperties::UTF8)),
            headers: Some(headers),
            delivery_mode: Some(PERSISTENT),
            priority: Some(0),
            expiration: self.deadline.map(|at| expiration(at, now).into()),
            message_id: self.return_id.clone().map(Cow::Owned),
            ..BasicProperties::default()
        };
        Publish {
            exchange: Arc::clone(&self.exchange),
            routing_key: Arc::clone(&self.routing_key),
            mandatory: self.return_id.is_some(),
            properties,
            body,
        }
    }

    /// The body, and the header that says what it is. Receivers act on the header alone, so that a body that can't be
    /// compressed goes out as it is.
    fn compressed(&self, compression: Compression) -> Option<(Bytes, FieldTable<'static>)> {
        let body = compression.compress(&self.body).ok()?;
        let name = FieldValue::LongString(compression.header().as_bytes().into());
        Some((body.into(), FieldTable::new().with("compression", name)))
    }
}

/// The peers' delivery mode for every message, also those for transient queues.
const PERSISTENT: u8 = 2;

/// What remains, in whole milliseconds. Rounded up, so that a call of 60 s says 60000 as the peer's does.
fn expiration(deadline: Instant, now: Instant) -> String {
    let rest = deadline.saturating_duration_since(now);
    rest.saturating_add(Duration::from_nanos(999_999))
        .min(LONGEST_EXPIRATION)
        .as_millis()
        .to_string()
}

/// RabbitMQ answers a longer one by closing the channel, with everything that others have on it.
const LONGEST_EXPIRATION: Duration = Duration::from_hours(24 * 365 * 8);
