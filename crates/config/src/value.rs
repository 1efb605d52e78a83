//! Values and how they are read from text.

use std::fmt::Display;

use crate::declaration::Kind;

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
}

impl Kind {
    pub(crate) fn parse(self, text: &str) -> Result<Value, InvalidValue> {
        match self {
            Self::Bool => parse_bool(text).map(Value::Bool).ok_or(InvalidValue::Bool),
            Self::Int { min, max } => {
                let number = text.trim().parse().map_err(|_| InvalidValue::Int)?;
                if (min..=max).contains(&number) {
                    return Ok(Value::Int(number));
                }
                let min = (min != i64::MIN).then_some(min);
                Err(out_of_range(min, (max != i64::MAX).then_some(max)))
            }
            Self::Float { min, max } => {
                let number: f64 = text.trim().parse().map_err(|_| InvalidValue::Float)?;
                if !number.is_finite() {
                    return Err(InvalidValue::Float);
                }
                if (min..=max).contains(&number) {
                    return Ok(Value::Float(number));
                }
                let min = (min > f64::MIN).then_some(min);
                Err(out_of_range(min, (max < f64::MAX).then_some(max)))
            }
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Self::Choice(words) => Err(InvalidValue::Choice(words)),
            Self::List => Ok(Value::List(split(text))),
            Self::Multi => Ok(Value::List(vec![text.to_owned()])),
        }
    }
}

/// oslo.config's words, in any case.
fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// Items between commas, without the space around them; an empty text has none.
fn split(text: &str) -> Vec<String> {
    match text.trim() {
        "" => Vec::new(),
        items => items
            .split(',')
            .map(|item| item.trim().to_owned())
            .collect(),
    }
}

fn out_of_range(min: Option<impl Display>, max: Option<impl Display>) -> InvalidValue {
    InvalidValue::Range(match (min, max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("of at least {min}"),
        (None, Some(max)) => format!("of at most {max}"),
        (None, None) => "in range".to_owned(),
    })
}
