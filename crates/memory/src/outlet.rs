//! Where a bus delivers to: one listener's sink.

use std::sync::Arc;

use bergen_broker::core::{ChannelId, Delivery};
use bergen_messaging::driver::{
    Admission, IncomingNotification, IncomingRequest, NotificationSink, RequestSink,
};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::bus::Bus;
use super::parcel::Parcel;
use super::responder::{Handed, NotificationHandle, RequestHandle};
use super::stats::Counters;

/// A listener as the bus sees it.
pub(crate) struct Outlet {
    pub(crate) bus: Arc<Bus>,
    pub(crate) channel: ChannelId,
    sink: Sink,
    /// The runtime of whoever listens: what its sink spawns belongs there, whoever sends.
    runtime: Option<Handle>,
    pub(crate) counters: Arc<Counters>,
    /// Cancelled when the listener is gone: what it has not acknowledged comes again elsewhere.
    pub(crate) lost: CancellationToken,
    /// Rings, once the listener is stopped, when a message has been handed over.
    pub(crate) handed_over: Notify,
}

/// Whom a listener hands its messages to.
pub(crate) enum Sink {
    Requests(Arc<dyn RequestSink>),
    Notifications(Arc<dyn NotificationSink>),
}

/// What became of a message that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is to be acknowledged.
    Taken,
    /// Who has it will settle it, or has done so.
    Held,
    /// Nobody here can do anything with it.
    Misplaced,
}

impl Outlet {
    pub(crate) fn new(
        bus: Arc<Bus>,
        channel: ChannelId,
        sink: Sink,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            bus,
            channel,
            sink,
            runtime: Handle::try_current().ok(),
            counters,
            lost: CancellationToken::new(),
            handed_over: Notify::new(),
        }
    }

    /// Hands a message to the sink. Called without the lock of the bus.
    pub(crate) fn deliver(self: &Arc<Self>, delivery: &Delivery<Parcel>) -> Outcome {
        let _runtime = self.runtime.as_ref().map(Handle::enter);
        let redelivered = delivery.redelivered;
        let handed = Handed::new(Arc::clone(self), delivery.delivery_tag);
        match (&self.sink, &delivery.message.body) {
            (Sink::Requests(sink), Parcel::Request(parcel)) => {
                self.counters.requests.increment();
                let handle = Arc::new(RequestHandle {
                    handed,
                    caller: parcel.caller.clone(),
                });
                let incoming =
                    IncomingRequest::new(parcel.request.clone(), Arc::clone(&handle) as Arc<_>)
                        .with_deadline(parcel.deadline)
                        .with_redelivered(redelivered);
                handle.handed.outcome(sink.request(incoming))
            }
            (Sink::Notifications(sink), Parcel::Notification(notification)) => {
                let handed = Arc::new(handed);
                let handle = NotificationHandle(Arc::clone(&handed));
                let incoming = IncomingNotification::new(notification.clone(), Box::new(handle))
                    .with_redelivered(redelivered);
                handed.outcome(sink.notification(incoming))
            }
            (Sink::Requests(_), Parcel::Notification(_))
            | (Sink::Notifications(_), Parcel::Request(_)) => {
                self.counters.misplaced.increment();
                tracing::warn!(
                    exchange = &*delivery.message.exchange,
                    routing_key = &*delivery.message.routing_key,
                    "dropped a message of another kind than its queue is for"
                );
                Outcome::Misplaced
            }
        }
    }
}

impl Handed {
    fn outcome(&self, admission: Admission) -> Outcome {
        match admission {
            // Unless the sink has settled it with its own hands.
            Admission::Taken if self.settle() => Outcome::Taken,
            Admission::Taken | Admission::Held => Outcome::Held,
        }
    }
}
