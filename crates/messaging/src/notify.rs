//! Notifications: events that a service publishes for whoever listens.
//!
//! A [`Notifier`] publishes, through one or several [drivers]; a [`NotificationListener`] receives.

mod driver;
pub mod drivers;
mod error;
mod filter;
mod listener;
mod notification;
mod notifier;
mod outbox;

pub use driver::{Event, NotifyDriver};
pub use error::{NotifierError, NotifyError};
pub use filter::{Filter, FilterError, KeyPath};
pub use listener::{
    BatchOptions, EndpointError, Handled, ListenTarget, ListenerBuilder, ListenerError,
    ListenerStats, NotificationEndpoint, NotificationListener, Poison, ReceivedEvent,
};
pub use notification::{Notification, Priority};
pub use notifier::{Notifier, NotifierBuilder};
pub use outbox::{Outbox, OutboxOptions, OutboxStats, WhenFull};

/// The topic of the peer's default configuration.
const DEFAULT_TOPIC: &str = "notifications";
