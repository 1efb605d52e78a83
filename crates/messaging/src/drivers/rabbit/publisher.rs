//! Publishing until the broker has confirmed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bergen_amqp::client::{Confirmed, Error, PublishError};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::declare::{
    ACCESS_REFUSED, BROKER_FAILURE_PAUSE, INTERNAL_ERROR, NOT_FOUND, PRECONDITION_FAILED,
};
use super::declares::{Declares, Needs};
use super::failure::PublishFailure;
use super::fanouts::Fanouts;
use super::lane::{Lane, LaneFailure, OpenLane, open_confirming};
use super::message::{Class, Message};
use super::stats::Counters;
use super::supervisor::Supervisor;
use super::topology::Exchange;
use crate::driver::Retry;
use crate::options::Republish;
use crate::wire::Compression;

/// The publishing half of the driver: one connection, a lane for each class of messages.
#[derive(Debug)]
pub(super) struct Publisher {
    topic: Lane,
    fanouts: Fanouts,
    replies: Lane,
    declares: Declares,
    /// Fanout exchanges that somebody else declared differently: they are used as they are.
    foreign_fanouts: Mutex<HashSet<Arc<str>>>,
    /// Messages that may have a channel to themselves at once.
    alone: Semaphore,
    republish: Republish,
    compression: Option<Compression>,
    counters: Arc<Counters>,
}

/// What became of a message that the broker has answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivered {
    /// The broker has it.
    Confirmed,
    /// It was mandatory and no queue took it.
    Returned {
        /// An earlier copy was lost from sight, so this is no proof that the message went nowhere.
        earlier_copy: bool,
    },
}

impl Publisher {
    /// After this many channel errors a message is given up, even alone on its channel.
    const CHANNEL_ERRORS: u32 = 5;
    /// Between a refusal for lack of resources (nack) and the next attempt.
    const NACK_PAUSE: Duration = Duration::from_secs(1);
    /// Bound of `foreign_fanouts`.
    const FOREIGN_FANOUTS: usize = 1024;
    /// Bound of `alone`: one bad publish can bring thousands here, and a connection has 2047 channels.
    const ALONE: usize = 32;

    pub(super) fn new(
        supervisor: &Arc<Supervisor>,
        counters: &Arc<Counters>,
        republish: Republish,
        compression: Option<Compression>,
        fanouts_are_streams: bool,
    ) -> Self {
        let lane = |class| Lane::new(class, Arc::clone(supervisor), Arc::clone(counters));
        Self {
            topic: lane("topic"),
            fanouts: Fanouts::new(lane("fanout"), fanouts_are_streams),
            replies: lane("replies"),
            declares: Declares::default(),
            foreign_fanouts: Mutex::default(),
            alone: Semaphore::new(Self::ALONE),
            republish,
            compression,
            counters: Arc::clone(counters),
        }
    }

