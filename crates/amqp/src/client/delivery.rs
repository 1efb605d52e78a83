//! Consuming: what is asked for, what comes, and who takes it.

use super::{Delivery, Error};
use crate::codec::FieldTable;

/// `basic.consume`: subscribes to a queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consume {
    /// The queue's name.
    pub queue: String,
    /// How the consumer is called on its channel. Empty (default): the client chooses one.
    pub consumer_tag: String,
    /// The broker forgets each message as it sends it; nothing is acknowledged. Default false.
    pub no_ack: bool,
    /// Refuse (403) if the queue has another consumer, and keep others out. Default false.
    pub exclusive: bool,
    /// Further arguments, such as `x-priority` or `x-stream-offset`.
    pub arguments: FieldTable<'static>,
}

impl Consume {
    /// Subscribes with acknowledgements.
    pub fn new(queue: impl Into<String>) -> Self {
        Self {
            queue: queue.into(),
            ..Self::default()
        }
    }
}

/// What to tell the broker of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It is taken: the acknowledgement leaves with the turn's write, many in one frame where they
    /// are in a row.
    Ack,
    /// It is taken, and nobody minds if it comes again after a lost connection: the acknowledgement
    /// waits for something else to be written, for 5 ms at most. Under load that saves most of a consuming
    /// connection's writes. Not for a consumer whose prefetch is small: it would wait for its own
    /// acknowledgements.
    AckSoon,
    /// It is not taken.
    Reject {
        /// Whether the broker should offer it again, to this consumer or another.
        requeue: bool,
    },
    /// Nothing yet: [`Channel::ack`](super::Channel::ack) or
    /// [`Channel::reject`](super::Channel::reject) will follow.
    Hold,
}

/// Takes a consumer's deliveries on the connection's task.
///
/// While any of its methods runs, the whole connection waits: heartbeats, acknowledgements, replies
/// to other callers. So it must not block or compute for long, and with a `std` mutex only ever wait
/// for code that holds it for a moment.
///
/// A panic costs the one message: it is rejected without requeue, so that it cannot come again and
/// again, and [counted](super::Stats::sink_panics); the consumer's first is logged. The sink is called
/// again for the next message.
///
/// A sink that owns a [`Channel`](super::Channel) keeps that channel open until it is
/// [cancelled](super::Channel::cancel) or closed.
pub trait DeliverySink: Send {
    /// A message arrived. With [`Consume::no_ack`] the result is ignored.
    fn deliver(&mut self, delivery: Delivery) -> Disposition;

    /// The broker ended this consumer, because its queue is gone. Nothing follows.
    fn cancelled(&mut self) {}

    /// The channel or its connection ended, and this consumer with it. Nothing follows.
    fn closed(&mut self, _reason: &Error) {}
}
