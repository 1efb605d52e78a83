//! The part of a message that travels beside the body.

use std::borrow::Cow;
use std::time::Duration;

/// Message properties that the peers use, apart from any broker protocol. A driver maps them to
/// its own and adds what is constant there (for AMQP: `delivery_mode` 2 and `priority` 0).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageProperties {
    /// `application/json` in every message of the peers; a body of another type is not decoded.
    pub content_type: Option<Cow<'static, str>>,
    /// `utf-8` in every message of the peers.
    pub content_encoding: Option<Cow<'static, str>>,
    /// The header `compression`; `None` for a plain body.
    pub compression: Option<Cow<'static, str>>,
    /// How long the message may live before it is worthless: on a call what remains of its
    /// timeout, otherwise `None`. On the wire a whole number of milliseconds.
    pub expiration: Option<Duration>,
}

impl MessageProperties {
    /// The type of a JSON body.
    pub const JSON: &'static str = "application/json";
    /// The encoding of a JSON body.
    pub const UTF8: &'static str = "utf-8";

    /// The properties of a plain JSON body: a cast, a reply, a notification, and with
    /// [`expires_in`](Self::expires_in) a call.
    pub const fn json() -> Self {
        Self {
            content_type: Some(Cow::Borrowed(Self::JSON)),
            content_encoding: Some(Cow::Borrowed(Self::UTF8)),
            compression: None,
            expiration: None,
        }
    }

    /// The same with an expiration.
    #[must_use]
    pub fn expires_in(self, expiration: Duration) -> Self {
        Self {
            expiration: Some(expiration),
            ..self
        }
    }

    /// The expiration as it is written: decimal milliseconds, cut, not rounded.
    pub fn expiration_text(&self) -> Option<String> {
        self.expiration
            .map(|expiration| expiration.as_millis().to_string())
    }

    /// Reads an expiration as it is written; `None` if it is not a decimal number.
    pub fn parse_expiration(text: &str) -> Option<Duration> {
        text.parse().ok().map(Duration::from_millis)
    }
}