    /// Publishes a message and, with the same body and ids, publishes it again for as long as its fate is unknown.
    ///
    /// This future is the only keeper of the intent: whoever drops it gives the message up. The caller bounds it by
    /// its deadline; `retry` bounds rounds of connecting and lost copies.
    ///
    /// There is one for each call and each answer, so it is kept small: what is seldom needed is boxed.
    pub(super) async fn publish(
        &self,
        message: &Message,
        retry: Retry,
    ) -> Result<Delivered, PublishFailure> {
        let mut lost = 0;
        let mut channel_errors = 0;
        let mut alone = false;
        let fanout_lane;
        let lane = match message.class {
            Class::Call | Class::Cast | Class::Notification => &self.topic,
            Class::Fanout => {
                fanout_lane = self.fanouts.lane(&message.exchange);
                &*fanout_lane
            }
            Class::Reply => &self.replies,
        };
        loop {
            let _turn;
            let open = if alone {
                let epoch = Box::pin(lane.epoch(retry)).await?;
                _turn = Box::pin(self.alone.acquire()).await;
                match Box::pin(open_confirming(epoch)).await? {
                    Some(open) => open,
                    None => continue,
                }
            } else {
                lane.shared(retry).await?
            };
            match self.attempt(&open, message).await {
                Ok(Confirmed::Returned(_)) => {
                    let earlier_copy = lost + channel_errors > 0;
                    return Ok(Delivered::Returned { earlier_copy });
                }
                Ok(Confirmed::Nack) => {
                    lost += 1;
                    let cause = "the broker refused it for lack of room (nack)";
                    self.again(message.class, lost, retry, cause.to_owned())?;
                    Box::pin(tokio::time::sleep(Self::NACK_PAUSE)).await;
                }
                Ok(_) => return Ok(Delivered::Confirmed),
                // Tried at once it would cost everybody on the connection one channel after the other.
                Err(Lost::Declare(error)) if error.code() == Some(INTERNAL_ERROR) => {
                    lost += 1;
                    self.again(message.class, lost, retry, error.to_string())?;
                    tokio::time::sleep(BROKER_FAILURE_PAUSE).await;
                }
                Err(Lost::Declare(error)) if error.is_connection_closed() => {
                    tokio::task::yield_now().await;
                }
                Err(Lost::Declare(error)) => return Err(PublishFailure::Channel(error)),
                // Nothing was sent: this is no second copy, and no attempt that counts.
                Err(Lost::Unsent) => tokio::task::yield_now().await,
                Err(Lost::Publish(PublishError::Encode(error))) => {
                    return Err(PublishFailure::Encode(error));
                }
                Err(Lost::Publish(PublishError::ChannelClosed(reason))) => {
                    channel_errors += 1;
                    let own_fault = is_own_fault(message, reason.code());
                    if reason.code() == Some(NOT_FOUND) {
                        self.declares.forget();
                    }
                    if own_fault && alone {
                        channel_errors = Self::CHANNEL_ERRORS;
                    }
                    if channel_errors >= Self::CHANNEL_ERRORS {
                        return Err(match reason.code() {
                            Some(PRECONDITION_FAILED) if own_fault => {
                                PublishFailure::Unacceptable(reason.to_string())
                            }
                            _ => PublishFailure::Channel(Error::ChannelClosed(reason)),
                        });
                    }
                    if !self.may_republish(message.class) {
                        return Err(PublishFailure::Unconfirmed(reason.to_string()));
                    }
                    // The culprit may be a neighbour on the channel. A missing exchange is declared again first.
                    alone = channel_errors > 1 || own_fault;
                    self.count_again(message.class);
                }
                Err(Lost::Publish(error)) => {
                    lost += 1;
                    self.again(message.class, lost, retry, error.to_string())?;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Ends what is being published: the connection may live on, with others on it.
    pub(super) async fn close(&self) {
        tokio::join!(
            self.topic.close(),
            self.fanouts.close(),
            self.replies.close()
        );
    }

    fn closing(&self) -> &CancellationToken {
        self.topic.closing()
    }

    async fn attempt(&self, open: &OpenLane, message: &Message) -> Result<Confirmed, Lost> {
        if let (Class::Fanout, Needs::Exchange(exchange)) = (message.class, &message.needs) {
            return Box::pin(self.attempt_fanout(open, message, exchange)).await;
        }
        self.declares
            .ensure(&open.epoch, &message.needs)
            .await
            .map_err(Lost::Declare)?;
        confirmed(open, message, self.compression, self.closing()).await
    }

    /// A fanout exchange vanishes with its last server, so each publish brings its declare along, in one write.
    async fn attempt_fanout(
        &self,
        open: &OpenLane,
        message: &Message,
        exchange: &Exchange,
    ) -> Result<Confirmed, Lost> {
        open.epoch.unblocked(self.closing()).await;
        let declare = if self.foreign_fanouts().contains(&exchange.name) {
            exchange.declare_passive()
        } else {
            exchange.declare()
        };
        let (declared, published) = tokio::join!(
            open.channel.exchange_declare(declare),
            confirmed(open, message, self.compression, self.closing())
        );
        match declared.as_ref().err().and_then(Error::code) {
            Some(PRECONDITION_FAILED) => {
                let mut foreign = self.foreign_fanouts();
                if foreign.len() == Self::FOREIGN_FANOUTS {
                    foreign.clear();
                }
                foreign.insert(Arc::clone(&exchange.name));
            }
            Some(NOT_FOUND) => {
                self.foreign_fanouts().remove(&exchange.name);
            }
            _ => {}
        }
        published
    }

    /// Whether a lost copy may be followed by another one.
    fn again(
        &self,
        class: Class,
        lost: u32,
        retry: Retry,
        cause: String,
    ) -> Result<(), PublishFailure> {
        if !retry.allows(lost) || !self.may_republish(class) {
            return Err(PublishFailure::Unconfirmed(cause));
        }
        self.count_again(class);
        Ok(())
    }

    /// Whether a copy may follow one of unknown fate. A second answer harms nobody, and notifications are promised at
    /// least once.
    fn may_republish(&self, class: Class) -> bool {
        self.republish == Republish::Unconfirmed
            || matches!(class, Class::Reply | Class::Notification)
    }

    fn count_again(&self, class: Class) {
        match class {
            Class::Call => &self.counters.calls_republished,
            Class::Cast => &self.counters.casts_republished,
            Class::Fanout => &self.counters.fanouts_republished,
            Class::Reply => &self.counters.replies_republished,
            Class::Notification => &self.counters.notifications_republished,
        }
        .increment();
    }

    fn foreign_fanouts(&self) -> std::sync::MutexGuard<'_, HashSet<Arc<str>>> {
        self.foreign_fanouts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<LaneFailure> for PublishFailure {
    fn from(failure: LaneFailure) -> Self {
        match failure {
            LaneFailure::Connect(failure) => Self::Connect(failure),
            LaneFailure::Channel(error) => Self::Channel(error),
        }
    }
}

/// Why one attempt brought no answer.
#[derive(Debug)]
enum Lost {
    /// Before the message was published.
    Declare(Error),
    /// The channel was closed before the message was handed to the connection.
    Unsent,
    /// After it was handed to the connection.
    Publish(PublishError),
}

/// Whether the channel error would come again with each attempt, if it is this message's: it is not allowed, or larger
/// than the broker takes. A fanout brings a declare along, which may have been refused instead.
fn is_own_fault(message: &Message, code: Option<u16>) -> bool {
    match code {
        Some(ACCESS_REFUSED) => true,
        Some(PRECONDITION_FAILED) => message.class != Class::Fanout,
        _ => false,
    }
}

async fn confirmed(
    open: &OpenLane,
    message: &Message,
    compression: Option<Compression>,
    closing: &CancellationToken,
) -> Result<Confirmed, Lost> {
    let content = message.content(compression);
    let admitted = open.channel.admit(content.0.len()).await;
    let admitted = admitted.map_err(|_| Lost::Unsent)?;
    // Only now: the room in the window may have been long in coming.
    open.epoch.unblocked(closing).await;
    let publish = message.publish(content, Instant::now());
    let confirmation = admitted.publish(publish).map_err(|_| Lost::Unsent)?;
    confirmation.await.map_err(Lost::Publish)
}
