//! Why events are not published.

use bergen_config::OptionError;

use super::drivers::RoutingError;
use crate::driver::SendError;
use crate::rpc::SerializeError;
use crate::target::InvalidTarget;
use crate::wire::JsonError;

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
    /// The serializer refused the payload or the context.
    #[error(transparent)]
    Serializer(#[from] SerializeError),
    /// The driver could not send it.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Routing rules name a driver that nobody has brought.
    #[error("the routing rules name the driver {name:?}, which is not there")]
    UnknownDriver {
        /// Its name.
        name: String,
    },
    /// The outbox is full and takes nothing without waiting.
    #[error("{capacity} events wait to be sent already; send less at a time, or allow more")]
    OutboxFull {
        /// Events that it holds.
        capacity: usize,
    },
    /// A driver of the program's own failed.
    #[error("notification driver {driver:?}: {cause}")]
    Driver {
        /// Its name.
        driver: String,
        /// Its words.
        cause: String,
    },
}

/// Why there is no notifier as the configuration describes it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifierError {
    /// An option has no such value.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// The routing file can't be used.
    #[error(transparent)]
    Routing(#[from] RoutingError),
}
