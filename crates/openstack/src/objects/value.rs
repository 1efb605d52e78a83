//! The types that fields have, and how each is written and read.
//!
//! Writing is exact, reading takes what the peers' classes take:
//!
//! | field of Python | here |
//! |---|---|
//! | `StringField`, `EnumField`, nova's `UUIDField` | `String`; a number is read as its text |
//! | `IntegerField`, `NonNegativeIntegerField` | `i64`, `i32`, `u32`, `u64`; text is read, fractions are cut |
//! | `FloatField` | `f64` |
//! | `BooleanField` | `bool`; read by Python's truth, so that the text `"no"` is true |
//! | `FlexibleBooleanField` | [`FlexibleBoolean`] |
//! | `DateTimeField` | [`DateTime`](bergen_messaging::wire::convert::DateTime): to the second, with `Z` |
//! | neutron's `UUIDField` | [`Uuid`](bergen_messaging::wire::convert::Uuid) |
//! | `IPAddressField` and its like | [`IpAddr`](std::net::IpAddr), `Ipv4Addr`, `Ipv6Addr` |
//! | `IPNetworkField` | [`Network`](bergen_messaging::wire::convert::Network) |
//! | `MACAddressField` | [`MacAddress`]; read with colons or dashes |
//! | `ListOf…`, `SetOf…`, `DictOf…` | `Vec`, `BTreeSet`, `BTreeMap<String, _>` |
//! | `nullable=True` | `Option` |
//! | `ObjectField`, `ListOfObjectsField` | the object, a `Vec` of it, or [`Envelope`](super::Envelope) for any |
//! | neutron's `DictOfMiscValues`, objects as text | [`JsonText`] |
//! | anything else | [`RawJson`], or a type of serde's in [`Plain`] |

mod boolean;
mod collections;
mod mac;
mod number;
mod object;
mod serde_types;
mod text;

use bergen_messaging::wire::{JsonKind, RawJson};

pub use boolean::FlexibleBoolean;
pub use mac::{InvalidMacAddress, MacAddress};
pub use serde_types::{JsonText, Plain};

use super::{ObjectDefinition, ObjectError};

/// What a field may hold.
pub trait FieldValue: Sized {
    /// Whether `null` is a value.
    const NULLABLE: bool = false;

    /// Reads a value as the peers do; `null` only comes here if it is one.
    ///
    /// # Errors
    /// What the value should be. It is not repeated, since it may be a secret.
    fn read(json: &RawJson) -> Result<Self, ObjectError>;

    /// Writes it in the one form that the peers write.
    ///
    /// # Errors
    /// It has no JSON form.
    fn write(&self) -> Result<RawJson, ObjectError>;

    /// The class of the objects in it, if it holds any.
    fn nested() -> Option<&'static ObjectDefinition> {
        None
    }

    /// Whether an object in it has changes; those of a list are asked for `in_list` only.
    fn has_changes(&self, in_list: bool) -> bool {
        let _ = in_list;
        false
    }
}

/// JSON that is not what it should be.
fn not(expected: &str, json: &RawJson) -> ObjectError {
    let kind = match json.kind() {
        JsonKind::Null => "null",
        JsonKind::Bool => "a boolean",
        JsonKind::Number => "this number",
        JsonKind::String => "this text",
        JsonKind::Array => "an array",
        JsonKind::Object => "an object",
    };
    ObjectError::Value(format!("it should be {expected}, not {kind}"))
}

fn encode<T: serde::Serialize + ?Sized>(value: &T) -> Result<RawJson, ObjectError> {
    RawJson::encode(value).map_err(super::envelope::unwritable)
}

#[cfg(test)]
mod tests;
