//! When the gathered acknowledgements of a connection leave.

use std::time::{Duration, Instant};

use super::ChannelId;

/// The channels with acknowledgements that have not left.
#[derive(Debug, Default)]
pub(super) struct Acks {
    pub(super) channels: Vec<ChannelId>,
    urgent: bool,
    /// How many may wait, and until when.
    patient: usize,
    latest: Option<Instant>,
}

impl Acks {
    /// How long a patient acknowledgement waits for company at most: too short for anybody to notice, and
    /// under load it saves most of the writes that acknowledge only.
    pub(super) const PATIENCE: Duration = Duration::from_millis(5);
    /// So many go without waiting any longer. A frame is worth writing by then, and the broker gets to
    /// forget the messages.
    pub(super) const PATIENT: usize = 64;

    /// These leave with the next write, and cause one.
    pub(super) fn hurry(&mut self) {
        self.urgent = true;
    }

    /// One more that leaves with the next write for something else.
    pub(super) fn wait(&mut self, now: Instant) {
        self.patient += 1;
        self.latest.get_or_insert(now + Self::PATIENCE);
    }

    /// Whether it is time, apart from what else is to be written.
    pub(super) fn are_due(&self, now: Instant) -> bool {
        self.urgent
            || self.patient >= Self::PATIENT
            || self.latest.is_some_and(|latest| latest <= now)
    }

    /// Whether something has to be written for their sake, whatever the time is.
    pub(super) fn are_urgent(&self) -> bool {
        self.urgent || self.patient >= Self::PATIENT
    }

    /// Until when they may wait.
    pub(super) fn latest(&self) -> Option<Instant> {
        self.latest
    }

    /// The peer does not read: they go when it does, and no clock has to ring for them.
    pub(super) fn hold(&mut self) {
        self.urgent |= self.latest.take().is_some();
    }

    /// They have left, or nobody wants them any more.
    pub(super) fn reset(&mut self) {
        self.channels.clear();
        self.urgent = false;
        self.patient = 0;
        self.latest = None;
    }
}
