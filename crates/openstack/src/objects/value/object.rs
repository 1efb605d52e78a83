//! Objects in objects.

use bergen_messaging::wire::RawJson;

use super::FieldValue;
use crate::objects::{Envelope, ObjectDefinition, ObjectError, VersionedObject};

impl<T: VersionedObject> FieldValue for T {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        Self::from_envelope(Envelope::read(json, &Self::definition().namespace)?)
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        self.to_envelope()?.to_json()
    }

    fn nested() -> Option<&'static ObjectDefinition> {
        Some(Self::definition())
    }

    fn has_changes(&self, _: bool) -> bool {
        !self.what_changed().is_empty()
    }
}

/// An object of any class.
impl FieldValue for Envelope {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        Self::read_any(json)
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        self.to_json()
    }

    fn has_changes(&self, _: bool) -> bool {
        !self.changes.is_empty()
    }
}
