//! When a looping call runs again. Nothing here reads a clock.

use std::f64::consts::TAU;
use std::time::Duration;

use super::LoopingCallError;

#[cfg(test)]
mod tests;

/// One kind of looping call: the time between a run and the next.
pub(super) trait Pace: Send + 'static {
    /// What the function says when the loop goes on.
    type Answer: Send;

    /// Forgets what was before a start.
    fn restart(&mut self) {}

    /// What to sleep after a run. No answer: the function failed, and the loop goes on nevertheless.
    fn after(
        &mut self,
        answer: Option<Self::Answer>,
        turn: &Turn<'_>,
    ) -> Result<Duration, LoopingCallError>;
}

/// A run that has ended.
pub(super) struct Turn<'a> {
    /// Of the looping call.
    pub(super) name: &'a str,
    pub(super) took: Duration,
    /// Since the start of the loop.
    pub(super) since_start: Duration,
}

pub(super) struct FixedInterval {
    interval: Duration,
    timeout: Option<Duration>,
}

impl FixedInterval {
    pub(super) fn new(interval: Duration, timeout: Option<Duration>) -> Self {
        Self { interval, timeout }
    }
}

impl Pace for FixedInterval {
    type Answer = ();

    fn after(
        &mut self,
        _answer: Option<()>,
        turn: &Turn<'_>,
    ) -> Result<Duration, LoopingCallError> {
        if self
            .timeout
            .is_some_and(|timeout| turn.since_start > timeout)
        {
            return Err(LoopingCallError::TimedOut {
                name: turn.name.to_owned(),
                after: turn.since_start,
            });
        }
        let outlasted = in_hundredths(turn.took.saturating_sub(self.interval));
        if !outlasted.is_zero() {
            tracing::warn!(
                name = turn.name,
                "a run of a looping call outlasted its interval by {:.2} seconds",
                outlasted.as_secs_f64()
            );
        }
        Ok(in_hundredths(self.interval.saturating_sub(turn.took)))
    }
}

pub(super) struct Dynamic {
    periodic_interval_max: Option<Duration>,
    /// What was slept last.
    previous: Duration,
}

impl Dynamic {
    /// What a failing function sleeps at least.
    const AFTER_FAILURE: Duration = Duration::from_secs(1);

    pub(super) fn new(periodic_interval_max: Option<Duration>) -> Self {
        Self {
            periodic_interval_max,
            previous: Duration::ZERO,
        }
    }
}

impl Pace for Dynamic {
    type Answer = Option<Duration>;

    fn restart(&mut self) {
        self.previous = Duration::ZERO;
    }

    fn after(
        &mut self,
        answer: Option<Option<Duration>>,
        turn: &Turn<'_>,
    ) -> Result<Duration, LoopingCallError> {
        let most = self.periodic_interval_max;
        let idle = match answer {
            Some(Some(idle)) => most.map_or(idle, |most| idle.min(most)),
            Some(None) => most.ok_or_else(|| LoopingCallError::NoInterval {
                name: turn.name.to_owned(),
            })?,
            None => self.previous.max(Self::AFTER_FAILURE),
        };
        self.previous = idle;
        Ok(idle)
    }
}

/// How a back-off call sleeps, with the peer's names and defaults. `r` is the absolute value of a normally distributed
/// number with mean `jitter` and deviation 0.1, drawn for each sleep.
///
/// After a success: `starting_interval · r`. After a failure `interval · 2 · r`, not below `min_interval` and not above
/// `max_interval`; `interval` is `starting_interval` at first and becomes `interval · 2 · jitter`. So with the defaults
/// sleeps are 1.5 s, 2.25 s, 3.4 s and so on, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackOff {
    /// Default 1 s.
    pub starting_interval: Duration,
    /// The call fails with [`LoopingCallError::TimedOut`] before it would have slept longer than this in a row of
    /// failures. Zero: never. Default 300 s.
    pub timeout: Duration,
    /// Default 300 s.
    pub max_interval: Duration,
    /// Default 0.75: sleeps grow by half.
    pub jitter: f64,
    /// Default 1 ms.
    pub min_interval: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self {
            starting_interval: Duration::from_secs(1),
            timeout: Duration::from_mins(5),
            max_interval: Duration::from_mins(5),
            jitter: 0.75,
            min_interval: Duration::from_millis(1),
        }
    }
}

pub(super) struct BackOffPace {
    back_off: BackOff,
    rng: fastrand::Rng,
    /// Seconds. It grows without bound, so it is no `Duration`.
    interval: f64,
    /// Slept since the last success.
    failing: Duration,
}

impl BackOffPace {
    pub(super) fn new(back_off: BackOff, rng: fastrand::Rng) -> Self {
        Self {
            back_off,
            rng,
            interval: back_off.starting_interval.as_secs_f64(),
            failing: Duration::ZERO,
        }
    }
}

impl Pace for BackOffPace {
    type Answer = bool;

    fn restart(&mut self) {
        self.interval = self.back_off.starting_interval.as_secs_f64();
        self.failing = Duration::ZERO;
    }

    fn after(
        &mut self,
        answer: Option<bool>,
        turn: &Turn<'_>,
    ) -> Result<Duration, LoopingCallError> {
        let BackOff {
            timeout,
            max_interval,
            jitter,
            min_interval,
            ..
        } = self.back_off;
        let random = gauss(&mut self.rng, jitter, 0.1).abs();
        if answer == Some(true) {
            self.restart();
            return Ok(seconds(self.interval * random));
        }
        let idle = seconds(self.interval * 2.0 * random)
            .max(min_interval)
            .min(max_interval);
        self.interval = (self.interval * 2.0 * jitter).max(min_interval.as_secs_f64());
        let failing = self.failing.saturating_add(idle);
        if !timeout.is_zero() && failing > timeout {
            return Err(LoopingCallError::TimedOut {
                name: turn.name.to_owned(),
                after: failing,
            });
        }
        self.failing = failing;
        Ok(idle)
    }
}

/// Rounded to 10 ms.
fn in_hundredths(time: Duration) -> Duration {
    const HUNDREDTH: u128 = 10_000_000;
    let hundredths = (time.as_nanos() + HUNDREDTH / 2) / HUNDREDTH;
    u64::try_from(hundredths * 10).map_or(Duration::MAX, Duration::from_millis)
}

/// More than a `Duration` holds is its maximum.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// A normally distributed number (Box and Muller).
fn gauss(rng: &mut fastrand::Rng, mean: f64, deviation: f64) -> f64 {
    // 1 - [0, 1) has a logarithm.
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    mean + deviation * radius * (TAU * rng.f64()).cos()
}
