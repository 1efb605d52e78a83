//! Stopping publishers while memory, or the disk, is short.

use super::state::State;

/// What clients are told; RabbitMQ's words.
const LOW_MEMORY: &str = "low on memory";

impl State {
    /// Bytes that messages hold.
    pub(super) fn message_bytes(&self) -> u64 {
        let hosts = self.hosts.iter().flatten();
        hosts.map(|host| host.core.message_bytes()).sum()
    }

    /// Raises the alarm when messages take too much memory, and ends it when a tenth is free again.
    pub(super) fn watch_memory(&mut self) {
        let limit = self.settings.limits.memory_high_watermark;
        let used = self.message_bytes();
        if self.alarm.is_none() && used > limit {
            tracing::warn!(
                used,
                limit,
                "messages take more memory than they should: publishers are stopped"
            );
            self.alarm = Some(LOW_MEMORY);
        } else if self.alarm.is_some() && used <= limit - limit / 10 {
            tracing::info!(used, limit, "publishers may go on");
            self.alarm = None;
            self.unblock();
        }
    }

    /// A client has published: while the alarm lasts nothing more is read from it.
    pub(super) fn block_publisher(&mut self, key: usize) {
        let (Some(reason), Some(session)) = (self.alarm, self.sessions.get_mut(key)) else {
            return;
        };
        if session.blocked {
            return;
        }
        session.blocked = true;
        if let Err(error) = session.connection.set_blocked(Some(reason)) {
            tracing::debug!(%error, "a client cannot be told that it is blocked");
        }
    }

    fn unblock(&mut self) {
        for (_, session) in &mut self.sessions {
            if !session.blocked {
                continue;
            }
            session.blocked = false;
            if let Err(error) = session.connection.set_blocked(None) {
                tracing::debug!(%error, "a client cannot be told that it is not blocked any more");
            }
            session.wake();
        }
    }
}
