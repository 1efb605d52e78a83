use std::time::Duration;

use hdrhistogram::Histogram;

use crate::series::as_f64;

/// A histogram of times, in microseconds to three digits, up to two minutes.
#[derive(Clone, Debug)]
pub struct Latencies(Option<Histogram<u64>>);

impl Latencies {
    /// Adds one.
    pub fn record(&mut self, latency: Duration) {
        if let Some(histogram) = &mut self.0 {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            histogram.saturating_record(micros);
        }
    }

    /// How many were added.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// The time that this part of all did not exceed.
    pub fn quantile_us(&self, part: f64) -> f64 {
        let of = |histogram: &Histogram<u64>| as_f64(histogram.value_at_quantile(part));
        self.0.as_ref().map_or(0.0, of)
    }
}

impl Default for Latencies {
    fn default() -> Self {
        // The bounds are constants that the histogram accepts.
        Self(Histogram::new_with_bounds(1, 120_000_000, 3).ok())
    }
}
