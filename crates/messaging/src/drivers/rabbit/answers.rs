//! The answering half of servers: replies and keep-alives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bergen_amqp::client::Channel;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::declares::Needs;
use super::message::{Class, Message};
use super::missing_queues::MissingQueues;
use super::publisher::{Delivered, Publisher};
use super::replies::Replies;
use super::running::{Cancellable, Running};
use super::stats::Counters;
use super::topology::REPLY_PREFIX;
use crate::clock::later;
use crate::driver::{
    Acknowledger, BoxFuture, CallReply, Cancellation, ReplyError, Responder, Retry,
};
use crate::log_limit::LogLimit;
use crate::rpc::MethodError;
use crate::wire::{Charset, Id, Outcome, Text, encode_reply};

/// Publishes answers to reply queues.
#[derive(Debug)]
pub(super) struct Answers {
    publisher: Arc<Publisher>,
    counters: Arc<Counters>,
    missing: MissingQueues,
    /// Where cancels of requests come in.
    replies: Arc<Replies>,
    running: Arc<Running>,
    mandatory: bool,
    /// How long an answer is tried again while its queue is missing.
    patience: Duration,
    log: LogLimit,
}

impl Answers {
    /// Between attempts while the reply queue is missing, as the peer.
    const PAUSE: Duration = Duration::from_millis(250);
    /// For the last attempt to be confirmed, beyond the time in which attempts begin.
    const MARGIN: Duration = Duration::from_secs(5);

    pub(super) fn new(
        publisher: Arc<Publisher>,
        counters: Arc<Counters>,
        (replies, running): (Arc<Replies>, Arc<Running>),
        mandatory: bool,
        patience: Duration,
    ) -> Self {
        Self {
            publisher,
            counters,
            missing: MissingQueues::default(),
            replies,
            running,
            mandatory,
            patience,
            log: LogLimit::new(LogLimit::MINUTE),
        }
    }

    /// Sends the answer of a call. One that the broker does not take, since it is too large, is replaced by a failure
    /// that says so.
    async fn reply(&self, to: &ReplyTo, reply: CallReply) -> Result<(), ReplyError> {
        let outcome = match reply {
            Ok(result) => Outcome::Result(result),
            Err(failure) => Outcome::Failure(*failure),
        };
        let message = self.message(&to.queue, &to.msg_id, &outcome)?;
        match self.deliver(to, &message).await {
            Err(ReplyError::Refused { cause }) => Box::pin(self.replace(to, &message, cause)).await,
            delivered => delivered,
        }
    }

    /// Sends a failure instead of an answer that the broker does not take.
    async fn replace(
        &self,
        to: &ReplyTo,
        message: &Message,
        cause: String,
    ) -> Result<(), ReplyError> {
        self.counters.replies_replaced.increment();
        tracing::warn!(
            bytes = message.body.len(),
            "an answer can't be sent: {cause}"
        );
        let refusal = MethodError::value_error(format!("the answer can't be sent: {cause}"));
        let outcome = Outcome::Failure(*refusal.into_failure());
        let message = self.message(&to.queue, &to.msg_id, &outcome)?;
        self.deliver(to, &message).await
    }

    /// Publishes an answer. While the reply queue is missing it tries again: a caller that reconnects creates its queue
    /// anew. Not beyond the call's deadline, when nobody waits any more.
    async fn deliver(&self, to: &ReplyTo, message: &Message) -> Result<(), ReplyError> {
        let queue = &*to.queue;
        let start = Instant::now();
        loop {
            let gone = self.missing.contains(queue, Instant::now());
            if !gone {
                // A broker that is away must not hold an answer, and with it a stopping server, for longer.
                let end = to.deadline.unwrap_or_else(|| later(start, self.patience));
                let end = later(end, Self::MARGIN);
                let Ok(sent) = timeout_at(end, self.send(message)).await else {
                    self.drop_answer(queue, start, false);
                    return Err(ReplyError::DeliveryFailure {
                        cause: "the broker did not take it while the caller waited".to_owned(),
                    });
                };
                if sent? {
                    return Ok(());
                }
            }
            let now = Instant::now();
            let is_late = to.deadline.is_some_and(|deadline| deadline <= now);
            let is_hopeless = now.duration_since(start) >= self.patience;
            if gone || is_late || is_hopeless {
                if is_hopeless {
                    self.missing.insert(queue, now);
                }
                self.drop_answer(queue, start, gone);
                return Err(no_route(queue));
            }
            Box::pin(tokio::time::sleep(Self::PAUSE)).await;
        }
    }

