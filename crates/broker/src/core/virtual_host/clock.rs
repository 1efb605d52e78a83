//! What time it is.

use std::time::{Duration, Instant, SystemTime};

/// The time of the last command, and what the clock on the wall shows then.
#[derive(Debug)]
pub(super) struct Clock {
    now: Instant,
    start: Instant,
    wall_at_start: Duration,
}

impl Clock {
    pub(super) fn new(now: Instant, wall: SystemTime) -> Self {
        Self {
            now,
            start: now,
            wall_at_start: wall
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// Takes note of the time. It never runs backwards.
    pub(super) fn set(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Milliseconds since 1970.
    pub(super) fn wall_millis(&self) -> u64 {
        let wall = self.wall_at_start + self.now.saturating_duration_since(self.start);
        u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
    }

    /// Seconds since 1970.
    pub(super) fn wall_seconds(&self) -> u64 {
        self.wall_millis() / 1000
    }

    /// When the clock on the wall shows so many milliseconds since 1970; at the earliest when this clock was set.
    pub(super) fn when(&self, wall_millis: u64) -> Option<Instant> {
        let since_start = Duration::from_millis(wall_millis).saturating_sub(self.wall_at_start);
        self.start.checked_add(since_start)
    }

    /// So much later than now.
    pub(super) fn after(&self, duration: Duration) -> Option<Instant> {
        self.now.checked_add(duration)
    }
}
