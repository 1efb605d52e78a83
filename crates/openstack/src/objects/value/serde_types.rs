//! Values of any type that serde knows.

use bergen_messaging::wire::{JsonKind, RawJson};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{FieldValue, encode};
use crate::objects::ObjectError;
use crate::objects::envelope::unwritable;

/// As it is.
impl FieldValue for RawJson {
    const NULLABLE: bool = true;

    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        Ok(json.clone())
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        Ok(self.clone())
    }
}

/// A type as serde writes and reads it, for example an enum of the texts that a field allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Plain<T>(pub T);

impl<T: Serialize + DeserializeOwned> FieldValue for Plain<T> {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        json.decode().map(Self).map_err(unreadable)
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        encode(&self.0)
    }
}

/// A value that travels as a text which is JSON itself, such as `configurations` of neutron's `Agent` and
/// `numa_topology` of nova's `ComputeNode`. Read also if it comes as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JsonText<T>(pub T);

impl<T: Serialize + DeserializeOwned> FieldValue for JsonText<T> {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        let value = match json.as_text() {
            Some(text) if json.kind() == JsonKind::String => {
                RawJson::parse(text.as_str().to_owned()).map_err(unreadable)?
            }
            _ => json.clone(),
        };
        value.decode().map(Self).map_err(unreadable)
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        let inner = RawJson::encode_like_python(&self.0).map_err(unwritable)?;
        encode(inner.as_str())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: bergen_messaging::wire::JsonError) -> ObjectError {
    ObjectError::Value(error.to_string())
}
