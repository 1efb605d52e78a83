//! Publishing events.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::{
    Event, Notification, NotifierError, NotifyDriver, NotifyError, Outbox, OutboxOptions, Priority,
};
use crate::clock::later;
use crate::driver::Retry;
use crate::mask::without_secrets;
use crate::rpc::Serializer;
use crate::transport::NotificationTransport;
use crate::wire::{Context, RawJson};

mod builder;

#[cfg(test)]
mod tests;

pub use builder::NotifierBuilder;

/// Publishes events for whoever listens. Cheap to clone.
///
/// An event goes to each of the notifier's drivers: to a broker in format 2.0 unless told otherwise. The caller gets
/// every error, which the peer logs and swallows. Whoever must not wait for a broker posts to an
/// [`outbox`](Self::outbox).
#[derive(Clone)]
pub struct Notifier {
    publisher_id: String,
    drivers: Arc<[Arc<dyn NotifyDriver>]>,
    retry: Retry,
    timeout: Option<Duration>,
    serializer: Option<Arc<dyn Serializer>>,
}

impl Notifier {
    /// A notifier for `publisher_id`, by convention `<service>.<host>`, that publishes to the topic `notifications`.
    pub fn new(transport: &NotificationTransport, publisher_id: impl Into<String>) -> Self {
        Self::builder(transport, publisher_id).build()
    }

    /// A notifier with other topics, drivers or retries than the defaults.
    pub fn builder(
        transport: &NotificationTransport,
        publisher_id: impl Into<String>,
    ) -> NotifierBuilder {
        NotifierBuilder::new(transport, publisher_id.into())
    }

    /// A notifier with these drivers only. With none it sends nothing, as the peer if no driver is configured.
    pub fn with_drivers<D: NotifyDriver>(
        publisher_id: impl Into<String>,
        drivers: impl IntoIterator<Item = D>,
    ) -> Self {
        let shared = |driver| Arc::new(driver) as Arc<dyn NotifyDriver>;
        Self::of(
            publisher_id.into(),
            drivers.into_iter().map(shared).collect(),
        )
    }

    pub(super) fn of(publisher_id: String, drivers: Vec<Arc<dyn NotifyDriver>>) -> Self {
        Self {
            publisher_id,
            drivers: drivers.into(),
            retry: Retry::Forever,
            timeout: None,
            serializer: None,
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

    /// The same notifier with other retries (with [`with_publisher_id`](Self::with_publisher_id) the peer's `prepare`).
    #[must_use]
    pub fn with_retry(&self, retry: Retry) -> Self {
        Self {
            retry,
            ..self.clone()
        }
    }

    /// The same notifier, whose payloads and contexts go through this serializer first. Default: none, as in the peer.
    ///
    /// The payload is the entity, and is converted with the whole context at hand; then the context is converted,
    /// without what no listener must see.
    #[must_use]
    pub fn with_serializer(&self, serializer: impl Serializer) -> Self {
        Self {
            serializer: Some(Arc::new(serializer)),
            ..self.clone()
        }
    }

    /// Who it publishes for.
    pub fn publisher_id(&self) -> &str {
        &self.publisher_id
    }

    /// How often it tries again.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// Whether anybody can see what it publishes: programs may save themselves the making of a payload. False without
    /// drivers, where the peer says true, and if all are `noop`.
    pub fn is_enabled(&self) -> bool {
        self.drivers.iter().any(|driver| driver.is_enabled())
    }

    /// Has the drivers read again what they were made from: `routing` its rules. For programs that are told to reload,
    /// for example by SIGHUP.
    ///
    /// # Errors
    /// A driver could not, and goes on with what it had. All are asked; the first error is returned.
    pub fn reload(&self) -> Result<(), NotifierError> {
        let mut outcome = Ok(());
        for driver in self.drivers.iter() {
            outcome = outcome.and(driver.reload());
        }
        outcome
    }

    /// A queue in front of this notifier, so that a slow or absent broker stalls nobody. Must be called in a runtime.
    pub fn outbox(&self, options: OutboxOptions) -> Outbox {
        Outbox::new(self.clone(), options)
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

    /// Hands an event to every driver; completes when it is safe with all of them, which for a broker means confirmed
    /// for every topic.
    ///
    /// Of the context, what must not be seen by every listener is left out: tokens, passwords, the service catalog.
    ///
    /// # Errors
    /// The payload has no JSON form, the serializer refuses it, or a driver failed. All drivers are tried; the first error is returned.
    pub async fn notify<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        priority: Priority,
        event_type: &str,
        payload: &T,
    ) -> Result<(), NotifyError> {
        let event = self.event(ctxt, priority, event_type, payload)?;
        self.hand_on(event).await
    }

    /// The event that the drivers get, but for its deadline.
    pub(super) fn event<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        priority: Priority,
        event_type: &str,
        payload: &T,
    ) -> Result<Event, NotifyError> {
        let mut payload = RawJson::encode(payload)?;
        let mut context = without_secrets(ctxt);
        if let Some(serializer) = &self.serializer {
            payload = serializer.serialize_entity(ctxt, payload)?;
            context = serializer.serialize_context(&context)?;
        }
        let publisher_id = self.publisher_id.clone();
        let mut notification = Notification::new(publisher_id, event_type, priority, payload);
        notification.context = context;
        Ok(Event {
            retry: self.retry,
            ..Event::new(notification, priority)
        })
    }

    /// The event's time begins now.
    pub(super) async fn hand_on(&self, mut event: Event) -> Result<(), NotifyError> {
        event.deadline = self.timeout.map(|timeout| later(Instant::now(), timeout));
        let mut outcome = Ok(());
        for driver in self.drivers.iter() {
            outcome = outcome.and(driver.notify(&event).await);
        }
        outcome
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("publisher_id", &self.publisher_id)
            .field("drivers", &self.drivers)
            .finish_non_exhaustive()
    }
}
