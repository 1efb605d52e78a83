//! Event types with what belongs to them: a name, a priority, a payload.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;

use super::{Notifier, NotifyError, Outbox, Priority};
use crate::wire::{Context, JsonError};

/// A type of event, declared once for those who publish it, those who listen for it, and the catalogue.
///
/// ```
/// use bergen_messaging::notify::drivers::TestDriver;
/// use bergen_messaging::notify::{EventType, Notifier, Priority};
/// use bergen_messaging::wire::Context;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct InstanceCreated {
///     instance_id: String,
///     host: String,
/// }
///
/// const INSTANCE_CREATE_END: EventType<InstanceCreated> =
///     EventType::new("compute.instance.create.end", Priority::Info).help("An instance runs.");
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let notifier = Notifier::with_drivers("compute.host1", [TestDriver::default()]);
/// let created = InstanceCreated { instance_id: "i-1".to_owned(), host: "host1".to_owned() };
/// notifier.emit(&Context::default(), &INSTANCE_CREATE_END, &created).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Nothing of it is on the wire but name and priority, so either side may be a service that knows of no declaration.
pub struct EventType<P> {
    name: &'static str,
    priority: Priority,
    help: &'static str,
    payload: PhantomData<fn(&P) -> P>,
}

impl<P> EventType<P> {
    /// The type of this name, for example `compute.instance.create.end`, which is published with this priority.
    pub const fn new(name: &'static str, priority: Priority) -> Self {
        Self {
            name,
            priority,
            help: "",
            payload: PhantomData,
        }
    }

    /// What has happened when such an event comes: a sentence for the [`catalogue`](super::catalogue()).
    #[must_use]
    pub const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// What stands in the payload as `event_type`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// With which priority it is published.
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    pub(super) const fn described(&self) -> &'static str {
        self.help
    }
}

impl Notifier {
    /// Publishes an event of this type; as [`notify`](Self::notify), with the type's name and priority.
    ///
    /// # Errors
    /// See [`notify`](Self::notify).
    pub async fn emit<P: Serialize>(
        &self,
        ctxt: &Context,
        event_type: &EventType<P>,
        payload: &P,
    ) -> Result<(), NotifyError> {
        self.notify(ctxt, event_type.priority, event_type.name, payload)
            .await
    }
}

impl Outbox {
    /// Takes an event of this type without ever waiting; as [`post`](Self::post), with the type's name and priority.
    ///
    /// # Errors
    /// See [`post`](Self::post).
    pub fn emit<P: Serialize>(
        &self,
        ctxt: &Context,
        event_type: &EventType<P>,
        payload: &P,
    ) -> Result<(), NotifyError> {
        self.post(ctxt, event_type.priority, event_type.name, payload)
    }
}

impl<P> Clone for EventType<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for EventType<P> {}

impl<P> fmt::Debug for EventType<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventType")
            .field("name", &self.name)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// An event whose payload is not what its type says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload of {event_type} is not as declared: {cause}")]
pub struct PayloadError {
    /// The name of the type.
    pub event_type: &'static str,
    /// What does not fit.
    pub cause: JsonError,
}
