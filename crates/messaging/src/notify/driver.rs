//! The ways by which events leave a process.

use std::fmt;

use tokio::time::Instant;

use super::{Notification, NotifierError, NotifyError, Priority};
use crate::driver::{BoxFuture, Retry};

/// One way for events to leave a process, as `[oslo_messaging_notifications] driver` names them.
///
/// [`drivers`](super::drivers) has those of the peer; a program may bring its own.
pub trait NotifyDriver: fmt::Debug + Send + Sync + 'static {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// Hands one event on, and completes when it is safe: confirmed by the broker, written, or not wanted.
    ///
    /// # Errors
    /// Why it could not be handed on. Nothing is logged here: that is the caller's choice.
    fn notify<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), NotifyError>>;

    /// Whether anybody can ever see what it is given. Default: yes.
    fn is_enabled(&self) -> bool {
        true
    }

    /// Reads again what it was made from. Default: nothing.
    ///
    /// # Errors
    /// That can't be used; it goes on with what it had.
    fn reload(&self) -> Result<(), NotifierError> {
        Ok(())
    }
}

/// An event on its way to the drivers of a notifier.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The event, with the secrets of its context left out.
    pub notification: Notification,
    /// How urgent it is.
    pub priority: Priority,
    /// How often to try again what could not be sent.
    pub retry: Retry,
    /// When sending is given up; `None` as long as `retry` allows.
    pub deadline: Option<Instant>,
}

impl Event {
    /// An event without a deadline that is tried again for ever.
    pub fn new(notification: Notification, priority: Priority) -> Self {
        Self {
            notification,
            priority,
            retry: Retry::Forever,
            deadline: None,
        }
    }
}
