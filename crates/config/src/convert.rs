//! From option values to the types of a program.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::value::Value;

/// Types that option values convert to.
pub trait FromValue: Sized {
    /// Converts; `None` as input is an option without value, as output a value of another type.
    fn from_value(value: Option<Value>) -> Option<Self>;
}

impl FromValue for bool {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }
}

impl FromValue for f64 {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Float(value) => Some(value),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }
}

impl FromValue for Vec<String> {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::List(value) => Some(value),
            _ => None,
        }
    }
}

impl FromValue for BTreeMap<String, String> {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Dict(pairs) => Some(pairs.into_iter().collect()),
            _ => None,
        }
    }
}

/// Seconds, whole or not; a negative number is no duration.
impl FromValue for Duration {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value? {
            Value::Int(seconds) => u64::try_from(seconds).ok().map(Self::from_secs),
            Value::Float(seconds) => Self::try_from_secs_f64(seconds).ok(),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value {
            None => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {
        $(impl FromValue for $integer {
            fn from_value(value: Option<Value>) -> Option<Self> {
                match value? {
                    Value::Int(value) => value.try_into().ok(),
                    _ => None,
                }
            }
        })*
    };
}

integers! { i64 i32 u64 u32 u16 usize }
