//! Numbers.

use bergen_messaging::wire::{JsonKind, RawJson};

use super::{FieldValue, encode, not};
use crate::objects::ObjectError;

macro_rules! integers {
    ($($type:ty, $expected:literal;)*) => {$(
        impl FieldValue for $type {
            fn read(json: &RawJson) -> Result<Self, ObjectError> {
                integer(json)
                    .and_then(|number| Self::try_from(number).ok())
                    .ok_or_else(|| not($expected, json))
            }

            fn write(&self) -> Result<RawJson, ObjectError> {
                encode(self)
            }
        }
    )*};
}

integers! {
    i64, "an integer of 64 bits";
    i32, "an integer of 32 bits";
    u64, "a non-negative integer of 64 bits";
    u32, "a non-negative integer of 32 bits";
}

impl FieldValue for f64 {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        let read = match json.kind() {
            JsonKind::String => json.as_text().and_then(|text| text.trim().parse().ok()),
            _ => json.decode().ok(),
        };
        read.ok_or_else(|| not("a number", json))
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        encode(self)
    }
}

/// Python's `int()`: of a text, which must be an integer, and of a number, whose fraction is cut.
fn integer(json: &RawJson) -> Option<i128> {
    match json.kind() {
        JsonKind::Bool => json.decode::<bool>().ok().map(i128::from),
        JsonKind::String => json.as_text()?.trim().parse().ok(),
        JsonKind::Number => json.decode().ok().or_else(|| cut(json.decode().ok()?)),
        _ => None,
    }
}

fn cut(number: f64) -> Option<i128> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the fraction is to be cut, and what is too large saturates: no field is so wide"
    )]
    number.is_finite().then_some(number as i128)
}
