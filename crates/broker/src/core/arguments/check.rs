//! Which arguments a queue may have.

use std::{fmt, time::Duration};

use bergen_amqp::codec::{FieldTable, FieldValue};

use super::{QueueKind, shown, type_name};
use crate::core::{DeclareQueue, Refusal};

/// Ten years: the longest time that RabbitMQ takes.
const LONGEST: i64 = 315_360_000_000;

/// The largest segment of a stream that RabbitMQ takes.
const LARGEST_SEGMENT: i64 = 3_000_000_000;

/// All arguments that mean something for some type of queue, in RabbitMQ's order, with the types that take them.
/// Others are nobody's business and may say anything.
pub(super) const KNOWN: [(&str, &[QueueKind], Check); 21] = {
    use QueueKind::{Classic, Quorum, Stream};
    [
        ("x-expires", &[Classic, Quorum], |value| {
            match integer(value)? {
                0 => Err("{value_zero,0}".into()),
                number => time(number),
            }
        }),
        ("x-message-ttl", &[Classic, Quorum], |value| {
            time(integer(value)?)
        }),
        ("x-dead-letter-exchange", &[Classic, Quorum], |_| Ok(())),
        ("x-dead-letter-routing-key", &[Classic, Quorum], |value| {
            text(value).map(drop)
        }),
        ("x-dead-letter-strategy", &[Quorum], |value| {
            one_of(
                value,
                &["at-most-once", "at-least-once"],
                "invalid_dlx_strategy",
            )
        }),
        ("x-max-length", &[Classic, Quorum], not_negative),
        (
            "x-max-length-bytes",
            &[Classic, Quorum, Stream],
            not_negative,
        ),
        ("x-max-in-memory-length", &[Quorum], not_negative),
        ("x-max-in-memory-bytes", &[Quorum], not_negative),
        ("x-max-priority", &[Classic], |value| {
            not_negative(value)?;
            match integer(value)? {
                number if number > 255 => Err(format!("{{max_value_exceeded,{number}}}")),
                _ => Ok(()),
            }
        }),
        ("x-overflow", &[Classic, Quorum], |value| {
            one_of(
                value,
                &["drop-head", "reject-publish", "reject-publish-dlx"],
                "invalid_overflow",
            )
        }),
        ("x-queue-mode", &[Classic], |value| {
            match text(value)?.as_ref() {
                "default" | "lazy" => Ok(()),
                other => Err(format!("\"unsupported queue mode '{other}'\"")),
            }
        }),
        ("x-queue-version", &[Classic], |value| {
            match integer(value)? {
                1 | 2 => Ok(()),
                other => Err(format!("\"unsupported queue version '{other}'\"")),
            }
        }),
        ("x-single-active-consumer", &[Classic, Quorum], |value| {
            value.as_bool().map(drop).ok_or_else(|| unacceptable(value))
        }),
        ("x-quorum-initial-group-size", &[Quorum], positive),
        ("x-max-age", &[Stream], |value| {
            match interval(&text(value)?) {
                Some(_) => Ok(()),
                None => Err("invalid_max_age".into()),
            }
        }),
        ("x-stream-max-segment-size-bytes", &[Stream], not_negative),
        ("x-initial-cluster-size", &[Stream], positive),
        // RabbitMQ takes any value here.
        ("x-delivery-limit", &[Quorum], |_| Ok(())),
        ("x-queue-leader-locator", &[Quorum, Stream], |value| {
            one_of(
                value,
                &["client-local", "random", "least-leaders", "balanced"],
                "invalid_queue_locator_arg",
            )
        }),
        ("x-queue-master-locator", &[Classic], |_| Ok(())),
    ]
};

