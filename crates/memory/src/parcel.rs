//! What travels on a bus: the message itself, not its text.

use std::fmt;
use std::sync::Arc;

use bergen_broker::core::Body;
use bergen_messaging::notify::Notification;
use bergen_messaging::wire::{Context, Request};
use tokio::time::Instant;

use super::caller::Caller;

/// The body of a message on a bus.
#[derive(Clone)]
pub(crate) enum Parcel {
    /// A call or a cast.
    Request(RequestParcel),
    /// A notification.
    Notification(Notification),
}

/// A request on its way.
#[derive(Clone)]
pub(crate) struct RequestParcel {
    pub(crate) request: Request,
    /// When the caller stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// Who waits for the answer; nobody for a cast.
    pub(crate) caller: Option<Arc<Caller>>,
}

impl Body for Parcel {
    fn size(&self) -> usize {
        match self {
            Self::Request(RequestParcel { request, .. }) => {
                request.method.len() + request.args.as_str().len() + context_size(&request.context)
            }
            Self::Notification(notification) => {
                notification.event_type.len()
                    + notification.payload.as_str().len()
                    + context_size(&notification.context)
            }
        }
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and payloads may hold secrets.
        match self {
            Self::Request(parcel) => f
                .debug_tuple("Request")
                .field(&parcel.request.method)
                .finish(),
            Self::Notification(notification) => f
                .debug_tuple("Notification")
                .field(&notification.event_type)
                .finish(),
        }
    }
}

fn context_size(context: &Context) -> usize {
    context
        .iter()
        .map(|(key, value)| key.len() + value.as_str().len())
        .sum()
}
