//! The load: so many calls in flight, each followed by the next as soon as it is answered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// What a worker is asked to do; one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// `call` or `cast`, where a worker knows both.
    pub mode: String,
    /// How many are in flight at any time.
    pub in_flight: usize,
    /// Seconds before the measurement starts.
    pub warm_up: f64,
    /// Measured seconds.
    pub seconds: f64,
    /// The size of the echoed value in bytes.
    pub bytes: usize,
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
    /// Half of the calls took no longer, in microseconds.
    pub p50_us: f64,
    /// 99 of 100 calls took no longer, in microseconds.
    pub p99_us: f64,
    /// The words of the first failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Runs `order` with `call`. `started` is called when the measurement begins.
pub async fn closed_loop<Call, Answer, Failure>(
    order: &Order,
    call: Call,
    started: impl FnOnce(),
) -> Outcome
where
    Call: Fn() -> Answer + Clone + Send + 'static,
    Answer: Future<Output = Result<(), Failure>> + Send + 'static,
    Failure: std::fmt::Display + Send + 'static,
{
    let phase = Arc::new(AtomicU8::new(WARM_UP));
    let mut callers = JoinSet::new();
    for _ in 0..order.in_flight {
        callers.spawn(caller(call.clone(), Arc::clone(&phase)));
    }
    tokio::time::sleep(duration(order.warm_up)).await;
    phase.store(MEASURE, Ordering::Relaxed);
    started();
    let begin = Instant::now();
    tokio::time::sleep(duration(order.seconds)).await;
    phase.store(STOP, Ordering::Relaxed);
    let seconds = begin.elapsed().as_secs_f64();

    let mut all = Tally::new();
    while let Some(tally) = callers.join_next().await {
        match tally {
            Ok(tally) => all.add(tally),
            Err(panic) => all.fail(panic.to_string()),
        }
    }
    all.outcome(seconds)
}

const WARM_UP: u8 = 0;
const MEASURE: u8 = 1;
const STOP: u8 = 2;

/// After a failure: long enough that a broken contestant does not fill the time with failures alone.
const PAUSE: Duration = Duration::from_millis(10);

async fn caller<Call, Answer, Failure>(call: Call, phase: Arc<AtomicU8>) -> Tally
where
    Call: Fn() -> Answer,
    Answer: Future<Output = Result<(), Failure>>,
    Failure: std::fmt::Display + Send + 'static,
{
    let mut tally = Tally::new();
    while phase.load(Ordering::Relaxed) != STOP {
        let start = Instant::now();
        let answer = call().await;
        // What was under way when the phase changed counts for the phase in which it ended.
        let measured = phase.load(Ordering::Relaxed) == MEASURE;
        match answer {
            Ok(()) if measured => tally.record(start.elapsed()),
            Ok(()) => {}
            Err(failure) => {
                if measured {
                    tally.fail(failure.to_string());
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    tally
}

/// What one caller saw.
struct Tally {
    /// Microseconds; two digits, so that 256 of them stay small.
    latencies: Option<Histogram<u32>>,
    failed: u64,
    error: Option<String>,
}

impl Tally {
    fn new() -> Self {
        // The bounds are constants that the histogram accepts.
        let latencies = Histogram::new_with_bounds(1, 120_000_000, 2).ok();
        Self {
            latencies,
            failed: 0,
            error: None,
        }
    }

    fn record(&mut self, latency: Duration) {
        if let Some(latencies) = &mut self.latencies {
            latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        }
    }

    fn fail(&mut self, error: String) {
        self.failed += 1;
        self.error.get_or_insert(error);
    }

    fn add(&mut self, other: Self) {
        if let (Some(all), Some(latencies)) = (&mut self.latencies, &other.latencies) {
            // Both have the same bounds.
            let _ = all.add(latencies);
        }
        self.failed += other.failed;
        self.error = self.error.take().or(other.error);
    }

    fn outcome(self, seconds: f64) -> Outcome {
        let quantile = |q| {
            let value = self
                .latencies
                .as_ref()
                .map_or(0, |all| all.value_at_quantile(q));
            u32::try_from(value).map_or(f64::MAX, f64::from)
        };
        Outcome {
            done: self.latencies.as_ref().map_or(0, Histogram::len),
            failed: self.failed,
            seconds,
            p50_us: quantile(0.5),
            p99_us: quantile(0.99),
            error: self.error,
        }
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests;
