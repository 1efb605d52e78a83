//! Publishing events.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::{Notification, Priority};
use crate::clock::later;
use crate::driver::{NotifyOptions, Retry, SendError};
use crate::mask::without_secrets;
use crate::target::{InvalidTarget, Target};
use crate::transport::NotificationTransport;
use crate::wire::{Context, JsonError, RawJson};

/// Publishes events in format 2.0 (the peer's driver `messagingv2`). Cheap to clone.
///
/// The peer logs and swallows every error; here the caller gets it, and [`Notifier`]'s logging is left to who ignores
/// it.
#[derive(Clone)]
pub struct Notifier {
    transport: NotificationTransport,
    publisher_id: String,
    targets: Vec<Target>,
    retry: Retry,
    timeout: Option<Duration>,
}

impl Notifier {
    /// A notifier for `publisher_id`, by convention `<service>.<host>`.
    pub fn new(transport: &NotificationTransport, publisher_id: impl Into<String>) -> Self {
        Self::builder(transport, publisher_id).build()
    }

    /// A notifier with other topics or retries than the defaults.
    pub fn builder(
        transport: &NotificationTransport,
        publisher_id: impl Into<String>,
    ) -> NotifierBuilder {
        NotifierBuilder {
            notifier: Self {
                transport: transport.clone(),
                publisher_id: publisher_id.into(),
                targets: vec![Target::default().with_topic(DEFAULT_TOPIC)],
                retry: Retry::Forever,
                timeout: None,
            },
        }
    }

    /// The same notifier for another publisher.
    #[must_use]
    pub fn with_publisher_id(&self, publisher_id: impl Into<String>) -> Self {
        Self {
            publisher_id: publisher_id.into(),
            ..self.clone()
        }
    }

    /// Publishes an event with priority `audit`.
    ///
    /// # Errors
    /// See [`notify`](Self::notify).
    pub async fn audit<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        self.notify(ctxt, Priority::Audit, event_type, payload)
            .await
    }

    /// Publishes an event with priority `debug`.
    ///
    /// # Errors
    /// See [`notify`](Self::notify).
    pub async fn debug<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        self.notify(ctxt, Priority::Debug, event_type, payload)
            .await
    }

    /// Publishes an event with priority `info`.
    ///
    /// # Errors
    /// See [`notify`](Self::notify).
    pub async fn info<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        self.notify(ctxt, Priority::Info, event_type, payload).await
    }

    /// Publishes an event with priority `warn`.
    ///
    /// # Errors
    /// See [`notify`](Self::notify).
    pub async fn warn<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        self.notify(ctxt, Priority::Warn, event_type, payload).await
    }

    /// Publishes an event with priority `error`.
    ///
    /// # Errors
    /// See [`notify`](Self::notify).
    pub async fn error<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        self.notify(ctxt, Priority::Error, event_type, payload)
            .await
    }

    /// Publishes an event with priority `critical`.
    ///
    /// # Errors
    /// See [`notify`](Self::notify).
    pub async fn critical<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        self.notify(ctxt, Priority::Critical, event_type, payload)
            .await
    }

    /// Publishes an event with priority `sample`.
    ///
    /// # Errors
    /// See [`notify`](Self::notify).
    pub async fn sample<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        self.notify(ctxt, Priority::Sample, event_type, payload)
            .await
    }

    /// Publishes an event to every topic; completes when the broker has confirmed them all.
    ///
    /// Of the context, what must not be seen by every listener is left out: tokens, passwords, the service catalog.
    ///
    /// # Errors
    /// The payload has no JSON form, or sending failed. All topics are tried; the first error is returned.
    pub async fn notify<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        priority: Priority,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        let payload = RawJson::encode(payload)?;
        let mut notification =
            Notification::new(self.publisher_id.clone(), event_type, priority, payload);
        notification.context = without_secrets(ctxt);
        let deadline = self.timeout.map(|timeout| later(Instant::now(), timeout));
        let mut outcome = Ok(());
        for target in &self.targets {
            let options = NotifyOptions {
                retry: self.retry,
                deadline,
                ..NotifyOptions::default()
            };
            let sending =
                self.transport
                    .send_notification(target, priority.lower(), &notification, options);
            outcome = outcome.and(sending.await);
        }
        outcome
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("transport", &self.transport)
            .field("publisher_id", &self.publisher_id)
            .finish_non_exhaustive()
    }
}

/// A notifier in the making; see [`Notifier::builder`].
#[derive(Debug, Clone)]
pub struct NotifierBuilder {
    notifier: Notifier,
}

impl NotifierBuilder {
    /// Publishes to these topics instead of `notifications`.
    #[must_use]
    pub fn topics<S: Into<String>>(mut self, topics: impl IntoIterator<Item = S>) -> Self {
        self.notifier.targets = topics
            .into_iter()
            .map(|topic| Target::default().with_topic(topic))
            .collect();
        self
    }

    /// Tries this often again. Default: for ever, as the peer's `retry` of -1.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.notifier.retry = retry;
        self
    }

    /// Gives an event this long to be confirmed for all topics; then sending it fails, though the broker may have it.
    /// Default: as long as [`retry`](Self::retry) allows, as the peer, since notifications are promised at least once.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.notifier.timeout = Some(timeout);
        self
    }

    /// The notifier.
    pub fn build(self) -> Notifier {
        self.notifier
    }
}

/// Why an event was not published.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// The target has no topic.
    #[error(transparent)]
    InvalidTarget(#[from] InvalidTarget),
    /// The payload has no JSON form.
    #[error("the payload can't be sent: {0}")]
    Payload(#[from] JsonError),
    /// The driver could not send it.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// The topic of the peer's default configuration.
const DEFAULT_TOPIC: &str = "notifications";
