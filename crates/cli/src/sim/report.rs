//! What a simulator run measured: a row for each second, latencies, and JSON as the upstream simulator writes it.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::message;

/// One hour in microseconds: no call of the simulator waits longer.
const LONGEST: u64 = 3_600_000_000;

/// Counts and latencies of one series: a client's messages, its round trips, a server's requests.
pub(crate) struct Series {
    started: Instant,
    rows: Vec<Row>,
    latencies: Histogram<u64>,
}

/// One second of a series, with the upstream simulator's names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Row {
    seq: u64,
    timestamp: f64,
    count: u64,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_latency: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_latency: Option<f64>,
}

/// The whole of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Seconds that the series lasted.
    pub(crate) duration: f64,
    /// Messages.
    pub(crate) count: u64,
    /// Bytes of cargo.
    pub(crate) size: u64,
    /// Latencies; absent where none was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<Latency>,
}

/// Latencies of a series, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) mean: f64,
    pub(crate) min: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Series {
    /// An empty series that starts now.
    pub(crate) fn new() -> Self {
        #[expect(clippy::expect_used, reason = "a constant that the histogram accepts")]
        let mut latencies = Histogram::new(3).expect("a precision that there is");
        // There may be one for each of many clients.
        latencies.auto(true);
        Self {
            started: Instant::now(),
            rows: Vec::new(),
            latencies,
        }
    }

    /// Counts a message of `size` bytes of cargo, with its latency where there is one.
    pub(crate) fn record(&mut self, size: usize, latency: Option<Duration>) {
        let seq = self.started.elapsed().as_secs();
        if self.rows.last().is_none_or(|row| row.seq != seq) {
            self.rows.push(Row {
                seq,
                timestamp: message::now(),
                ..Row::default()
            });
        }
        if let Some(row) = self.rows.last_mut() {
            row.add(size, latency);
        }
        if let Some(latency) = latency {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
            // An error would say that it does not fit: it grows, and nothing is longer.
            let _ = self.latencies.record(micros.clamp(1, LONGEST));
        }
    }

    /// The rows, one for each second in which something was counted.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Messages so far.
    pub(crate) fn count(&self) -> u64 {
        self.rows.iter().map(|row| row.count).sum()
    }

    /// The whole as it stands.
    pub(crate) fn summary(&self) -> Summary {
        let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
        let at = |quantile: f64| seconds(self.latencies.value_at_quantile(quantile));
        let measured = !self.latencies.is_empty();
        Summary {
            duration: self.started.elapsed().as_secs_f64(),
            count: self.count(),
            size: self.rows.iter().map(|row| row.size).sum(),
            latency: measured.then(|| Latency {
                mean: self.latencies.mean() / 1e6,
                min: seconds(self.latencies.min()),
                p50: at(0.5),
                p90: at(0.9),
                p99: at(0.99),
                max: seconds(self.latencies.max()),
            }),
        }
    }

    /// The whole in words and bars, for people.
    pub(crate) fn describe(&self, name: &str) -> Vec<String> {
        let total = self.summary();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = total.count as f64 / total.duration.max(1e-9);
        let mut lines = vec![format!(
            "{name}: {} messages in {:.2} s, {rate:.0}/s",
            total.count, total.duration
        )];
        if let Some(latency) = total.latency {
            let times = [
                ("mean", latency.mean),
                ("min", latency.min),
                ("p50", latency.p50),
                ("p90", latency.p90),
                ("p99", latency.p99),
                ("max", latency.max),
            ];
            let times = times.map(|(name, seconds)| format!("{name} {:.3}", seconds * 1e3));
            lines.push(format!("  latency ms: {}", times.join(", ")));
            lines.extend(self.chart());
        }
        lines
    }

    /// The latencies as a bar chart for the terminal, a line for each power of two of milliseconds.
    fn chart(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let total = self.latencies.len();
        let mut lower = 0;
        let mut upper = 125;
        while lower < LONGEST {
            let count = self.latencies.count_between(lower, upper - 1);
            if count > 0 {
                let share = usize::try_from(count * 40 / total.max(1)).unwrap_or(0);
                let bound = Duration::from_micros(upper).as_secs_f64() * 1e3;
                lines.push(format!(
                    "  < {bound:>9.3} ms {count:>9} {}",
                    "▇".repeat(share.max(1))
                ));
            }
            lower = upper;
            upper *= 2;
        }
        lines
    }
}

impl Row {
    fn add(&mut self, size: usize, latency: Option<Duration>) {
        self.size += size as u64;
        self.count += 1;
        let Some(latency) = latency.map(|latency| latency.as_secs_f64()) else {
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "messages of one second")]
        let count = self.count as f64;
        let mean = self.latency.unwrap_or(0.0);
        self.latency = Some(mean + (latency - mean) / count);
        self.min_latency = Some(self.min_latency.map_or(latency, |least| least.min(latency)));
        self.max_latency = Some(self.max_latency.map_or(latency, |most| most.max(latency)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_counts_and_measures() {
        let mut series = Series::new();
        for millis in [1, 2, 3, 10] {
            series.record(100, Some(Duration::from_millis(millis)));
        }
        let summary = series.summary();
        assert_eq!((summary.count, summary.size), (4, 400));
        let latency = summary.latency.unwrap();
        assert!((latency.mean - 0.004).abs() < 1e-4, "{latency:?}");
        assert!((latency.max - 0.010).abs() < 1e-4, "{latency:?}");
        assert_eq!(series.rows().iter().map(|row| row.count).sum::<u64>(), 4);
        let charted: u64 = series
            .chart()
            .iter()
            .map(|line| {
                line.split_whitespace()
                    .nth(3)
                    .unwrap()
                    .parse::<u64>()
                    .unwrap()
            })
            .sum();
        assert_eq!(charted, 4);
    }

    #[test]
    fn without_latencies_there_are_none() {
        let mut series = Series::new();
        series.record(1, None);
        assert_eq!(series.summary().latency, None);
        assert_eq!(
            serde_json::to_value(series.rows()).unwrap()[0].get("latency"),
            None
        );
    }
}
