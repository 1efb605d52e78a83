//! A consumer as a bounded stream, for programs that would rather wait than be called.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use super::channel::Channel;
use super::{Consume, Delivery, DeliverySink, Disposition, Error};

/// The deliveries of one consumer, waiting to be taken and acknowledged.
///
/// The broker never sends more than fit, because they stay unacknowledged until they are taken. A
/// consumer with [`Consume::no_ack`] has no such rule: one that falls behind by its capacity ends
/// with [`ConsumerEnd::Overflow`] rather than lose messages unseen.
///
/// Dropping it cancels the consumer and gives back what it had not taken.
#[derive(Debug)]
pub struct Consumer {
    channel: Channel,
    tag: String,
    no_ack: bool,
    deliveries: mpsc::Receiver<Delivery>,
    end: Arc<OnceLock<ConsumerEnd>>,
}

/// Why a consumer gets no more deliveries.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerEnd {
    /// The broker cancelled it: the queue was deleted or its node died. The channel lives.
    #[error("the broker cancelled the consumer, because its queue is gone")]
    Cancelled,
    /// The channel or the connection ended.
    #[error(transparent)]
    Closed(Error),
    /// More deliveries came than fit, without the broker having to wait for acknowledgements.
    #[error(
        "deliveries came faster than they were taken; use acknowledgements or a larger capacity"
    )]
    Overflow,
    /// [`Channel::cancel`] ended it.
    #[error("this side cancelled the consumer")]
    Requested,
}

impl Consumer {
    pub(super) fn new(channel: Channel, consume: &Consume, capacity: usize) -> (Self, StreamSink) {
        let (sender, deliveries) = mpsc::channel(capacity);
        let end = Arc::new(OnceLock::new());
        let tag = consume.consumer_tag.clone();
        let sink = StreamSink {
            deliveries: Some(sender),
            end: Arc::clone(&end),
        };
        (
            Self {
                channel,
                tag,
                no_ack: consume.no_ack,
                deliveries,
                end,
            },
            sink,
        )
    }

    /// The consumer's tag.
    pub fn consumer_tag(&self) -> &str {
        &self.tag
    }

    /// The channel it consumes on, to acknowledge by.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The next delivery, or why there is none. What had arrived before the end comes first, though
    /// after [`ConsumerEnd::Closed`] it can no longer be acknowledged. May be dropped and called again.
    pub async fn next(&mut self) -> Result<Delivery, ConsumerEnd> {
        match self.deliveries.recv().await {
            Some(delivery) => Ok(delivery),
            None => Err(self.end.get().cloned().unwrap_or(ConsumerEnd::Requested)),
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.deliveries.close();
        // Without an end its sink is with the task; one that overflowed is still subscribed.
        let is_subscribed = matches!(self.end.get(), None | Some(ConsumerEnd::Overflow));
        if self.channel.is_open() && is_subscribed {
            drop(self.channel.cancel(&self.tag));
        }
        while let Ok(delivery) = self.deliveries.try_recv() {
            if !self.no_ack && self.channel.reject(delivery.delivery_tag, true).is_err() {
                return;
            }
        }
    }
}

/// The task's end of a [`Consumer`].
pub(super) struct StreamSink {
    deliveries: Option<mpsc::Sender<Delivery>>,
    end: Arc<OnceLock<ConsumerEnd>>,
}

impl StreamSink {
    fn finish(&mut self, end: ConsumerEnd) {
        let _ = self.end.set(end);
        self.deliveries = None;
    }
}

impl Drop for StreamSink {
    /// Cancelled, or refused from the start: there is nothing to cancel any more.
    fn drop(&mut self) {
        let _ = self.end.set(ConsumerEnd::Requested);
    }
}

impl DeliverySink for StreamSink {
    fn deliver(&mut self, delivery: Delivery) -> Disposition {
        let Some(deliveries) = &self.deliveries else {
            return Disposition::Reject { requeue: true };
        };
        match deliveries.try_send(delivery) {
            Ok(()) => Disposition::Hold,
            Err(refused) => {
                if matches!(refused, mpsc::error::TrySendError::Full(_)) {
                    self.finish(ConsumerEnd::Overflow);
                }
                Disposition::Reject { requeue: true }
            }
        }
    }

    fn cancelled(&mut self) {
        self.finish(ConsumerEnd::Cancelled);
    }

    fn closed(&mut self, reason: &Error) {
        self.finish(ConsumerEnd::Closed(reason.clone()));
    }
}
