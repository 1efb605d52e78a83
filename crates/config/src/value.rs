//! Values and how they are read from text.

use std::fmt::Display;

use crate::declaration::Kind;
use crate::python;

/// The value of an option.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Int`].
    Int(i64),
    /// Of [`Kind::Float`].
    Float(f64),
    /// Of [`Kind::Text`] and [`Kind::Choice`].
    Text(String),
    /// Of [`Kind::List`] and [`Kind::Multi`].
    List(Vec<String>),
    /// Of [`Kind::Dict`], as written: its keys are different from each other.
    Dict(Vec<(String, String)>),
}

/// Why a text is no value of an option: what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidValue {
    /// Not a boolean.
    #[error("write true or false")]
    Bool,
    /// Not a whole number.
    #[error("write a whole number")]
    Int,
    /// Not a decimal number.
    #[error("write a number")]
    Float,
    /// A number out of range; says which range.
    #[error("write a number {0}")]
    Range(String),
    /// Not one of the words.
    #[error("write one of {}", .0.join(", "))]
    Choice(&'static [&'static str]),
    /// No pairs, or two with one key.
    #[error("write key:value pairs with commas between them, each key once")]
    Dict,
}

impl Kind {
    /// The value of a text; a number of which nothing is written is none, as in the peer.
    pub(crate) fn parse(self, text: &str) -> Result<Option<Value>, InvalidValue> {
        let number = python::strip(text);
        let value = match self {
            Self::Int { .. } | Self::Float { .. } if number.is_empty() => return Ok(None),
            Self::Bool => Value::Bool(parse_bool(text).ok_or(InvalidValue::Bool)?),
            Self::Int { min, max } => {
                let number = python::without_underscores(number).ok_or(InvalidValue::Int)?;
                let number = number.parse().map_err(|_| InvalidValue::Int)?;
                if !(min..=max).contains(&number) {
                    let min = (min != i64::MIN).then_some(min);
                    return Err(out_of_range(min, (max != i64::MAX).then_some(max)));
                }
                Value::Int(number)
            }
            Self::Float { min, max } => {
                let number = python::without_underscores(number).ok_or(InvalidValue::Float)?;
                let number: f64 = number.parse().map_err(|_| InvalidValue::Float)?;
                if !number.is_finite() {
                    return Err(InvalidValue::Float);
                }
                if !(min..=max).contains(&number) {
                    let min = (min > f64::MIN).then_some(min);
                    return Err(out_of_range(min, (max < f64::MAX).then_some(max)));
                }
                Value::Float(number)
            }
            Self::Choice(words) if !words.contains(&text) => {
                return Err(InvalidValue::Choice(words));
            }
            Self::Text | Self::Choice(_) => Value::Text(text.to_owned()),
            Self::List => Value::List(split(text)),
            Self::Dict => Value::Dict(pairs(text).ok_or(InvalidValue::Dict)?),
            Self::Multi => Value::List(vec![text.to_owned()]),
        };
        Ok(Some(value))
    }
}

/// oslo.config's words, in any case.
fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// Items between commas, without the space around them. An empty text has none, and commas at its end add none.
fn split(text: &str) -> Vec<String> {
    match python::strip(text).trim_end_matches(',') {
        "" => Vec::new(),
        items => items
            .split(',')
            .map(|item| python::strip(item).to_owned())
            .collect(),
    }
}

/// Keys and values. What stands between two commas and has no colon belongs to the key that follows.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let text = python::strip(text);
    let mut pairs = Vec::<(String, String)>::new();
    let mut rest = (!text.is_empty()).then_some(text);
    while let Some(text) = rest {
        let (key, more) = text.split_once(':')?;
        let (value, after) = match more.split_once(',') {
            Some((value, after)) => (value, Some(after)),
            None => (more, None),
        };
        let key = python::strip(key);
        if key.is_empty() || pairs.iter().any(|(known, _)| known == key) {
            return None;
        }
        pairs.push((key.to_owned(), python::strip(value).to_owned()));
        rest = after;
    }
    Some(pairs)
}

fn out_of_range(min: Option<impl Display>, max: Option<impl Display>) -> InvalidValue {
    InvalidValue::Range(match (min, max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("of at least {min}"),
        (None, Some(max)) => format!("of at most {max}"),
        (None, None) => "in range".to_owned(),
    })
}
