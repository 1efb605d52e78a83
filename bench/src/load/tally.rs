use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Latencies, Outcome};

/// What all callers together saw. One for all of them: ten thousand histograms would be most of what
/// the client has in memory.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    latencies: Latencies,
    done: u64,
    failed: u64,
    error: Option<String>,
}

impl Tally {
    /// An answer within the measured time.
    pub(super) fn done(&self) {
        self.lock().done += 1;
    }

    pub(super) fn record(&self, latency: Duration) {
        self.lock().latencies.record(latency);
    }

    pub(super) fn fail(&self, error: impl std::fmt::Display) {
        let mut counts = self.lock();
        counts.failed += 1;
        if counts.error.is_none() {
            counts.error = Some(error.to_string());
        }
    }

    pub(super) fn outcome(&self, seconds: f64) -> Outcome {
        let counts = self.lock();
        Outcome {
            done: counts.done,
            failed: counts.failed,
            seconds,
            p50_us: counts.latencies.quantile_us(0.5),
            p99_us: counts.latencies.quantile_us(0.99),
            p999_us: counts.latencies.quantile_us(0.999),
            io: None,
            error: counts.error.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
