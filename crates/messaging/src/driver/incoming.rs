//! What a driver hands over: a message, and the handles to acknowledge and answer it.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::{BoxFuture, CallReply, Cancellation, ReplyError};
use crate::notify::Notification;
use crate::wire::{Context, Request};

/// Where a driver delivers the requests of one listener.
pub trait RequestSink: Send + Sync + 'static {
    /// Takes one request. Called on the driver's own task: it must return at once and never block.
    fn request(&self, incoming: IncomingRequest) -> Admission;
}

/// Where a driver delivers the notifications of one listener.
pub trait NotificationSink: Send + Sync + 'static {
    /// Takes one notification. Called on the driver's own task: it must return at once and never block.
    fn notification(&self, incoming: IncomingNotification) -> Admission;
}

/// A sink's answer: when the driver acknowledges the message to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Now: the message is being processed, or is not worth it (expired, a duplicate).
    Taken,
    /// Later: the sink will acknowledge or requeue it through the message. Until then it counts against its queue's
    /// prefetch, and goes to another server if this one dies.
    Held,
}

/// The driver's side of acknowledging one message.
pub trait Acknowledger: Send + Sync + 'static {
    /// Tells the broker that the message is taken: it won't be delivered again. Does not block.
    ///
    /// # Errors
    /// [`ReplyError::ConnectionLost`] if the broker can no longer be told: it will deliver the message again, so this
    /// copy must not be processed.
    fn acknowledge(&self) -> Result<(), ReplyError>;

    /// Gives the message back to the broker to be delivered again, perhaps elsewhere. Does not block.
    ///
    /// # Errors
    /// [`ReplyError::ConnectionLost`] if the broker can no longer be told; it will deliver the message again anyway.
    fn requeue(&self) -> Result<(), ReplyError>;
}

/// The driver's side of acknowledging and answering one request.
pub trait Responder: Acknowledger {
    /// Sends the one answer of the request; completes when the broker has confirmed it or the driver gave up. Retries
    /// for a while if the reply queue is missing, since a reconnecting caller re-creates it.
    fn reply(&self, reply: CallReply) -> BoxFuture<'_, Result<(), ReplyError>>;

    /// Tells a monitoring caller that the request is still worked on. Not retried: [`ReplyError::NoRoute`] says that
    /// nobody waits any more.
    fn keep_alive(&self) -> BoxFuture<'_, Result<(), ReplyError>>;

    /// Completes when the connection that delivered the request is gone while it was not acknowledged: the broker will
    /// deliver it again, so whoever holds this copy lets go of it. The default never completes; such a copy is then
    /// found out when it is acknowledged.
    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Tells the caller how to cancel the request, if it understands that, and sets `cancellation` off when it does.
    /// Has an effect once. The default does nothing: a driver need not be able to.
    fn offer_cancel<'a>(
        &'a self,
        cancellation: &'a Cancellation,
    ) -> BoxFuture<'a, Result<(), ReplyError>> {
        let _ = cancellation;
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A request as it came from the broker.
#[non_exhaustive]
pub struct IncomingRequest {
    /// The decoded request.
    pub request: Request,
    /// When it was received.
    pub received: Instant,
    /// Receipt plus the message's expiration: nobody waits for an answer after that.
    pub deadline: Option<Instant>,
    /// The broker has delivered it before, to us or to another server, without an acknowledgement.
    pub redelivered: bool,
    /// Whether the caller has given the request up. Nobody learns of it before
    /// [`offer_cancel`](Self::offer_cancel).
    pub cancellation: Cancellation,
    responder: Arc<dyn Responder>,
}

impl IncomingRequest {
    /// A request received now, first delivery, without a deadline.
    pub fn new(request: Request, responder: Arc<dyn Responder>) -> Self {
        let cancellation = if request.cancel && request.msg_id.is_some() {
            Cancellation::new()
        } else {
            Cancellation::never()
        };
        Self {
            cancellation,
            request,
            received: Instant::now(),
            deadline: None,
            redelivered: false,
            responder,
        }
    }

    /// Sets when the request expires.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the broker's redelivered flag.
    #[must_use]
    pub fn with_redelivered(mut self, redelivered: bool) -> Self {
        self.redelivered = redelivered;
        self
    }

    /// The caller's context, as it was sent.
    pub fn ctxt(&self) -> &Context {
        &self.request.context
    }

