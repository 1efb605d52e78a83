//! Events go to a broker.

use super::super::{DEFAULT_TOPIC, Event, NotifyDriver, NotifyError};
use crate::driver::{BoxFuture, NotifyOptions};
use crate::target::Target;
use crate::transport::NotificationTransport;

/// How an event stands in its message. Listeners of either library take both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// The bare event: the peer's driver `messaging`.
    V1,
    /// In the envelope: the peer's driver `messagingv2`, the usual choice.
    #[default]
    V2,
}

/// Publishes each event to one or several topics (the peer's drivers `messaging` and `messagingv2`).
#[derive(Debug, Clone)]
pub struct MessagingDriver {
    transport: NotificationTransport,
    targets: Vec<Target>,
    format: Format,
}

impl MessagingDriver {
    /// Publishes to the topic `notifications`, as the peer's configuration begins.
    pub fn new(transport: &NotificationTransport, format: Format) -> Self {
        Self {
            transport: transport.clone(),
            targets: vec![Target::default().with_topic(DEFAULT_TOPIC)],
            format,
        }
    }

    /// Publishes to these topics instead. Each gets a message of its own, with the same `message_id`.
    #[must_use]
    pub fn topics<S: Into<String>>(mut self, topics: impl IntoIterator<Item = S>) -> Self {
        let target = |topic: S| Target::default().with_topic(topic);
        self.targets = topics.into_iter().map(target).collect();
        self
    }

    async fn publish(&self, event: &Event) -> Result<(), NotifyError> {
        let mut outcome = Ok(());
        for target in &self.targets {
            let options = NotifyOptions {
                retry: event.retry,
                deadline: event.deadline,
                bare: self.format == Format::V1,
            };
            let (priority, notification) = (event.priority.lower(), &event.notification);
            let sending = self
                .transport
                .send_notification(target, priority, notification, options);
            outcome = outcome.and(sending.await);
        }
        outcome
    }
}

impl NotifyDriver for MessagingDriver {
    fn name(&self) -> &str {
        match self.format {
            Format::V1 => "messaging",
            Format::V2 => "messagingv2",
        }
    }

    /// All topics are tried; the first error is returned.
    fn notify<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), NotifyError>> {
        Box::pin(self.publish(event))
    }
}
