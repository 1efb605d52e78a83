//! What is published, and what becomes of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::command::ChannelState;
use super::{PublishError, Returned};
use crate::codec::BasicProperties;

/// A message to publish. Cloning copies no text and no body.
///
/// # The window
///
/// A channel holds back publishes while too much of what it published is unconfirmed. Each counts its
/// body's bytes, and 8 KiB at least;
/// [`publish_window`](super::ConnectOptions::publish_window) is what they may come to, and one
/// larger than all of it goes alone. On a channel without
/// [`confirm_select`](super::Channel::confirm_select) a publish counts until it is encoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publish {
    /// The exchange; empty is the default exchange, which routes by queue name.
    pub exchange: Arc<str>,
    /// The routing key.
    pub routing_key: Arc<str>,
    /// Ask for the message back if no queue takes it: [`Confirmed::Returned`]. On a channel with
    /// confirms a missing `message_id` is filled in, since it is what a return is matched by.
    pub mandatory: bool,
    /// Content type, headers, expiration and the rest.
    pub properties: BasicProperties<'static>,
    /// The body; it is shared, not copied.
    pub body: Bytes,
}

impl Publish {
    /// A message without properties that may be dropped if no queue takes it.
    pub fn new(
        exchange: impl Into<Arc<str>>,
        routing_key: impl Into<Arc<str>>,
        body: impl Into<Bytes>,
    ) -> Self {
        Self {
            exchange: exchange.into(),
            routing_key: routing_key.into(),
            mandatory: false,
            properties: BasicProperties::default(),
            body: body.into(),
        }
    }

    /// Asks for the message back if no queue takes it.
    #[must_use]
    pub fn mandatory(mut self) -> Self {
        self.mandatory = true;
        self
    }

    /// Sets the properties.
    #[must_use]
    pub fn with_properties(mut self, properties: BasicProperties<'static>) -> Self {
        self.properties = properties;
        self
    }
}

/// What became of a published message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmed {
    /// The broker took responsibility for it.
    Ack,
    /// The broker could not take it: a queue is at its limit with `reject-publish`, or failed.
    Nack,
    /// It was mandatory and no queue took it.
    Returned(Returned),
    /// The channel has no confirms: the message was encoded for sending, and no more is known.
    NotRequested,
}

impl Confirmed {
    /// Whether the broker took responsibility for the message.
    pub fn is_ack(&self) -> bool {
        matches!(self, Self::Ack)
    }
}

/// The future outcome of one publish. Dropping it changes nothing for the message.
///
/// It resolves even if the task that should resolve it dies.
#[derive(Debug)]
#[must_use = "without awaiting it nobody knows whether the message arrived"]
pub struct Confirmation {
    outcome: oneshot::Receiver<Result<Confirmed, PublishError>>,
    state: Arc<ChannelState>,
}

impl Confirmation {
    pub(super) fn new(
        state: Arc<ChannelState>,
    ) -> (oneshot::Sender<Result<Confirmed, PublishError>>, Self) {
        let (sender, outcome) = oneshot::channel();
        (sender, Self { outcome, state })
    }
}

impl Future for Confirmation {
    type Output = Result<Confirmed, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.outcome).poll(cx));
        Poll::Ready(outcome.unwrap_or_else(|_| Err(self.state.error().into())))
    }
}