    /// Whether the caller waits for an answer: true for calls, false for casts.
    pub fn wants_reply(&self) -> bool {
        self.request.msg_id.is_some()
    }

    /// Whether the request's deadline has passed at `now`.
    pub fn is_expired(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Answers the caller. To be called once.
    ///
    /// # Errors
    /// [`ReplyError::NotAsked`] for a cast; else what kept the answer from being delivered.
    pub async fn reply(&self, reply: CallReply) -> Result<(), ReplyError> {
        if !self.wants_reply() {
            return Err(ReplyError::NotAsked);
        }
        self.responder.reply(reply).await
    }

    /// Tells a monitoring caller that the request is still worked on.
    ///
    /// # Errors
    /// [`ReplyError::NotAsked`] for a cast; [`ReplyError::NoRoute`] if nobody waits any more.
    pub async fn keep_alive(&self) -> Result<(), ReplyError> {
        if !self.wants_reply() {
            return Err(ReplyError::NotAsked);
        }
        self.responder.keep_alive().await
    }

    /// Tells a caller that understands it how to cancel the request: [`cancellation`](Self::cancellation) goes off when
    /// it does. For requests that take long; has an effect once.
    ///
    /// # Errors
    /// What kept the caller from being told; [`ReplyError::NoRoute`] if nobody waits any more.
    pub async fn offer_cancel(&self) -> Result<(), ReplyError> {
        if !self.cancellation.is_possible() {
            return Ok(());
        }
        self.responder.offer_cancel(&self.cancellation).await
    }

    /// Completes when the request, not acknowledged yet, will be delivered again; see [`Responder::lost`].
    pub async fn lost(&self) {
        self.responder.lost().await;
    }

    /// Acknowledges the request; see [`Acknowledger::acknowledge`].
    ///
    /// # Errors
    /// [`ReplyError::ConnectionLost`]: the request will be delivered again and must not be processed.
    pub fn acknowledge(&self) -> Result<(), ReplyError> {
        self.responder.acknowledge()
    }

    /// Gives the request back to the broker; see [`Acknowledger::requeue`].
    ///
    /// # Errors
    /// [`ReplyError::ConnectionLost`]: the broker takes it back by itself.
    pub fn requeue(&self) -> Result<(), ReplyError> {
        self.responder.requeue()
    }

    /// The handles of this request, to answer it after the request itself has been taken apart.
    pub fn responder(&self) -> &Arc<dyn Responder> {
        &self.responder
    }
}

impl fmt::Debug for IncomingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and context may hold secrets; they have their own masked way into logs.
        f.debug_struct("IncomingRequest")
            .field("method", &self.request.method)
            .field("deadline", &self.deadline)
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}

/// A notification as it came from the broker.
#[non_exhaustive]
pub struct IncomingNotification {
    /// The decoded notification.
    pub notification: Notification,
    /// When it was received.
    pub received: Instant,
    /// The broker has delivered it before without an acknowledgement.
    pub redelivered: bool,
    acknowledger: Box<dyn Acknowledger>,
}

impl IncomingNotification {
    /// A notification received now, first delivery.
    pub fn new(notification: Notification, acknowledger: Box<dyn Acknowledger>) -> Self {
        Self {
            notification,
            received: Instant::now(),
            redelivered: false,
            acknowledger,
        }
    }

    /// Sets the broker's redelivered flag.
    #[must_use]
    pub fn with_redelivered(mut self, redelivered: bool) -> Self {
        self.redelivered = redelivered;
        self
    }

    /// The sender's context.
    pub fn ctxt(&self) -> &Context {
        &self.notification.context
    }

    /// Acknowledges the notification; see [`Acknowledger::acknowledge`].
    ///
    /// # Errors
    /// [`ReplyError::ConnectionLost`]: the notification will be delivered again.
    pub fn acknowledge(&self) -> Result<(), ReplyError> {
        self.acknowledger.acknowledge()
    }

    /// Gives the notification back to the broker; see [`Acknowledger::requeue`].
    ///
    /// # Errors
    /// [`ReplyError::ConnectionLost`]: the broker takes it back by itself.
    pub fn requeue(&self) -> Result<(), ReplyError> {
        self.acknowledger.requeue()
    }
}

impl fmt::Debug for IncomingNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingNotification")
            .field("event_type", &self.notification.event_type)
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}
