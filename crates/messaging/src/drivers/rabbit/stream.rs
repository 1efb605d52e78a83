//! Fanouts by way of a stream: one log for all servers of a topic, which each reads at its own pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bergen_amqp::client::{Delivery, DeliverySink, Disposition, Error};
use bergen_amqp::codec::FieldTable;

use super::topology::{Argument, Arguments};
use crate::options::StreamOffset;

#[cfg(test)]
mod tests;

/// The header and consumer argument that carries a position.
const OFFSET: &str = "x-stream-offset";

/// How far one server has read the stream of its topic.
///
/// A stream keeps what was read. So a consumer says where to begin: a new one at [`StreamOffset`], one that lost its
/// connection behind the last cast that it got.
#[derive(Debug)]
pub(super) struct StreamPosition {
    stream: Arc<str>,
    start: StreamOffset,
    /// The offset to go on with; 0 as long as nothing has come, since what follows another offset is never 0.
    next: AtomicU64,
}

impl StreamPosition {
    pub(super) fn new(stream: Arc<str>, start: StreamOffset) -> Self {
        Self {
            stream,
            start,
            next: AtomicU64::new(0),
        }
    }

    /// The stream's name.
    pub(super) fn stream(&self) -> &str {
        &self.stream
    }

    /// The arguments of the next basic.consume.
    pub(super) fn consume_arguments(&self) -> Arguments {
        let offset = match self.next.load(Ordering::Relaxed) {
            0 => Argument::Text(self.start.as_str().into()),
            next => Argument::Long(i64::try_from(next).unwrap_or(i64::MAX)),
        };
        vec![(OFFSET, offset)]
    }

    /// The stream is another one now, which counts from 0 again.
    pub(super) fn reset(&self) {
        let next = self.next.swap(0, Ordering::Relaxed);
        if next > 0 {
            tracing::warn!(stream = %self.stream, next, "the stream is a new one; reading it from the start position");
        }
    }

    /// `sink`, followed: what it gets moves the position.
    pub(super) fn follow(self: &Arc<Self>, sink: Box<dyn DeliverySink>) -> Box<dyn DeliverySink> {
        Box::new(Follower {
            position: Arc::clone(self),
            sink,
        })
    }

    fn passed(&self, offset: u64) {
        self.next.store(offset.saturating_add(1), Ordering::Relaxed);
    }
}

/// Where in its stream a message with these headers stands; `None` for messages of other queues.
pub(super) fn offset(headers: Option<&FieldTable<'_>>) -> Option<u64> {
    headers?.get(OFFSET)?.as_i64()?.try_into().ok()
}

/// What becomes of a delivery. A stream takes nothing back: the broker closes the whole connection of who tries.
fn settled(disposition: Disposition) -> Disposition {
    match disposition {
        Disposition::Reject { .. } => Disposition::Ack,
        taken => taken,
    }
}

/// A sink whose deliveries come from a stream.
struct Follower {
    position: Arc<StreamPosition>,
    sink: Box<dyn DeliverySink>,
}

impl DeliverySink for Follower {
    fn deliver(&mut self, delivery: Delivery) -> Disposition {
        if let Some(offset) = offset(delivery.properties.headers.as_ref()) {
            self.position.passed(offset);
        }
        settled(self.sink.deliver(delivery))
    }

    fn cancelled(&mut self) {
        self.sink.cancelled();
    }

    fn closed(&mut self, reason: &Error) {
        self.sink.closed(reason);
    }
}
