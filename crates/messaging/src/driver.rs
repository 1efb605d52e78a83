//! The driver: the one door between messaging and a broker.
//!
//! A [`Driver`] carries requests, replies and notifications for one transport. `rabbit` is one; a program may bring
//! its own and register it with a [`DriverRegistry`] under the scheme that operators write in `transport_url`.
//!
//! The way of a call: [`Driver::call`] publishes the request and completes with the [`CallReply`]. The way of a
//! request on the serving side: [`Driver::listen`] is given a [`RequestSink`]; the driver hands each request to it as
//! an [`IncomingRequest`], and the sink answers at once with an [`Admission`] that says when to acknowledge it.

mod cancellation;
mod error;
mod incoming;
mod options;
mod registry;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;

pub use cancellation::Cancellation;
pub use error::{Bound, DriverError, Finding, ListenError, ReplyError, SendError, Timeout};
pub use incoming::{
    Acknowledger, Admission, IncomingNotification, IncomingRequest, NotificationSink, RequestSink,
    Responder,
};
pub use options::{CallOptions, CastOptions, ListenOptions, NotifyOptions, Retry};
pub use registry::{DriverConfig, DriverFactory, DriverRegistry, TransportKind};

use crate::notify::Notification;
use crate::target::Target;
use crate::wire::{Failure, OutgoingRequest, RawJson};

/// A boxed future that may move between threads: what the methods of dyn-compatible traits return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a call came back with: the method's result, or the failure that the server sent instead.
pub type CallReply = Result<RawJson, Box<Failure>>;

/// One broker's way of carrying messages.
///
/// A driver is created without touching the network; it connects when the first message needs it. Its methods may be
/// called from many tasks at once. Dropping a returned future gives up waiting; what was already published stays
/// published, though a driver may tell the server that nobody waits for a call any more.
///
/// Targets are checked above, and always name their exchange when they come here.
pub trait Driver: Send + Sync + 'static {
    /// What this driver can do beyond calls and casts.
    fn capabilities(&self) -> Capabilities;

    /// Sends `request` to one server of `target` and waits for its answer, at most until `options.deadline`.
    ///
    /// The deadline covers everything: connecting, waiting for the broker, and the reply. The driver gives the
    /// request its ids (`_msg_id`, `_reply_q`, `_unique_id`).
    ///
    /// # Errors
    /// A [`SendError`]; a failure that the server answered is not one: it is the `Err` side of the [`CallReply`].
    fn call<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<CallReply, SendError>>;

    /// Sends `request` without asking for an answer: to one server of `target`, or to all if `target.fanout` is set.
    /// Completes when the broker has confirmed the message.
    fn cast<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CastOptions,
    ) -> BoxFuture<'a, Result<(), SendError>>;

    /// Publishes one notification under the routing key `<topic>.<priority>`; completes when the broker has
    /// confirmed it. The driver adds `_unique_id` and, unless `options.bare`, the envelope of format 2.0.
    fn send_notification<'a>(
        &'a self,
        target: &'a Target,
        priority: &'a str,
        notification: &'a Notification,
        options: NotifyOptions,
    ) -> BoxFuture<'a, Result<(), SendError>>;

    /// Starts to take requests for `target` (its topic, its topic and server, and its fanout) and hands each to
    /// `sink`. Completes when the broker has confirmed that consuming began.
    ///
    /// At most `options.prefetch` requests of each of these queues may be handed over without having been
    /// acknowledged.
    fn listen<'a>(
        &'a self,
        target: &'a Target,
        options: ListenOptions,
        sink: Arc<dyn RequestSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>>;

    /// Starts to take notifications for each pair of target and priority and hands each to `sink`. With a `pool`,
    /// all listeners of that pool share one copy of every message.
    fn listen_for_notifications<'a>(
        &'a self,
        targets_and_priorities: &'a [(Target, String)],
        pool: Option<&'a str>,
        options: ListenOptions,
        sink: Arc<dyn NotificationSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>>;

    /// Releases everything by `deadline`: waiting calls fail with [`SendError::Closed`], connections are closed.
    /// Idempotent; a second call waits for the first or returns at once.
    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()>;
}

/// What consumes for one server, as long as the server wants it to. Dropping it releases it without waiting.
pub trait Listener: Send + Sync {
    /// Takes no new messages from the broker. What was handed over already stays valid: it can still be acknowledged
    /// and answered. Idempotent.
    fn stop(&self) -> BoxFuture<'_, ()>;

    /// Releases what the listener holds on the broker; to be called when all work is done. Stops first if needed.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;

    /// Completes when the driver has given up on this listener and will not recover it by itself. A driver that
    /// reconnects forever never completes it.
    fn failed(&self) -> BoxFuture<'_, ListenError>;
}

/// What a driver can do beyond calls and casts. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Capabilities {
    /// A message can be given back to the broker to be delivered again.
    pub requeue: bool,
    /// Calls, casts and RPC servers are possible (a driver may serve notifications only).
    pub rpc: bool,
    /// Notifications can be sent and listened for.
    pub notifications: bool,
}

impl Capabilities {
    /// Everything that a full driver offers.
    pub const fn all() -> Self {
        Self {
            requeue: true,
            rpc: true,
            notifications: true,
        }
    }
}
