//! Counters of one connection.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a connection has done so far. Dividing by `writes` and `reads` shows how well it batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Wake-ups of the connection's task.
    pub wakeups: u64,
    /// Successful reads from the socket.
    pub reads: u64,
    /// Successful writes to the socket.
    pub writes: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Messages published.
    pub publishes: u64,
    /// Messages confirmed, refused and returned ones included.
    pub confirms: u64,
    /// Messages delivered to consumers.
    pub deliveries: u64,
    /// Frames that came.
    pub frames_in: u64,
    /// Frames that left, or wait to.
    pub frames_out: u64,
    /// Calls of a [`DeliverySink`](super::DeliverySink) that ended in a panic.
    pub sink_panics: u64,
}

/// [`Stats`] as the task shares them: stored once a turn, read by anybody.
#[derive(Debug, Default)]
pub(super) struct SharedStats([AtomicU64; 11]);

impl SharedStats {
    pub(super) fn store(&self, stats: &Stats) {
        let values = [
            stats.wakeups,
            stats.reads,
            stats.writes,
            stats.bytes_in,
            stats.bytes_out,
            stats.publishes,
            stats.confirms,
            stats.deliveries,
            stats.frames_in,
            stats.frames_out,
            stats.sink_panics,
        ];
        for (shared, value) in self.0.iter().zip(values) {
            shared.store(value, Ordering::Relaxed);
        }
    }

    pub(super) fn load(&self) -> Stats {
        let [
            wakeups,
            reads,
            writes,
            bytes_in,
            bytes_out,
            publishes,
            confirms,
            deliveries,
            frames_in,
            frames_out,
            sink_panics,
        ] = self.0.each_ref().map(|value| value.load(Ordering::Relaxed));
        Stats {
            wakeups,
            reads,
            writes,
            bytes_in,
            bytes_out,
            publishes,
            confirms,
            deliveries,
            frames_in,
            frames_out,
            sink_panics,
        }
    }
}
