//! Points in time that are always there.

use std::time::Duration;

use tokio::time::Instant;

/// `start` plus `by`, and five years after `start` if the clock does not reach that far: what people and peers give as
/// "for ever" must not end the task that computes with it.
pub(crate) fn later(start: Instant, by: Duration) -> Instant {
    start.checked_add(by).unwrap_or_else(|| start + LONGEST)
}

/// As long as no program runs, and within what RabbitMQ takes as an expiration: ten years.
const LONGEST: Duration = Duration::from_hours(24 * 365 * 5);
