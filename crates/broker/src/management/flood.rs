//! How many requests an address may send.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Addresses that are remembered. When there are more, those that used up least are forgotten.
const MAX_ADDRESSES: usize = 1024;
/// How many seconds' worth of requests may come at once.
const BURST: f64 = 10.0;

/// A bucket of tokens for each address: each request takes one, time puts them back.
#[derive(Debug)]
pub(super) struct Flood {
    per_second: f64,
    buckets: HashMap<IpAddr, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Flood {
    pub(super) fn new(requests_per_second: u32) -> Self {
        Self {
            per_second: f64::from(requests_per_second.max(1)),
            buckets: HashMap::new(),
        }
    }

    /// Counts a request. `Err` says when the next will be answered.
    pub(super) fn admit(&mut self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let full = self.per_second * BURST;
        if self.buckets.len() >= MAX_ADDRESSES && !self.buckets.contains_key(&from) {
            self.forget(now);
        }
        let bucket = self.buckets.entry(from).or_insert(Bucket {
            tokens: full,
            filled: now,
        });
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.per_second).min(full);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64(
                (1.0 - bucket.tokens) / self.per_second,
            ));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// Drops full buckets, and if that is not enough all but the emptiest half.
    fn forget(&mut self, now: Instant) {
        let full = self.per_second * BURST;
        let per_second = self.per_second;
        let level = |bucket: &Bucket| {
            let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
            bucket.tokens + passed * per_second
        };
        self.buckets.retain(|_, bucket| level(bucket) < full);
        if self.buckets.len() >= MAX_ADDRESSES {
            let mut levels: Vec<f64> = self.buckets.values().map(level).collect();
            levels.sort_by(f64::total_cmp);
            let middle = levels.get(levels.len() / 2).copied().unwrap_or(full);
            self.buckets.retain(|_, bucket| level(bucket) < middle);
        }
    }
}

#[cfg(test)]
mod tests;
