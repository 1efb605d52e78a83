//! The JSON object in the body of a request.

use bergen_amqp::codec::FieldTable;
use serde_json::{Map, Value, json};

use super::json;
use super::reply::Refused;

/// The fields of a body. Each is missing, of the type that is asked for, or refused.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// An empty body is an empty object.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refused> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            _ => Err(Refused::bad_request("not_json")),
        }
    }

    /// Those of an object inside another.
    pub(super) fn of(value: &Value) -> Result<Self, Refused> {
        match value {
            Value::Object(fields) => Ok(Self(fields.clone())),
            _ => Err(Refused::bad_request("not_json")),
        }
    }

    /// Refuses the request unless all of them are there.
    pub(super) fn require(&self, names: &[&str]) -> Result<(), Refused> {
        let missing: Vec<String> = names
            .iter()
            .filter(|name| !self.0.contains_key(**name))
            .map(|name| format!("{{key_missing,{name}}}"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Refused::bad_request(format!("[{}]", missing.join(","))))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A truth value, or a text that says one; `false` if it is missing.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refused> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(other) => Err(Refused::bad_request(json!(["not_boolean", other]))),
        }
    }

    /// A number, or a text that says one.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Refused> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        number
            .map(Some)
            .ok_or_else(|| Refused::bad_request(json!(["not_int", name])))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refused> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refused::bad_request(json!(["not_string", name]))),
        }
    }

    /// A text that fits into AMQP's short strings.
    pub(super) fn short_text(&self, name: &str) -> Result<Option<&str>, Refused> {
        let text = self.text(name)?;
        check_length(name, text.unwrap_or_default())?;
        Ok(text)
    }

    /// The table under `arguments`, or an empty one.
    pub(super) fn arguments(&self) -> Result<FieldTable<'static>, Refused> {
        self.get("arguments")
            .map_or_else(|| Ok(FieldTable::new()), json::to_table)
    }

    /// The objects of a list; none if it is missing.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Self>, Refused> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(Self::of).collect(),
            Some(_) => Err(Refused::bad_request(json!(["not_list", name]))),
        }
    }
}

/// Refuses a name that is longer than AMQP's 255 bytes.
pub(super) fn check_length(what: &str, name: &str) -> Result<(), Refused> {
    if name.len() > 255 {
        return Err(Refused::bad_request(format!(
            "{what} is longer than 255 bytes"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