type Check = fn(&FieldValue<'_>) -> Result<(), String>;

/// Refuses what no queue, or no queue of its type, may have; the type.
pub(super) fn queue(host: &str, declare: &DeclareQueue<'_>) -> Result<QueueKind, Refusal> {
    let arguments = declare.arguments;
    let entity = format!("queue '{}' in vhost '{host}'", declare.name);
    let invalid = |name: &str, why: &dyn fmt::Display| {
        Refusal::precondition_failed(format_args!("invalid arg '{name}' for {entity}{why}"))
    };
    if let Some(value) = arguments.get("x-dead-letter-exchange")
        && !matches!(value, FieldValue::LongString(_))
    {
        return Err(Refusal::precondition_failed(format_args!(
            "invalid type '{}' for arg 'x-dead-letter-exchange' in {entity}",
            type_name(value)
        )));
    }
    let kind = kind(arguments).map_err(|why| invalid("x-queue-type", &format_args!(": {why}")))?;
    for (name, kinds, check) in KNOWN {
        let Some(value) = arguments.get(name).filter(|_| kinds.contains(&kind)) else {
            continue;
        };
        check(value).map_err(|why| invalid(name, &format_args!(": {why}")))?;
        if name == "x-dead-letter-routing-key" && !arguments.contains_key("x-dead-letter-exchange")
        {
            return Err(invalid(name, &": routing_key_but_no_dlx_defined"));
        }
    }
    let not_for = |name: &str| {
        KNOWN
            .iter()
            .any(|(known, kinds, _)| *known == name && !kinds.contains(&kind))
    };
    if let Some((name, _)) = arguments.iter().find(|(name, _)| not_for(name)) {
        return Err(invalid(
            name,
            &format_args!(" of queue type rabbit_{}_queue", kind.name()),
        ));
    }
    let property = match kind {
        QueueKind::Classic => None,
        _ if declare.auto_delete => Some("auto-delete"),
        _ if declare.exclusive => Some("exclusive-owner"),
        _ if !declare.durable => Some("non-durable"),
        _ => None,
    };
    if let Some(property) = property {
        return Err(Refusal::precondition_failed(format_args!(
            "invalid property '{property}' for {entity}"
        )));
    }
    let segment = "x-stream-max-segment-size-bytes";
    if arguments
        .get(segment)
        .and_then(FieldValue::as_i64)
        .is_some_and(|size| size > LARGEST_SEGMENT)
    {
        return Err(Refusal::precondition_failed(format_args!(
            "Exceeded max value for {segment}"
        )));
    }
    Ok(kind)
}

/// A time as streams write it: a number and one of `Y`, `M`, `D`, `h`, `m`, `s`.
pub(in crate::core) fn interval(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds: u32 = match unit {
        'Y' => 365 * 86_400,
        'M' => 30 * 86_400,
        'D' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return None,
    };
    Some(Duration::from_secs(u64::from(number) * u64::from(seconds)))
}

pub(super) fn integer(value: &FieldValue<'_>) -> Result<i64, String> {
    value
        .as_i64()
        .ok_or_else(|| format!("\"expected integer, got {}\"", type_name(value)))
}

fn kind(arguments: &FieldTable<'_>) -> Result<QueueKind, String> {
    let Some(value) = arguments.get("x-queue-type") else {
        return Ok(QueueKind::Classic);
    };
    Ok(match text(value)?.as_ref() {
        "classic" => QueueKind::Classic,
        "quorum" => QueueKind::Quorum,
        "stream" => QueueKind::Stream,
        other => return Err(format!("\"unsupported queue type '{other}'\"")),
    })
}

fn text<'v>(value: &'v FieldValue<'_>) -> Result<std::borrow::Cow<'v, str>, String> {
    match value {
        FieldValue::LongString(text) => Ok(String::from_utf8_lossy(text)),
        other => Err(unacceptable(other)),
    }
}

fn one_of(value: &FieldValue<'_>, allowed: &[&str], otherwise: &str) -> Result<(), String> {
    if allowed.contains(&text(value)?.as_ref()) {
        return Ok(());
    }
    Err(otherwise.into())
}

fn not_negative(value: &FieldValue<'_>) -> Result<(), String> {
    if integer(value)? < 0 {
        return Err(format!("{{value_negative,{}}}", shown(value)));
    }
    Ok(())
}

fn positive(value: &FieldValue<'_>) -> Result<(), String> {
    not_negative(value)?;
    if integer(value)? == 0 {
        return Err("{value_zero,0}".into());
    }
    Ok(())
}

fn time(milliseconds: i64) -> Result<(), String> {
    match milliseconds {
        ..0 => Err(format!("{{value_negative,{milliseconds}}}")),
        0..=LONGEST => Ok(()),
        _ => Err(format!("{{value_too_large,{milliseconds}}}")),
    }
}

fn unacceptable(value: &FieldValue<'_>) -> String {
    format!("{{unacceptable_type,{}}}", type_name(value))
}
