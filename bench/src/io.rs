//! What the AMQP connections of one side did: how well its frames share system calls.

use std::ops::{Add, Sub};

use bergen_messaging::drivers::rabbit::RabbitDriver;
use serde::{Deserialize, Serialize};

use crate::series::as_f64;

/// Counters of all connections of one process together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Io {
    /// Reads from sockets that brought something.
    pub reads: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Frames that came.
    pub frames_in: u64,
    /// Frames that left.
    pub frames_out: u64,
    /// Messages that came.
    pub deliveries: u64,
    /// Messages that left.
    pub publishes: u64,
}

/// [`Io`] divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Batching {
    /// Frames that left with one write.
    pub frames_per_write: f64,
    /// Messages that came with one read.
    pub deliveries_per_read: f64,
    /// Reads and writes for each call: for each message of the direction with more of them.
    pub syscalls_per_call: f64,
}

impl Io {
    /// What the connections of a driver have done so far.
    pub fn of(driver: &RabbitDriver) -> Self {
        let connections = driver.connection_stats().into_iter();
        let each = connections.map(|stats| Self {
            reads: stats.reads,
            writes: stats.writes,
            frames_in: stats.frames_in,
            frames_out: stats.frames_out,
            deliveries: stats.deliveries,
            publishes: stats.publishes,
        });
        each.fold(Self::default(), Self::add)
    }

    /// The ratios.
    pub fn batching(&self) -> Batching {
        let calls = self.deliveries.max(self.publishes);
        let ratio = |part: u64, whole: u64| as_f64(part) / as_f64(whole.max(1));
        Batching {
            frames_per_write: ratio(self.frames_out, self.writes),
            deliveries_per_read: ratio(self.deliveries, self.reads),
            syscalls_per_call: ratio(self.reads + self.writes, calls),
        }
    }
}

impl Add for Io {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
            frames_in: self.frames_in + other.frames_in,
            frames_out: self.frames_out + other.frames_out,
            deliveries: self.deliveries + other.deliveries,
            publishes: self.publishes + other.publishes,
        }
    }
}

impl Sub for Io {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            reads: self.reads.saturating_sub(earlier.reads),
            writes: self.writes.saturating_sub(earlier.writes),
            frames_in: self.frames_in.saturating_sub(earlier.frames_in),
            frames_out: self.frames_out.saturating_sub(earlier.frames_out),
            deliveries: self.deliveries.saturating_sub(earlier.deliveries),
            publishes: self.publishes.saturating_sub(earlier.publishes),
        }
    }
}

#[cfg(test)]
mod tests;
