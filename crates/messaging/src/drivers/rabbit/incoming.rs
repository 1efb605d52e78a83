//! A delivery in the words of the wire.

use std::time::Duration;

use bergen_amqp::client::Delivery;
use bergen_amqp::codec::{BasicProperties, FieldValue};

use crate::wire::MessageProperties;

/// The properties that decoding a body needs, and when it expires.
pub(super) fn message_properties(delivery: &mut Delivery) -> MessageProperties {
    let properties = std::mem::take(&mut delivery.properties);
    let BasicProperties {
        content_type,
        content_encoding,
        headers,
        expiration,
        ..
    } = properties;
    let compression = headers.and_then(|headers| match headers.get("compression") {
        Some(FieldValue::LongString(name)) => {
            Some(String::from_utf8_lossy(name).into_owned().into())
        }
        _ => None,
    });
    MessageProperties {
        content_type,
        content_encoding,
        compression,
        expiration: expiration.as_deref().and_then(expires_in),
    }
}

/// Reads an expiration; one that is absurdly long is none, so that it can be added to any clock.
fn expires_in(text: &str) -> Option<Duration> {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    MessageProperties::parse_expiration(text).filter(|expiration| *expiration <= YEAR)
}
