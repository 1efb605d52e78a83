//! Field tables as JSON and back, as RabbitMQ's management does it.

use bergen_amqp::codec::table::MAX_DEPTH;
use bergen_amqp::codec::{FieldTable, FieldValue};
use serde_json::{Map, Value};

use super::reply::Refused;

/// Arguments and headers for a reply.
pub(super) fn from_table(table: &FieldTable<'_>) -> Value {
    let entries = table
        .iter()
        .map(|(key, value)| (key.to_owned(), from_value(value)));
    Value::Object(entries.collect::<Map<_, _>>())
}

/// Sets a field of an object.
pub(super) fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}

fn from_value(value: &FieldValue<'_>) -> Value {
    match value {
        FieldValue::Bool(value) => (*value).into(),
        FieldValue::Float(value) => f64::from(*value).into(),
        FieldValue::Double(value) => (*value).into(),
        FieldValue::Decimal { scale, value } => {
            (f64::from(*value) / 10_f64.powi(i32::from(*scale))).into()
        }
        FieldValue::Timestamp(seconds) => (*seconds).into(),
        FieldValue::LongString(bytes) | FieldValue::Bytes(bytes) => {
            String::from_utf8_lossy(bytes).into()
        }
        FieldValue::Array(values) => values.iter().map(from_value).collect(),
        FieldValue::Table(table) => from_table(table),
        value => match value.as_i64() {
            Some(number) => number.into(),
            // What RabbitMQ shows for no value.
            None => "undefined".into(),
        },
    }
}

/// Arguments and headers of a request. An integer becomes 64 bits wide, as with RabbitMQ.
pub(super) fn to_table(value: &Value) -> Result<FieldTable<'static>, Refused> {
    table_at(value, 1)
}

fn table_at(value: &Value, depth: usize) -> Result<FieldTable<'static>, Refused> {
    let Value::Object(entries) = value else {
        return Err(Refused::bad_request("arguments and headers are objects"));
    };
    let mut table = FieldTable::new();
    for (key, value) in entries {
        if key.len() > 128 {
            return Err(Refused::bad_request(
                "a name in a table has 128 bytes at most",
            ));
        }
        table.insert(key.clone(), value_at(value, depth)?);
    }
    Ok(table)
}

fn value_at(value: &Value, depth: usize) -> Result<FieldValue<'static>, Refused> {
    if depth >= MAX_DEPTH && (value.is_array() || value.is_object()) {
        return Err(Refused::bad_request(format!(
            "tables nest {MAX_DEPTH} deep at most"
        )));
    }
    Ok(match value {
        Value::Null => return Err(Refused::bad_request("null_not_allowed")),
        Value::Bool(value) => FieldValue::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => FieldValue::I64(number),
            (None, Some(number)) if !value.is_u64() => FieldValue::Double(number),
            _ => {
                return Err(Refused::bad_request(
                    "a number in a table has 64 bits at most",
                ));
            }
        },
        Value::String(text) => FieldValue::LongString(text.clone().into_bytes().into()),
        Value::Array(values) => FieldValue::Array(
            values
                .iter()
                .map(|value| value_at(value, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(_) => FieldValue::Table(table_at(value, depth + 1)?),
    })
}

#[cfg(test)]
mod tests;