    /// Says that a call is still worked on. Not tried again.
    async fn keep_alive(&self, queue: &str, msg_id: &str) -> Result<(), ReplyError> {
        let message = self.message(queue, msg_id, &Outcome::KeepAlive)?;
        if self.missing.contains(queue, Instant::now()) || !self.send(&message).await? {
            return Err(no_route(queue));
        }
        Ok(())
    }

    /// Says that a call can be cancelled, and where. Not tried again.
    async fn offer_cancel(&self, to: &ReplyTo) -> Result<(), ReplyError> {
        let ready = self.replies.ready(Retry::Forever).await;
        ready.map_err(|error| ReplyError::DeliveryFailure {
            cause: error.to_string(),
        })?;
        let outcome = Outcome::Cancellable {
            control_queue: Text::copy(self.replies.queue()),
        };
        let message = self.message(&to.queue, &to.msg_id, &outcome)?;
        self.counters.cancel_offers.increment();
        if self.send(&message).await? {
            Ok(())
        } else {
            Err(no_route(&to.queue))
        }
    }

    /// Whether a queue took it.
    async fn send(&self, message: &Message) -> Result<bool, ReplyError> {
        self.counters.replies.increment();
        match self.publisher.publish(message, Retry::Forever).await? {
            Delivered::Confirmed => Ok(true),
            Delivered::Returned { .. } => {
                self.counters.replies_returned.increment();
                Ok(false)
            }
        }
    }

    fn message(&self, queue: &str, msg_id: &str, outcome: &Outcome) -> Result<Message, ReplyError> {
        if !queue.starts_with(REPLY_PREFIX) {
            self.counters.replies_refused.increment();
            if let Some(held_back) = self.log.admit(Instant::now()) {
                tracing::warn!(
                    ?queue,
                    held_back,
                    "a request asks for its answer in a queue that is no reply queue"
                );
            }
            return Err(ReplyError::Refused {
                cause: format!(
                    "{queue:?} is no reply queue: its name does not begin with {REPLY_PREFIX}"
                ),
            });
        }
        let unique_id = Id::new();
        Ok(Message {
            class: Class::Reply,
            needs: Needs::Nothing,
            exchange: "".into(),
            routing_key: queue.into(),
            return_id: self.mandatory.then(|| unique_id.to_string()),
            deadline: None,
            body: encode_reply(msg_id, outcome, unique_id, Charset::default()),
        })
    }

    fn drop_answer(&self, queue: &str, start: Instant, known: bool) {
        self.counters.replies_dropped.increment();
        if known {
            tracing::debug!(
                queue,
                "dropped an answer: the reply queue is known to be gone"
            );
        } else if let Some(held_back) = self.log.admit(Instant::now()) {
            let waited = start.elapsed();
            tracing::warn!(
                queue,
                waited = format_args!("{waited:.1?}"),
                held_back,
                "dropped an answer: the reply queue stayed away"
            );
        }
    }
}

fn no_route(queue: &str) -> ReplyError {
    ReplyError::NoRoute {
        queue: queue.to_owned(),
    }
}

/// Acknowledges one delivery, once.
#[derive(Debug)]
pub(super) struct DeliveryHandle {
    channel: Channel,
    delivery_tag: u64,
    settled: AtomicBool,
    /// Where the delivery comes from a stream: what says that it is in work.
    from_stream: Option<Arc<()>>,
}

