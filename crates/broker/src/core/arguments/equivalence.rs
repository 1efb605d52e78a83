//! Whether what is declared is what is there.

use std::fmt::Display;

use bergen_amqp::codec::{FieldTable, FieldValue};

use super::{QueueKind, check::KNOWN};
use crate::core::Refusal;

/// The order in which RabbitMQ compares the arguments of a quorum queue.
const QUORUM: [&str; 15] = [
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-expires",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
    "x-overflow",
    "x-single-active-consumer",
    "x-queue-type",
    "x-quorum-initial-group-size",
    "x-delivery-limit",
    "x-message-ttl",
    "x-queue-leader-locator",
];

/// Refuses arguments that mean another queue than the one that is there. Looks at those only that mean something for
/// its type, and not at how wide integers were written.
pub(in crate::core) fn check_equivalent(
    host: &str,
    queue: &str,
    kind: QueueKind,
    current: &FieldTable<'_>,
    declared: &FieldTable<'_>,
) -> Result<(), Refusal> {
    if current.is_empty() && declared.is_empty() {
        return Ok(());
    }
    let entity = format!("queue '{queue}' in vhost '{host}'");
    // A queue without a type is a classic one.
    let is_classic = |arguments: &FieldTable<'_>| {
        arguments
            .get("x-queue-type")
            .is_none_or(|kind| kind.as_bytes() == Some(b"classic"))
    };
    let same_kind = is_classic(current) && is_classic(declared);
    let check = |name: &str| match name {
        "x-queue-type" if same_kind => Ok(()),
        name => check_same(&entity, &[name], current, declared),
    };
    if kind == QueueKind::Quorum {
        return QUORUM.into_iter().try_for_each(check);
    }
    for (name, kinds, _) in KNOWN {
        if kinds.contains(&kind) {
            check(name)?;
        }
        // Its place in RabbitMQ's order.
        if name == "x-single-active-consumer" {
            check("x-queue-type")?;
        }
    }
    Ok(())
}

/// Refuses `declared` if one of these arguments is not as in `current`.
pub(in crate::core) fn check_same(
    entity: &str,
    names: &[&str],
    current: &FieldTable<'_>,
    declared: &FieldTable<'_>,
) -> Result<(), Refusal> {
    for name in names {
        let refused = |received: &dyn Display, current: &dyn Display| {
            Err(Refusal::precondition_failed(format_args!(
                "inequivalent arg '{name}' for {entity}: received {received} but current is {current}"
            )))
        };
        match (declared.get(name), current.get(name)) {
            (None, None) => {}
            (Some(received), Some(current)) => {
                if !is_same(received, current) {
                    let quoted = |value| format!("'{}'", shown(value));
                    return refused(&quoted(received), &quoted(current));
                }
            }
            (Some(received), None) => return refused(&described(received), &"none"),
            (None, Some(current)) => return refused(&"none", &described(current)),
        }
    }
    Ok(())
}

/// What RabbitMQ calls the type of a value.
pub(in crate::core) fn type_name(value: &FieldValue<'_>) -> &'static str {
    match value {
        FieldValue::Bool(_) => "bool",
        FieldValue::I8(_) => "byte",
        FieldValue::U8(_) => "unsignedbyte",
        FieldValue::I16(_) => "short",
        FieldValue::U16(_) => "unsignedshort",
        FieldValue::I32(_) => "signedint",
        FieldValue::U32(_) => "unsignedint",
        FieldValue::I64(_) => "long",
        FieldValue::Float(_) => "float",
        FieldValue::Double(_) => "double",
        FieldValue::Decimal { .. } => "decimal",
        FieldValue::LongString(_) => "longstr",
        FieldValue::Array(_) => "array",
        FieldValue::Timestamp(_) => "timestamp",
        FieldValue::Table(_) => "table",
        FieldValue::Bytes(_) => "binary",
        _ => "void",
    }
}

/// A value as RabbitMQ shows it in its refusals, as far as programs look at them.
pub(in crate::core) fn shown(value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::Bool(value) => value.to_string(),
        FieldValue::Float(number) => shown_float(f64::from(*number)),
        FieldValue::Double(number) => shown_float(*number),
        FieldValue::Decimal { scale, value } => format!("{{{scale},{value}}}"),
        FieldValue::LongString(bytes) | FieldValue::Bytes(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        FieldValue::Timestamp(seconds) => seconds.to_string(),
        FieldValue::Array(values) => {
            let values: Vec<_> = values.iter().map(shown).collect();
            format!("[{}]", values.join(","))
        }
        FieldValue::Table(table) => {
            let pairs: Vec<_> = table
                .iter()
                .map(|(name, value)| format!("{{{name},{}}}", shown(value)))
                .collect();
            format!("[{}]", pairs.join(","))
        }
        other => other
            .as_i64()
            .map_or_else(|| "undefined".into(), |number| number.to_string()),
    }
}

fn described(value: &FieldValue<'_>) -> String {
    format!(
        "the value '{}' of type '{}'",
        shown(value),
        type_name(value)
    )
}

/// Integers are equal by value, whatever their width; nothing else is equal to another type.
fn is_same(one: &FieldValue<'_>, other: &FieldValue<'_>) -> bool {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// The shorter of `50000.0` and `5.0e4`, as Erlang writes numbers.
fn shown_float(number: f64) -> String {
    let with_point = |text: String, at: usize| {
        if text.contains('.') {
            return text;
        }
        let (digits, exponent) = text.split_at_checked(at).unwrap_or((&text, ""));
        format!("{digits}.0{exponent}")
    };
    let plain = format!("{number}");
    let plain = with_point(plain.clone(), plain.len());
    let exponent = format!("{number:e}");
    let at = exponent.find('e').unwrap_or(exponent.len());
    let exponent = with_point(exponent, at);
    if exponent.len() < plain.len() {
        exponent
    } else {
        plain
    }
}
