//! Counters of one connection.

/// What went over a connection so far, in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// From the peer.
    pub received: FrameCounts,
    /// To the peer, counted when queued; `bytes` when handed to the socket.
    pub sent: FrameCounts,
    /// Replies that came for abandoned requests and were swallowed.
    pub orphan_replies: u64,
    /// Confirms for tags that are not waiting for one.
    pub unknown_confirms: u64,
    /// Deliveries thrown away for their size or because their consumer was given up.
    pub discarded: u64,
}

/// Frames by type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameCounts {
    /// Method frames.
    pub methods: u64,
    /// Content headers.
    pub headers: u64,
    /// Content bodies.
    pub bodies: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// All bytes, frame overhead and protocol header included.
    pub bytes: u64,
}

impl FrameCounts {
    /// Frames of all types.
    pub fn frames(&self) -> u64 {
        self.methods + self.headers + self.bodies + self.heartbeats
    }
}
