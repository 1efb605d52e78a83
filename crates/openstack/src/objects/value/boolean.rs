//! Truth.

use bergen_messaging::wire::{JsonKind, RawJson};

use super::{FieldValue, encode};
use crate::objects::ObjectError;

impl FieldValue for bool {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        Ok(truth(json))
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        encode(self)
    }
}

/// A boolean that is also read from the texts that people write: `yes`, `on`, `true`, `t`, `y` and `1`, of either case.
/// All other texts are false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlexibleBoolean(pub bool);

impl FieldValue for FlexibleBoolean {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        let text = String::read(json).unwrap_or_default();
        let text = text.trim().to_ascii_lowercase();
        Ok(Self(YES.contains(&text.as_str())))
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        encode(&self.0)
    }
}

/// Python's `bool()`.
fn truth(json: &RawJson) -> bool {
    match json.kind() {
        JsonKind::Null => false,
        JsonKind::Bool => json.as_str() == "true",
        JsonKind::Number => json.decode() != Ok(0.0),
        JsonKind::String => json.as_text().is_some_and(|text| !text.is_empty()),
        JsonKind::Array => json.elements().next().is_some(),
        JsonKind::Object => json.members().next().is_some(),
    }
}

const YES: [&str; 6] = ["1", "t", "true", "on", "y", "yes"];
