//! When a server tells a waiting caller that it still works.

use std::time::Duration;

use super::RawJson;

/// What a request's `_timeout` asks of the server (`call_monitor_timeout` of the caller).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// Nothing: the caller does not monitor the call.
    NotAsked,
    /// Something that gives no interval of at least a second; the peers warn and send nothing.
    Unusable,
    /// A keep-alive at this interval, the first after one interval, counted from receipt.
    Every(Duration),
}

impl KeepAlive {
    /// Reads a `_timeout` of N seconds: the interval is `int(N) / 2`, with Python's `int()`, so
    /// that `"4"` means 4 and `2.9` means 2.
    pub fn of(timeout: &RawJson) -> Self {
        let text = timeout.as_str();
        let seconds = match text {
            "null" => return Self::NotAsked,
            _ => match timeout.decode::<String>() {
                Ok(text) => text.trim().replace('_', "").parse().ok(),
                Err(_) => whole(text),
            },
        };
        match seconds {
            Some(seconds) if seconds >= 2 => Self::Every(Duration::from_secs(seconds) / 2),
            _ => Self::Unusable,
        }
    }
}

/// The whole part of a JSON number, if it is not negative and fits.
fn whole(number: &str) -> Option<u64> {
    if let Ok(whole) = number.parse() {
        return Some(whole);
    }
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number)
        .ok()
        .map(|duration| duration.as_secs())
}
