//! The property `expiration`.

use std::time::Duration;

use bergen_amqp::codec::BasicProperties;

use super::Refusal;

/// RabbitMQ's longest: ten years.
const MAX_MILLIS: u64 = 315_360_000_000;

/// How long a message may wait in a queue by its own properties.
///
/// RabbitMQ takes any text that Erlang takes for a whole number, and refuses others in Erlang's words.
pub(super) fn expiration(properties: &BasicProperties<'_>) -> Result<Option<Duration>, Refusal> {
    let Some(text) = properties.expiration.as_deref() else {
        return Ok(None);
    };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    let refused = |why: &str| {
        Err(Refusal::precondition_failed(format_args!(
            "invalid expiration '{text}': {why}"
        )))
    };
    if digits.is_empty() {
        return refused("no_integer");
    }
    if !rest.is_empty() {
        return refused(&format!("{{leftover_string,{rest:?}}}"));
    }
    let significant = digits.trim_start_matches('0');
    if text.starts_with('-') && !significant.is_empty() {
        return refused(&format!("{{value_negative,-{significant}}}"));
    }
    match digits.parse() {
        Ok(millis @ 0..=MAX_MILLIS) => Ok(Some(Duration::from_millis(millis))),
        _ => refused(&format!("{{value_too_large,{significant}}}")),
    }
}
