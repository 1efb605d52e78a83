//! Stopping publishers while memory or the disk is short.

use std::time::Instant;

use bergen_amqp::codec::reply_code;

use super::session::{Session, Stopped};
use super::state::State;

/// What is short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Alarms {
    /// Messages hold more than `memory_high_watermark`.
    pub(super) memory: bool,
    /// The disk is full, or takes no writes.
    pub(super) disk: bool,
    /// More is on its way to the disk than should be. Over in a moment, so nobody is told.
    pub(super) congestion: bool,
}

impl Alarms {
    /// RabbitMQ's words for it.
    pub(super) fn reason(self) -> Option<&'static str> {
        match (self.memory, self.disk) {
            (true, true) => Some("low on memory & disk"),
            (true, false) => Some("low on memory"),
            (false, true) => Some("low on disk"),
            (false, false) => None,
        }
    }

    fn any(self) -> bool {
        self != Self::default()
    }
}

impl State {
    /// Bytes that messages hold.
    pub(super) fn message_bytes(&self) -> u64 {
        let hosts = self.hosts.iter().flatten();
        hosts.map(|host| host.core.message_bytes()).sum()
    }

    /// Raises the alarms that are due, and ends those that are over. That of memory is when a tenth is free again.
    pub(super) fn watch(&mut self) {
        let limit = self.settings.limits.memory_high_watermark;
        let used = self.message_bytes();
        let before = self.alarms;
        self.alarms.congestion = self.durable.is_congested();
        if !before.memory && used > limit {
            tracing::warn!(
                used,
                limit,
                "messages take more memory than they should: publishers are stopped"
            );
            self.alarms.memory = true;
        } else if before.memory && used <= limit - limit / 10 {
            tracing::info!(used, limit, "there is memory again: publishers may go on");
            self.alarms.memory = false;
        }
        if before.any() && !self.alarms.any() {
            self.let_publishers_go_on();
        }
    }

    /// Counts what has come in part. Whoever brings it over the limit is closed: stopping would never end, as nobody
    /// else can free it.
    pub(super) fn weigh_incoming(&mut self, key: usize, now: Instant) {
        let limit = self.settings.limits.memory_high_watermark;
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let before = session.incoming;
        session.incoming = session.connection.incoming_bytes();
        self.incoming = self.incoming - before + session.incoming;
        let is_over = u64::try_from(self.incoming).is_ok_and(|incoming| incoming > limit);
        if !is_over || session.incoming <= before {
            return;
        }
        tracing::warn!(connection = %session.name, limit, "too many messages are coming in at once: this one is closed");
        let text = format!(
            "RESOURCE_ERROR - messages that are still coming in take more than {limit} bytes"
        );
        self.force_close(key, reply_code::RESOURCE_ERROR, &text, now);
        if let Some(session) = self.sessions.get_mut(key) {
            self.incoming -= std::mem::take(&mut session.incoming);
        }
    }

    /// The disk takes no writes, or takes them again.
    pub(super) fn set_disk_alarm(&mut self, raised: bool) {
        self.alarms.disk = raised;
        if !self.alarms.any() {
            self.let_publishers_go_on();
        }
    }

    /// A client has published: as long as something is short nothing more is read from it.
    pub(super) fn hold_publisher(&mut self, key: usize) {
        if !self.alarms.any() {
            return;
        }
        let reason = self.alarms.reason();
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        match (session.stopped, reason) {
            (Stopped::Told, _) | (Stopped::Silently, None) => {}
            (Stopped::No, None) => session.stopped = Stopped::Silently,
            (_, Some(reason)) => {
                session.stopped = Stopped::Told;
                tell(session, Some(reason));
            }
        }
    }

    fn let_publishers_go_on(&mut self) {
        for (_, session) in &mut self.sessions {
            let stopped = std::mem::replace(&mut session.stopped, Stopped::No);
            if stopped == Stopped::Told {
                tell(session, None);
            }
            if stopped != Stopped::No {
                session.wake();
            }
        }
    }
}

fn tell(session: &mut Session, reason: Option<&str>) {
    if let Err(error) = session.connection.set_blocked(reason) {
        tracing::debug!(connection = %session.name, %error, "a client cannot be told of an alarm");
    }
}