impl DeliveryHandle {
    pub(super) fn new(channel: Channel, delivery_tag: u64) -> Self {
        Self {
            channel,
            delivery_tag,
            settled: AtomicBool::new(false),
            from_stream: None,
        }
    }

    /// A delivery from a stream, which takes nothing back: requeued, it is acknowledged instead.
    pub(super) fn of_stream(mut self, from_stream: Option<Arc<()>>) -> Self {
        self.from_stream = from_stream;
        self
    }

    /// The delivery is settled elsewhere. A second acknowledgement would cost the channel.
    pub(super) fn settle(&self) -> bool {
        !self.settled.swap(true, Ordering::Relaxed)
    }

    /// Acknowledges the delivery; an error says that it will be delivered again.
    pub(super) fn acknowledge(&self) -> Result<(), ReplyError> {
        if !self.settle() {
            return Ok(());
        }
        self.settled(self.channel.ack(self.delivery_tag, false))
    }

    /// Gives the delivery back to the broker.
    pub(super) fn requeue(&self) -> Result<(), ReplyError> {
        if self.from_stream.is_some() {
            return self.acknowledge();
        }
        if !self.settle() {
            return Ok(());
        }
        self.settled(self.channel.reject(self.delivery_tag, true))
    }

    /// What failed is not settled: who tries again is told the truth again.
    fn settled(&self, done: Result<(), bergen_amqp::client::Error>) -> Result<(), ReplyError> {
        done.map_err(|_| {
            self.settled.store(false, Ordering::Relaxed);
            ReplyError::ConnectionLost
        })
    }
}

/// Acknowledges and answers one request.
#[derive(Debug)]
pub(super) struct RabbitResponder {
    pub(super) delivery: DeliveryHandle,
    pub(super) answers: Arc<Answers>,
    /// Where the answer goes and under which id; `None` for a cast.
    pub(super) reply_to: Option<ReplyTo>,
    /// Set as soon as the caller may know how to cancel it.
    pub(super) cancellable: OnceLock<Box<Cancellable>>,
    /// Cancelled when the channel that delivered it is gone.
    pub(super) lost: Arc<CancellationToken>,
}

/// A caller's address.
#[derive(Debug)]
pub(super) struct ReplyTo {
    pub(super) msg_id: Text,
    pub(super) queue: Text,
    /// When the call expires.
    pub(super) deadline: Option<Instant>,
}

impl Acknowledger for RabbitResponder {
    fn acknowledge(&self) -> Result<(), ReplyError> {
        self.delivery.acknowledge()
    }

    fn requeue(&self) -> Result<(), ReplyError> {
        self.delivery.requeue()
    }
}

impl Responder for RabbitResponder {
    fn reply(&self, reply: CallReply) -> BoxFuture<'_, Result<(), ReplyError>> {
        Box::pin(async move {
            let to = self.reply_to.as_ref().ok_or(ReplyError::NotAsked)?;
            self.answers.reply(to, reply).await
        })
    }

    fn keep_alive(&self) -> BoxFuture<'_, Result<(), ReplyError>> {
        Box::pin(async move {
            let to = self.reply_to.as_ref().ok_or(ReplyError::NotAsked)?;
            self.answers.keep_alive(&to.queue, &to.msg_id).await
        })
    }

    fn offer_cancel<'a>(
        &'a self,
        cancellation: &'a Cancellation,
    ) -> BoxFuture<'a, Result<(), ReplyError>> {
        Box::pin(async move {
            let to = self.reply_to.as_ref().ok_or(ReplyError::NotAsked)?;
            // Whoever asks for cancels has ids of our form.
            let Some(id) = Id::parse(&to.msg_id) else {
                return Ok(());
            };
            let request = self.answers.running.add(id, cancellation);
            if self.cancellable.set(Box::new(request)).is_err() {
                return Ok(());
            }
            self.answers.offer_cancel(to).await
        })
    }

    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.lost.cancelled())
    }
}
