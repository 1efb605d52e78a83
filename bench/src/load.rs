//! The load: closed, with so many calls in flight, or open, with so many calls a second.

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::io::Io;
use crate::options::Options;

mod closed;
mod latencies;
mod open;
mod tally;

pub use latencies::Latencies;

/// What a worker is asked to do; one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// `call`, `cast` or `fanout`, where a worker knows them.
    pub mode: String,
    /// How many are in flight at any time; nothing in an open loop.
    pub in_flight: usize,
    /// An open loop: how many are begun in a second, whether or not those before are answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Seconds before the measurement starts.
    pub warm_up: f64,
    /// Measured seconds.
    pub seconds: f64,
    /// The size of the echoed value in bytes.
    pub bytes: usize,
    /// For a listener: how many events wait, which it is to handle; it then stops by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
}

/// What came of an [`Order`]; one line of JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Calls that were answered in the measured time.
    pub done: u64,
    /// Calls that failed in the measured time.
    pub failed: u64,
    /// The measured time.
    pub seconds: f64,
    /// Half of the calls took no longer, in microseconds. In an open loop a call's time begins when it
    /// was due, so that a stall counts for all whom it kept waiting.
    pub p50_us: f64,
    /// 99 of 100 calls took no longer, in microseconds.
    pub p99_us: f64,
    /// 999 of 1 000 calls took no longer, in microseconds.
    #[serde(default)]
    pub p999_us: f64,
    /// What the client's connections did, warm-up included; not known of every client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<Io>,
    /// The words of the first failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Order {
    /// A closed loop with the times of `options`.
    pub fn closed(options: &Options, mode: &str, in_flight: usize, bytes: usize) -> Self {
        Self {
            mode: mode.to_owned(),
            in_flight,
            rate: None,
            warm_up: options.warm_up,
            seconds: options.seconds,
            bytes,
            events: None,
        }
    }

    /// The shortest closed loop: its one call comes behind all that was sent before.
    pub fn flush() -> Self {
        Self {
            mode: "call".to_owned(),
            in_flight: 1,
            rate: None,
            warm_up: 0.0,
            seconds: 0.02,
            bytes: 1,
            events: None,
        }
    }
}

/// Runs `order` with `call`. `started` is called when the measurement begins.
pub async fn run<Call, Answer, Failure>(
    order: &Order,
    call: Call,
    started: impl FnOnce(),
) -> Outcome
where
    Call: Fn() -> Answer + Clone + Send + 'static,
    Answer: Future<Output = Result<(), Failure>> + Send + 'static,
    Failure: std::fmt::Display + Send + 'static,
{
    match order.rate {
        Some(rate) => open::run(order, rate, call, started).await,
        None => closed::run(order, call, started).await,
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests;
