//! Notifications: events that a service publishes for whoever listens.
//!
//! A [`Notifier`] publishes, through one or several [drivers]; a [`NotificationListener`] receives. An [`EventType`] is
//! what both agree on.

mod catalogue;
mod driver;
pub mod drivers;
mod error;
mod event_type;
mod filter;
mod listener;
#[cfg(feature = "tracing-layer")]
mod logging;
mod notification;
mod notifier;
mod outbox;
#[cfg(feature = "tower")]
mod request_notifier;

pub use catalogue::{DescribedEvent, catalogue};
pub use driver::{Event, NotifyDriver};
pub use error::{NotifierError, NotifyError};
pub use event_type::{EventType, PayloadError};
pub use filter::{Filter, FilterError, KeyPath};
pub use listener::{
    BatchOptions, EndpointError, Handled, ListenTarget, ListenerBuilder, ListenerError,
    ListenerStats, NotificationEndpoint, NotificationListener, Poison, ReceivedEvent,
};
#[cfg(feature = "tracing-layer")]
pub use logging::NotificationLayer;
pub use notification::{Notification, Priority};
pub use notifier::{Notifier, NotifierBuilder};
pub use outbox::{Outbox, OutboxOptions, OutboxStats, WhenFull};
#[cfg(feature = "tower")]
pub use request_notifier::{RequestNotifier, RequestNotifierLayer, ResponseFuture};

/// The topic of the peer's default configuration.
const DEFAULT_TOPIC: &str = "notifications";
