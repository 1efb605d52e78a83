//! Who is told of events.

use std::error::Error;
use std::fmt;

use serde::de::DeserializeOwned;

use crate::driver::{BoxFuture, IncomingNotification};
use crate::notify::{EventType, Filter, Notification, PayloadError, Priority};
use crate::rpc::{SerializeError, Serializer};

/// Takes the events of some priorities.
///
/// ```
/// use bergen_messaging::driver::BoxFuture;
/// use bergen_messaging::notify::{EndpointError, Handled, NotificationEndpoint, Priority, ReceivedEvent};
///
/// struct Meter;
///
/// impl NotificationEndpoint for Meter {
///     fn priorities(&self) -> Vec<Priority> {
///         vec![Priority::Info, Priority::Sample]
///     }
///
///     fn notify<'a>(&'a self, event: &'a ReceivedEvent) -> BoxFuture<'a, Result<Handled, EndpointError>> {
///         Box::pin(async move {
///             println!("{} {}", event.priority(), event.notification().event_type);
///             Ok(Handled::Done)
///         })
///     }
/// }
/// ```
pub trait NotificationEndpoint: Send + Sync + 'static {
    /// The priorities that it takes. Asked once, when it is given to a listener, which subscribes to no others.
    fn priorities(&self) -> Vec<Priority>;

    /// Which events of these priorities. Default: all.
    fn filter(&self) -> Option<&Filter> {
        None
    }

    /// Whether it wants this event, of those that the filter lets through. Default: yes. What no endpoint wants is
    /// acknowledged and counted.
    fn wants(&self, event: &ReceivedEvent) -> bool {
        let _ = event;
        true
    }

    /// Handles one event. It is acknowledged after all endpoints are done with it.
    ///
    /// # Errors
    /// Whatever went wrong; the listener's [`Poison`](super::Poison) policy says what follows. A panic counts as an
    /// error.
    fn notify<'a>(
        &'a self,
        event: &'a ReceivedEvent,
    ) -> BoxFuture<'a, Result<Handled, EndpointError>>;

    /// Handles the events of a batch listener: one or more, all of one priority. Default: one after another, until one
    /// is not done.
    ///
    /// # Errors
    /// As for [`notify`](Self::notify). Events of a batch that failed are handed over again, each by itself.
    fn notify_batch<'a>(
        &'a self,
        events: &'a [&'a ReceivedEvent],
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(async move {
            for event in events {
                if self.notify(event).await? == Handled::Requeue {
                    return Ok(Handled::Requeue);
                }
            }
            Ok(Handled::Done)
        })
    }
}

/// What an endpoint did with an event (the peer's `NotificationResult`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handled {
    /// All that was to be done.
    #[default]
    Done,
    /// Nothing: it shall come again, to this listener or another. No further endpoint is asked, and those that were
    /// are asked again then. Counts as done if the listener does not
    /// [allow](super::ListenerBuilder::allow_requeue) it, as in the peer.
    Requeue,
}

impl Handled {
    /// What the result of a method comes to: `Ok(())` is done, and any error will do.
    ///
    /// # Errors
    /// Those of the method.
    pub fn of<T: Into<Self>, E: Into<EndpointError>>(
        result: Result<T, E>,
    ) -> Result<Self, EndpointError> {
        result.map(Into::into).map_err(Into::into)
    }
}

impl From<()> for Handled {
    fn from((): ()) -> Self {
        Self::Done
    }
}

/// Why an endpoint failed. Any error fits: `?` converts it.
pub type EndpointError = Box<dyn Error + Send + Sync>;

/// An event that came from a broker.
pub struct ReceivedEvent {
    pub(super) incoming: IncomingNotification,
    pub(super) priority: Priority,
    /// What the serializer made of it.
    converted: Option<Notification>,
}

impl ReceivedEvent {
    pub(super) fn new(incoming: IncomingNotification, priority: Priority) -> Self {
        Self {
            incoming,
            priority,
            converted: None,
        }
    }

    /// The event, as the listener's serializer left it.
    pub fn notification(&self) -> &Notification {
        self.converted
            .as_ref()
            .unwrap_or(&self.incoming.notification)
    }

    /// Whether it is one of this type: in name and in priority.
    pub fn is<P>(&self, event_type: &EventType<P>) -> bool {
        self.priority == event_type.priority()
            && self.notification().event_type == event_type.name()
    }

    /// The payload of an event of this type.
    ///
    /// # Errors
    /// The payload is not what the type says.
    pub fn decode<P: DeserializeOwned>(
        &self,
        event_type: &EventType<P>,
    ) -> Result<P, PayloadError> {
        let payload = self.notification().payload.decode();
        payload.map_err(|cause| PayloadError {
            event_type: event_type.name(),
            cause,
        })
    }

    pub(super) fn convert(&mut self, serializer: &dyn Serializer) -> Result<(), SerializeError> {
        let mut notification = self.incoming.notification.clone();
        notification.context = serializer.deserialize_context(notification.context)?;
        notification.payload =
            serializer.deserialize_entity(&notification.context, notification.payload)?;
        self.converted = Some(notification);
        Ok(())
    }

    /// How urgent it is, as its body says.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// The broker has delivered it before without an acknowledgement: it may have been handled.
    pub fn redelivered(&self) -> bool {
        self.incoming.redelivered
    }
}

impl fmt::Debug for ReceivedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Payload and context may hold secrets.
        f.debug_struct("ReceivedEvent")
            .field("event_type", &self.notification().event_type)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
