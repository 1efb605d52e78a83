//! Notifications: events that a service publishes for whoever listens.
//!
//! A [`Notifier`] publishes; [`NotificationTransport::listen`](crate::transport::NotificationTransport::listen)
//! receives.

mod notification;
mod notifier;

pub use notification::{Notification, Priority};
pub use notifier::{Notifier, NotifierBuilder, NotifyError};
