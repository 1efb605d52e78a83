//! How long to wait before the next attempt to connect.

use std::time::Duration;

#[cfg(test)]
mod tests;

/// The pauses between rounds of connection attempts: `start`, `start + step`, `start + 2 × step`, … up to `max`.
///
/// Each pause is drawn from the upper half of its nominal length, so that a thousand clients that lost one broker
/// together do not come back together. (The peer has an option for this, `kombu_reconnect_splay`, which never sleeps.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BackoffPolicy {
    /// The first pause (`rabbit_retry_interval`, default 1 s).
    pub(super) start: Duration,
    /// What each further pause is longer than the one before (`rabbit_retry_backoff`, default 2 s).
    pub(super) step: Duration,
    /// No pause is longer than this (`rabbit_interval_max`, default 30 s).
    pub(super) max: Duration,
    /// A lost connection is tried again at a random moment inside this time (`kombu_reconnect_delay`, default 1 s).
    pub(super) after_loss: Duration,
}

impl BackoffPolicy {
    /// The series of pauses of one outage.
    pub(super) fn pauses(&self) -> Backoff {
        Backoff {
            policy: self.clone(),
            taken: 0,
        }
    }

    /// The pause between the loss of a connection that worked and the first attempt to replace it.
    pub(super) fn after_loss(&self, random: &mut fastrand::Rng) -> Duration {
        self.after_loss.mul_f64(random.f64())
    }
}

impl Default for BackoffPolicy {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(1),
            step: Duration::from_secs(2),
            max: Duration::from_secs(30),
            after_loss: Duration::from_secs(1),
        }
    }
}

/// The pauses of one outage, in order.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    policy: BackoffPolicy,
    taken: u32,
}

impl Backoff {
    /// The next pause, jitter included.
    pub(super) fn next_pause(&mut self, random: &mut fastrand::Rng) -> Duration {
        let nominal = self.nominal();
        self.taken = self.taken.saturating_add(1);
        nominal.mul_f64(0.5 + random.f64() / 2.0)
    }

    fn nominal(&self) -> Duration {
        let BackoffPolicy {
            start, step, max, ..
        } = &self.policy;
        step.checked_mul(self.taken)
            .and_then(|more| start.checked_add(more))
            .map_or(*max, |pause| pause.min(*max))
    }
}
