//! How fast counters grow: what RabbitMQ shows as `…_details.rate`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// How often counters are looked at. RabbitMQ's interval.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);
/// How many objects of a kind have rates: looking at them holds the broker up. The sums are always there.
pub(super) const MAX_SAMPLED: usize = 10_000;

/// Whose counters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// All of the broker.
    Broker,
    VirtualHost(Arc<str>),
    /// By virtual host and name.
    Queue(Arc<str>, Arc<str>),
    Connection(Arc<str>),
    /// By connection and number.
    Channel(Arc<str>, u16),
}

/// Counters under the names that stand in replies.
pub(super) type Counters = Vec<(&'static str, u64)>;

/// The latest two looks at all counters.
#[derive(Debug, Default)]
pub(super) struct Rates {
    samples: HashMap<Key, Sample>,
    taken: Option<Instant>,
}

#[derive(Debug)]
struct Sample {
    counters: Counters,
    rates: Vec<f64>,
}

impl Rates {
    /// Takes note of all counters at once. What is missing is gone.
    pub(super) fn note(
        &mut self,
        now: Instant,
        counters: impl IntoIterator<Item = (Key, Counters)>,
    ) {
        let passed = self
            .taken
            .map(|taken| now.saturating_duration_since(taken).as_secs_f64());
        let mut before = std::mem::take(&mut self.samples);
        for (key, counters) in counters {
            let old = before.remove(&key);
            let rates = match (old, passed) {
                (Some(old), Some(passed)) if passed > 0.0 => {
                    growth(&old.counters, &counters, passed)
                }
                // It is younger than the last look: it grew from nothing.
                (None, Some(passed)) if passed > 0.0 => growth(&[], &counters, passed),
                _ => Vec::new(),
            };
            self.samples.insert(key, Sample { counters, rates });
        }
        self.taken = Some(now);
    }

    /// `{"publish": 6, "publish_details": {"rate": 0.6}, …}`
    pub(super) fn show(&self, key: &Key, counters: &[(&'static str, u64)]) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, count) in counters {
            shown.insert((*name).to_owned(), (*count).into());
            let rate = json!({"rate": self.rate(key, name)});
            shown.insert(format!("{name}_details"), rate);
        }
        shown
    }

    /// Growth a second between the latest two looks.
    fn rate(&self, key: &Key, name: &str) -> f64 {
        let Some(sample) = self.samples.get(key) else {
            return 0.0;
        };
        let place = sample
            .counters
            .iter()
            .position(|(counter, _)| *counter == name);
        place
            .and_then(|place| sample.rates.get(place))
            .copied()
            .unwrap_or_default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is for the eye")]
fn growth(before: &[(&'static str, u64)], now: &[(&'static str, u64)], seconds: f64) -> Vec<f64> {
    let old = |place: usize| before.get(place).map_or(0, |(_, count)| *count);
    now.iter()
        .enumerate()
        .map(|(place, (_, count))| (*count as f64 - old(place) as f64) / seconds)
        .collect()
}

#[cfg(test)]
mod tests;
