//! Values of many, and of none.

use std::collections::{BTreeMap, BTreeSet};

use bergen_messaging::wire::{JsonKind, RawJson};

use super::{FieldValue, encode, not};
use crate::objects::{ObjectDefinition, ObjectError};

impl<T: FieldValue> FieldValue for Option<T> {
    const NULLABLE: bool = true;

    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        if json.is_null() {
            Ok(None)
        } else {
            T::read(json).map(Some)
        }
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        match self {
            Some(value) => value.write(),
            None => Ok(RawJson::null()),
        }
    }

    fn nested() -> Option<&'static ObjectDefinition> {
        T::nested()
    }

    fn has_changes(&self, in_list: bool) -> bool {
        self.as_ref()
            .is_some_and(|value| value.has_changes(in_list))
    }
}

impl<T: FieldValue> FieldValue for Vec<T> {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        elements(json)
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        write_all(self)
    }

    fn nested() -> Option<&'static ObjectDefinition> {
        T::nested()
    }

    fn has_changes(&self, in_list: bool) -> bool {
        in_list && self.iter().any(|value| value.has_changes(false))
    }
}

/// Written in order; the order of peers is random.
impl<T: FieldValue + Ord> FieldValue for BTreeSet<T> {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        elements(json)
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        write_all(self)
    }
}

impl<T: FieldValue> FieldValue for BTreeMap<String, T> {
    fn read(json: &RawJson) -> Result<Self, ObjectError> {
        if json.kind() != JsonKind::Object {
            return Err(not("an object", json));
        }
        json.members()
            .map(|(key, value)| Ok((key.as_str().to_owned(), inner(&value)?)))
            .collect()
    }

    fn write(&self) -> Result<RawJson, ObjectError> {
        let written = self.iter().map(|(key, value)| Ok((key, value.write()?)));
        encode(&written.collect::<Result<BTreeMap<_, _>, ObjectError>>()?)
    }
}

fn elements<T: FieldValue, C: FromIterator<T>>(json: &RawJson) -> Result<C, ObjectError> {
    if json.kind() != JsonKind::Array {
        return Err(not("an array", json));
    }
    json.elements().map(|value| inner(&value)).collect()
}

/// A value in a list or a map, where `null` is refused unless it is one.
fn inner<T: FieldValue>(json: &RawJson) -> Result<T, ObjectError> {
    if json.is_null() && !T::NULLABLE {
        return Err(not("a value", json));
    }
    T::read(json)
}

fn write_all<'a, T: FieldValue + 'a>(
    values: impl IntoIterator<Item = &'a T>,
) -> Result<RawJson, ObjectError> {
    let written = values.into_iter().map(FieldValue::write);
    encode(&written.collect::<Result<Vec<_>, _>>()?)
}
