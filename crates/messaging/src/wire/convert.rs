//! Types for values that JSON has no form for, in the form the Python peers give them.
//!
//! oslo.serialization writes such values as text, and nothing in a message tells that a text was a
//! date: the receiver's types say so. As an argument, result or field:
//!
//! | Python | here | JSON |
//! |---|---|---|
//! | `datetime` | [`DateTime`] | `"2026-11-22T18:31:50.000001"`, UTC |
//! | `date` | [`Date`] | `"2026-11-22"` |
//! | `uuid.UUID` | [`Uuid`] | `"01234567-89ab-4def-8123-456789abcdef"` |
//! | `decimal.Decimal` | [`Decimal`] | `"1.50"` |
//! | `bytes` | [`ByteText`] | `"text"` |
//! | `bytearray` | [`ByteText`], or `Vec<u8>` | `[116, 101]` |
//! | `IPv4Address`, `IPv6Address`, `netaddr.IPAddress` | [`std::net::IpAddr`] | `"::1"` |
//! | `netaddr.IPNetwork` | [`Network`] | `"10.0.0.0/8"` |
//! | `ipaddress.ip_network` | `Vec<IpAddr>`: the peer sends every address | `["10.0.0.0", …]` |
//! | `set`, `frozenset`, `tuple`, `deque` | `HashSet`, `BTreeSet`, tuples, `Vec` | array |
//! | `dict` with keys of other kinds | `HashMap<i64, _>`, `HashMap<bool, _>` | `{"1": …}` |
//! | `int` of any size | `i128`, `u128`, or [`RawJson`](super::RawJson) | digits |
//!
//! In a notification of format 1.0 such values come as pairs of a type and a value;
//! [`RawJson::untagged`](super::RawJson::untagged) undoes them.
//!
//! The types of the crates `uuid`, `chrono` and `rust_decimal` read and write the same texts with
//! serde, if the program uses them already; only a `datetime` without a zone needs [`DateTime`].
//!
//! ```
//! use bergen_messaging::wire::RawJson;
//! use bergen_messaging::wire::convert::{DateTime, Uuid};
//!
//! let sent = RawJson::parse(r#"["2026-11-22T18:31:50+02:00", "0123456789ab4def8123456789abcdef"]"#)?;
//! let (at, id): (DateTime, Uuid) = sent.decode()?;
//! assert_eq!(at.to_string(), "2026-11-22T16:31:50.000000");
//! assert_eq!(id.to_string(), "01234567-89ab-4def-8123-456789abcdef");
//! # Ok::<(), bergen_messaging::wire::JsonError>(())
//! ```

mod bytes;
mod date;
mod datetime;
mod decimal;
mod network;
#[cfg(test)]
mod tests;
mod uuid;

pub use bytes::ByteText;
pub use date::Date;
pub use datetime::DateTime;
pub use decimal::Decimal;
pub use network::Network;
pub use uuid::Uuid;

/// A text that is not of the form a type has on the wire.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct ConversionError {
    /// What the text should be.
    pub expected: &'static str,
    /// The start of the text.
    pub text: String,
}

impl ConversionError {
    fn new(expected: &'static str, text: &str) -> Self {
        let text = text.chars().take(MAX_SHOWN).collect();
        Self { expected, text }
    }
}

/// How much of a peer's text is repeated in an error.
const MAX_SHOWN: usize = 40;

/// Lets serde write a type as the text that it displays as, and read it from there.
macro_rules! as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = crate::wire::Text::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
use as_text;
