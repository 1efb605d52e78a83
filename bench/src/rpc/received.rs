//! What a server has received, for casts: nobody is answered who could count.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::io::Io;
use crate::load::Latencies;

/// How long what was received had been under way.
#[derive(Debug, Default)]
pub struct Received(Mutex<Latencies>);

/// A server's answer to a look at it; one line of JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// Casts of `stamp` received so far.
    pub received: u64,
    /// Half of them had been under way no longer, in microseconds.
    pub p50_us: f64,
    /// 99 of 100 of them had been under way no longer, in microseconds.
    pub p99_us: f64,
    /// What the connections have done since the start; not known of the Python peer.
    #[serde(default)]
    pub io: Option<Io>,
}

impl Received {
    pub(super) fn note(&self, sent_us: u64) {
        let way = Duration::from_micros(now_us().saturating_sub(sent_us));
        let mut latencies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.record(way);
    }

    /// What has come so far.
    pub(super) fn look(&self, io: Io) -> Looked {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Looked {
            received: seen.count(),
            p50_us: seen.quantile_us(0.5),
            p99_us: seen.quantile_us(0.99),
            io: Some(io),
        }
    }
}

/// The time, of a clock that all processes of the machine share.
pub(super) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}
