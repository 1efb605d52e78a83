//! Logins that failed, and how long who fails has to wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Failed logins by where they came from.
#[derive(Debug, Default)]
pub(super) struct FailedLogins {
    total: u64,
    origins: HashMap<Option<IpAddr>, Origin>,
}

/// What one origin has done lately.
#[derive(Debug, Clone, Copy)]
struct Origin {
    in_a_row: u32,
    last: Instant,
}

/// The first failure costs this long, each further one twice as much.
const FIRST: Duration = Duration::from_millis(100);
/// No failure costs more: a person with a wrong password is to see that soon.
const LONGEST: Duration = Duration::from_secs(3);
/// Who has not failed for so long starts anew.
const FORGOTTEN: Duration = Duration::from_mins(1);
/// From so many failures in a row on, good logins of the origin wait too. Else a guesser would not wait for the answer.
const SUSPICIOUS: u32 = 10;
/// As many origins are remembered.
const ORIGINS: usize = 1024;

impl FailedLogins {
    /// All since the start.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Notes one failure. How many there were in a row, and how long to wait before it is answered.
    pub(super) fn failed(&mut self, from: Option<IpAddr>, now: Instant) -> (u32, Duration) {
        self.total += 1;
        let key = network(from);
        if !self.origins.contains_key(&key) {
            self.make_room(now);
        }
        let origin = self.origins.entry(key).or_insert(Origin {
            in_a_row: 0,
            last: now,
        });
        if is_over(origin, now) {
            origin.in_a_row = 0;
        }
        origin.in_a_row = origin.in_a_row.saturating_add(1);
        origin.last = now;
        (origin.in_a_row, penalty(origin.in_a_row))
    }

    /// How long a good login waits: not at all, unless its origin has been guessing. This machine never waits: its
    /// programs share one address.
    pub(super) fn good(&self, from: Option<IpAddr>, now: Instant) -> Duration {
        match self.origins.get(&network(from)) {
            Some(origin)
                if origin.in_a_row >= SUSPICIOUS
                    && !is_over(origin, now)
                    && from.is_some_and(|address| !address.is_loopback()) =>
            {
                penalty(origin.in_a_row)
            }
            _ => Duration::ZERO,
        }
    }

    fn make_room(&mut self, now: Instant) {
        if self.origins.len() < ORIGINS {
            return;
        }
        self.origins.retain(|_, origin| !is_over(origin, now));
        if self.origins.len() < ORIGINS {
            return;
        }
        let oldest = self.origins.iter().min_by_key(|(_, origin)| origin.last);
        if let Some(&oldest) = oldest.map(|(key, _)| key) {
            self.origins.remove(&oldest);
        }
    }
}

fn is_over(origin: &Origin, now: Instant) -> bool {
    now.saturating_duration_since(origin.last) >= FORGOTTEN
}

fn penalty(in_a_row: u32) -> Duration {
    FIRST
        .saturating_mul(1 << in_a_row.saturating_sub(1).min(16))
        .min(LONGEST)
}

/// Whoever has one address of IPv6 has the other addresses of its network.
fn network(address: Option<IpAddr>) -> Option<IpAddr> {
    match address {
        Some(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
            let network = address.to_bits() >> 64 << 64;
            Some(Ipv6Addr::from_bits(network).into())
        }
        other => other,
    }
}
