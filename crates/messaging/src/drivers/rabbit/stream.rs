//! Fanouts by way of a stream: one log for all servers of a topic, which each reads at its own pace.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bergen_amqp::client::{Delivery, DeliverySink, Disposition, Error};
use bergen_amqp::codec::FieldTable;

use super::topology::{Argument, Arguments};
use crate::options::StreamOffset;

#[cfg(test)]
mod tests;

/// The header and consumer argument that carries a position.
const OFFSET: &str = "x-stream-offset";

/// How much earlier than the last cast a stream is read again whose offsets tell nothing: what the clocks of a cluster
/// may be apart. Casts that come again are dropped as those of any queue.
const MARGIN: Duration = Duration::from_mins(1);

/// How far one server has read the stream of its topic.
///
/// A stream keeps what was read. So a consumer says where to begin: a new one at [`StreamOffset`], one that lost its
/// connection at the last cast that it got. That one comes again at once, and is passed over: if it stays away, the
/// stream of that name is another one, which would be silent up to that offset.
#[derive(Debug)]
pub(super) struct StreamPosition {
    stream: Arc<str>,
    start: StreamOffset,
    /// The offset to go on with; 0 as long as nothing has come, since what follows another offset is never 0.
    next: AtomicU64,
    /// Read on, and nothing has come yet.
    is_awaited: AtomicBool,
    /// When the last cast came, in seconds since 1970; 0: never.
    heard: AtomicU64,
    /// The time to read again from, in seconds since 1970; 0: none.
    again_from: AtomicU64,
    /// Something came since one looked.
    is_alive: AtomicBool,
    /// Held by every request of this stream until it is done with.
    in_work: Arc<()>,
}

impl StreamPosition {
    pub(super) fn new(stream: Arc<str>, start: StreamOffset) -> Self {
        Self {
            stream,
            start,
            next: AtomicU64::new(0),
            is_awaited: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            again_from: AtomicU64::new(0),
            is_alive: AtomicBool::new(false),
            in_work: Arc::default(),
        }
    }

    /// The stream's name.
    pub(super) fn stream(&self) -> &str {
        &self.stream
    }

    /// The arguments of the next basic.consume, which follows.
    pub(super) fn consume_arguments(&self) -> Arguments {
        let next = self.next.load(Ordering::Relaxed);
        let again_from = self.again_from.load(Ordering::Relaxed);
        self.is_awaited.store(next > 0, Ordering::Relaxed);
        let offset = match (next, again_from) {
            (0, 0) => Argument::Text(self.start.as_str().into()),
            (0, seconds) => Argument::Timestamp(seconds),
            _ => Argument::Long(i64::try_from(next - 1).unwrap_or(i64::MAX)),
        };
        vec![(OFFSET, offset)]
    }

    /// The stream is another one now, which counts from 0 again.
    pub(super) fn reset(&self) {
        self.again_from.store(0, Ordering::Relaxed);
        self.heard.store(0, Ordering::Relaxed);
        let next = self.next.swap(0, Ordering::Relaxed);
        if next > 0 {
            tracing::warn!(stream = %self.stream, next, "the stream is a new one; reading it from the start position");
        }
    }

    /// Whether the last cast, which is in the stream, has not come again.
    pub(super) fn is_silent(&self) -> bool {
        self.is_awaited.load(Ordering::Relaxed)
    }

    /// For each request of this stream to hold until it is done with.
    pub(super) fn in_work(&self) -> Weak<()> {
        Arc::downgrade(&self.in_work)
    }

    /// Whether nothing has come since this was last asked, although something was read before and nothing is in work
    /// that would hold the broker back.
    pub(super) fn is_quiet(&self) -> bool {
        let was_alive = self.is_alive.swap(false, Ordering::Relaxed);
        let was_read = self.heard.load(Ordering::Relaxed) > 0;
        !was_alive && was_read && Arc::strong_count(&self.in_work) == 1
    }

    /// The position says nothing about this stream: it is to be read from the time of the last cast on.
    pub(super) fn lose(&self) {
        let again = self.heard.load(Ordering::Relaxed);
        let again = again.saturating_sub(MARGIN.as_secs()).max(1);
        self.again_from.store(again, Ordering::Relaxed);
        let next = self.next.swap(0, Ordering::Relaxed);
        tracing::warn!(stream = %self.stream, next, "the stream is not the one that was read before; reading it from the time of the last cast");
    }

    /// `sink`, followed: what it gets moves the position.
    pub(super) fn follow(self: &Arc<Self>, sink: Box<dyn DeliverySink>) -> Box<dyn DeliverySink> {
        Box::new(Follower {
            position: Arc::clone(self),
            sink,
        })
    }

    /// Whether what stands there is new.
    fn passed(&self, offset: u64) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.heard
            .store(now.unwrap_or_default().as_secs(), Ordering::Relaxed);
        self.again_from.store(0, Ordering::Relaxed);
        self.is_awaited.store(false, Ordering::Relaxed);
        self.is_alive.store(true, Ordering::Relaxed);
        let next = offset.saturating_add(1);
        self.next.swap(next, Ordering::Relaxed) != next
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
        if let Some(offset) = offset(delivery.properties.headers.as_ref())
            && !self.position.passed(offset)
        {
            return Disposition::Ack;
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
