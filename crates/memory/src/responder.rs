//! The handles that go with a message: to acknowledge it, and to answer it.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bergen_messaging::driver::{
    Acknowledger, BoxFuture, CallReply, Cancellation, ReplyError, Responder,
};
use tokio::time::Instant;

use super::caller::{Caller, Told};
use super::outlet::Outlet;

/// A message that was handed over.
pub(crate) struct Handed {
    outlet: Arc<Outlet>,
    tag: u64,
    settled: AtomicBool,
}

impl Handed {
    pub(crate) fn new(outlet: Arc<Outlet>, tag: u64) -> Self {
        Self {
            outlet,
            tag,
            settled: AtomicBool::new(false),
        }
    }

    /// Whether this is the first to settle it.
    pub(crate) fn settle(&self) -> bool {
        !self.settled.swap(true, Ordering::Relaxed)
    }

    fn settle_as(&self, requeue: bool) -> Result<(), ReplyError> {
        if !self.settle() {
            return Ok(());
        }
        let (bus, channel) = (&self.outlet.bus, self.outlet.channel);
        let settled = bus.turn(Instant::now(), |state| {
            state.settle(channel, self.tag, requeue)
        });
        if settled {
            return Ok(());
        }
        // Who tries again is told the truth again.
        self.settled.store(false, Ordering::Relaxed);
        Err(ReplyError::ConnectionLost)
    }
}

/// A notification that was handed over.
pub(crate) struct NotificationHandle(pub(crate) Arc<Handed>);

impl Acknowledger for NotificationHandle {
    fn acknowledge(&self) -> Result<(), ReplyError> {
        self.0.settle_as(false)
    }

    fn requeue(&self) -> Result<(), ReplyError> {
        self.0.settle_as(true)
    }
}

/// A request that was handed over.
pub(crate) struct RequestHandle {
    pub(crate) handed: Handed,
    /// `None` for a cast.
    pub(crate) caller: Option<Arc<Caller>>,
}

impl RequestHandle {
    fn tell(&self, tell: impl FnOnce(&Caller) -> Told) -> Result<Told, ReplyError> {
        let caller = self.caller.as_ref().ok_or(ReplyError::NotAsked)?;
        match tell(caller) {
            Told::Closed => Err(ReplyError::NoRoute {
                queue: REPLY_QUEUE.to_owned(),
            }),
            told => Ok(told),
        }
    }

    fn reply_now(&self, reply: CallReply) -> Result<(), ReplyError> {
        let counters = &self.handed.outlet.counters;
        counters.replies.increment();
        // Nobody minds an answer that comes too late, as with a reply queue.
        if self.tell(|caller| caller.answer(reply))? == Told::GivenUp {
            counters.unknown_replies.increment();
        }
        Ok(())
    }
}

impl Acknowledger for RequestHandle {
    fn acknowledge(&self) -> Result<(), ReplyError> {
        self.handed.settle_as(false)
    }

    fn requeue(&self) -> Result<(), ReplyError> {
        self.handed.settle_as(true)
    }
}

impl Responder for RequestHandle {
    fn reply(&self, reply: CallReply) -> BoxFuture<'_, Result<(), ReplyError>> {
        Box::pin(ready(self.reply_now(reply)))
    }

    fn keep_alive(&self) -> BoxFuture<'_, Result<(), ReplyError>> {
        self.handed.outlet.counters.keep_alives.increment();
        let told = self.tell(|caller| caller.hear(Instant::now()));
        Box::pin(ready(told.map(drop)))
    }

    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.handed.outlet.lost.cancelled())
    }

    fn offer_cancel<'a>(
        &'a self,
        cancellation: &'a Cancellation,
    ) -> BoxFuture<'a, Result<(), ReplyError>> {
        let told = self.tell(|caller| caller.offer_cancel(cancellation, Instant::now()));
        Box::pin(ready(told.map(drop)))
    }
}

/// What requests name as the place for their answers. No queue goes by it: answers go straight to the caller.
pub(crate) const REPLY_QUEUE: &str = "reply_memory";
