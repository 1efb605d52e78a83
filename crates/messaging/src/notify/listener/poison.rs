//! What becomes of events that an endpoint can't handle.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::clock::later;
use crate::driver::NotifyOptions;
use crate::notify::{NotifyError, ReceivedEvent};
use crate::target::Target;
use crate::transport::NotificationTransport;

/// How often an endpoint that fails is asked again, and what then becomes of the event.
///
/// What the listener's serializer refuses, no endpoint is asked about.
///
/// Default: three times, then the event is dropped and counted. The peer drops at the first failure, or requeues for
/// ever if that is allowed, which keeps a bad event in a loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Poison {
    pub(super) attempts: u32,
    pub(super) pause: Duration,
    dead_letters: Option<Target>,
}

impl Default for Poison {
    fn default() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(100),
            dead_letters: None,
        }
    }
}

impl Poison {
    /// What can't be handled is published to this topic of the transport's exchange, with its priority: it waits in
    /// the queue `<topic>.<priority>` for whoever listens. The event is unchanged but for a context value
    /// `bergen_dead_letter`: an object with `reason` and `attempts`.
    pub fn dead_letters(topic: impl Into<String>) -> Self {
        Self {
            dead_letters: Some(Target::default().with_topic(topic)),
            ..Self::default()
        }
    }

    /// What can't be handled is acknowledged and counted. The default.
    pub fn dropped() -> Self {
        Self::default()
    }

    /// Asks an endpoint this often in all; 0 counts as 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Waits this long before the second attempt, and twice as long before each further one, up to a minute. Default:
    /// 100 ms, which a busy database or a restarting neighbour may need.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The pause after this many failures.
    pub(super) fn pause_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.pause.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
    }

    /// Puts an event away for good. True: it is a dead letter now; false: nobody wants it.
    pub(super) async fn bury(
        &self,
        transport: &NotificationTransport,
        event: &ReceivedEvent,
        failure: &Failure,
    ) -> Result<bool, NotifyError> {
        let Some(target) = &self.dead_letters else {
            return Ok(false);
        };
        // As it came, so that whoever takes it out can convert it.
        let mut notification = event.incoming.notification.clone();
        let reason: String = failure.reason.chars().take(LONGEST_REASON).collect();
        let letter = json!({"reason": reason, "attempts": failure.attempts});
        notification.context.insert("bergen_dead_letter", &letter)?;
        let options = NotifyOptions {
            deadline: Some(later(Instant::now(), TIME_TO_BURY)),
            ..NotifyOptions::default()
        };
        let priority = event.priority().lower();
        transport
            .send_notification(target, priority, &notification, options)
            .await?;
        Ok(true)
    }
}

/// Why an event is given up.
pub(super) struct Failure {
    /// What the last attempt said.
    pub(super) reason: String,
    /// How often it was tried.
    pub(super) attempts: u32,
}

const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Characters of an error that go into a message.
const LONGEST_REASON: usize = 2_000;

/// A broker that is away for longer has taken the event back, and delivers it again.
const TIME_TO_BURY: Duration = Duration::from_secs(30);
