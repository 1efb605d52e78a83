//! `RawJson` as a field or argument of types that serde reads and writes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::value::RawValue;

use super::{RawJson, Text};

/// The name by which the tolerant deserializer knows that text is wanted as it is.
pub(super) const RAW_JSON: &str = "$bergen::RawJson";

/// The name by which `serde_json` knows text that it shall write as it is. Its own type for that,
/// `RawValue`, refuses Python's `NaN`; a test watches that the name holds.
pub(super) const RAW_VALUE: &str = "$serde_json::private::RawValue";

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut raw = serializer.serialize_struct(RAW_VALUE, 1)?;
        raw.serialize_field(RAW_VALUE, self.as_str())?;
        raw.end()
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(RAW_JSON, AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = RawJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    /// `serde_json` gives itself.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<RawJson, D::Error> {
        let raw = Box::<RawValue>::deserialize(inner)?;
        RawJson::parse(raw.get()).map_err(D::Error::custom)
    }

    /// Our own deserializer gives checked text.
    fn visit_str<E>(self, text: &str) -> Result<RawJson, E> {
        Ok(RawJson(Text::copy(text)))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
