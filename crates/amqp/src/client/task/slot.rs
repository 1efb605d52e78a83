//! What the task keeps for one channel.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::client::channel::Channel;
use crate::client::command::{Answer, ChannelCommand, ChannelState, QUEUE_LIMIT, Request, Waiter};
use crate::client::event::{ChannelEventSender, ChannelEvents};
use crate::client::{Confirmed, Delivery, DeliverySink, Disposition, Error, PublishError};
use crate::protocol::{ChannelId, PublishTag, RequestId};

/// How many publishes may lie between the oldest unconfirmed one and the next. A broker that confirms
/// all but one cannot make the ring longer.
const RING_LIMIT: usize = 65_536;

/// The channels of a connection, found by their number.
#[derive(Default)]
pub(super) struct Slots(Vec<Option<(ChannelId, Slot)>>);

impl Slots {
    pub(super) fn insert(&mut self, id: ChannelId, slot: Slot) {
        let at = usize::from(id.number());
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        if let Some(place) = self.0.get_mut(at) {
            *place = Some((id, slot));
        }
    }

    /// The channel, unless its number has passed to another one.
    pub(super) fn get_mut(&mut self, id: ChannelId) -> Option<&mut Slot> {
        let (held_by, slot) = self.0.get_mut(usize::from(id.number()))?.as_mut()?;
        (*held_by == id).then_some(slot)
    }

    pub(super) fn remove(&mut self, id: ChannelId) -> Option<Slot> {
        let place = self.0.get_mut(usize::from(id.number()))?;
        place
            .take_if(|(held_by, _)| *held_by == id)
            .map(|(_, slot)| slot)
    }

    pub(super) fn ids(&self) -> Vec<ChannelId> {
        self.0.iter().flatten().map(|(id, _)| *id).collect()
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Slot> {
        self.0.drain(..).flatten().map(|(_, slot)| slot)
    }
}

/// One channel: who waits for what.
pub(super) struct Slot {
    pub(super) state: Arc<ChannelState>,
    pub(super) events: ChannelEventSender,
    /// Whoever waits for the channel to open.
    pub(super) opening: Option<(Waiter<(Channel, ChannelEvents)>, ChannelEvents)>,
    pub(super) requests: VecDeque<Pending>,
    pub(super) unconfirmed: Unconfirmed,
    pub(super) consumers: HashMap<Arc<str>, Subscriber>,
    /// What must wait, and what was queued behind it.
    pub(super) held: VecDeque<ChannelCommand>,
    /// Whoever waits for the channel to close.
    pub(super) closers: Vec<Waiter<Answer>>,
    /// The last handle is gone: close when all is settled.
    pub(super) abandoned: bool,
}

impl Slot {
    /// Whether more requests wait, here or for an answer, than anybody can mean.
    pub(super) fn is_overloaded(&self) -> bool {
        self.requests.len() + self.held.len() >= QUEUE_LIMIT
    }

    /// Whether this command has to wait, with all that comes behind it. `stopped` says whether the
    /// broker takes no publishes.
    pub(super) fn must_hold(&self, command: &ChannelCommand, stopped: bool) -> bool {
        match command {
            ChannelCommand::Publish(..) => stopped || self.unconfirmed.ring.len() >= RING_LIMIT,
            // RabbitMQ (seen on 3.10) kills the connection when a cancel overtakes its own consume's
            // `consume-ok`; and until a cancel is answered, deliveries are for the sink that goes.
            ChannelCommand::Request(request, _) => request.consumer_tag().is_some_and(|tag| {
                let mut tags = self.requests.iter().map(|pending| &pending.consumer_tag);
                tags.any(|pending| pending.as_deref() == Some(tag))
            }),
            ChannelCommand::Acknowledge(_) | ChannelCommand::Dropped => false,
        }
    }

    /// Whether this command may not go before what is held.
    pub(super) fn keeps_order(command: &ChannelCommand) -> bool {
        match command {
            ChannelCommand::Publish(..) => true,
            ChannelCommand::Request(request, _) => !matches!(**request, Request::Close),
            ChannelCommand::Acknowledge(_) | ChannelCommand::Dropped => false,
        }
    }

    /// Whether the channel can be closed without losing an outcome.
    pub(super) fn is_settled(&self) -> bool {
        self.unconfirmed.ring.is_empty() && self.held.is_empty()
    }

    /// The request that an answer belongs to: nearly always the first.
    pub(super) fn answered(&mut self, request: RequestId) -> Option<Pending> {
        let mut requests = self.requests.iter();
        let at = requests.position(|pending| pending.request == request)?;
        self.requests.remove(at)
    }

    /// Ends all that waits on this channel, for `reason`.
    pub(super) fn end(mut self, reason: &Error) {
        // Waiters look here when their senders are dropped, which is what happens next.
        self.state.close(reason.clone());
        if let Some((waiter, _)) = self.opening.take() {
            // It has no handle to look by.
            let _ = waiter.send(Err(reason.clone()));
        }
        for (_, subscriber) in self.consumers.drain() {
            subscriber.end(reason);
        }
    }
}

/// A request that the broker has not answered.
pub(super) struct Pending {
    pub(super) request: RequestId,
    pub(super) waiter: Waiter<Answer>,
    pub(super) undo: Undo,
    /// The consumer whose start or end was asked for.
    pub(super) consumer_tag: Option<String>,
}

/// What to take back if the answer finds nobody waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undo {
    Nothing,
    /// Cancel the consumer that was started.
    Consume,
    /// Put the message back.
    Get,
}

/// One consumer. Its sink is the program's code, and a panic in there is no reason to take the
/// connection away from everybody else.
pub(super) struct Subscriber {
    sink: Box<dyn DeliverySink>,
    pub(super) no_ack: bool,
    /// It has panicked before, and that was logged.
    panicked: bool,
}

impl Subscriber {
    pub(super) fn new(sink: Box<dyn DeliverySink>, no_ack: bool) -> Self {
        Self {
            sink,
            no_ack,
            panicked: false,
        }
    }

    /// What is to be done with the delivery; `None` if the sink panicked over it.
    pub(super) fn deliver(&mut self, delivery: Delivery) -> Option<Disposition> {
        self.call(|sink| sink.deliver(delivery))
    }

    /// Says that the broker ended the consumer; `None` if the sink panicked over it.
    pub(super) fn cancelled(&mut self) -> Option<()> {
        self.call(|sink| sink.cancelled())
    }

    pub(super) fn end(mut self, reason: &Error) {
        self.call(|sink| sink.closed(reason));
    }

    fn call<T>(&mut self, call: impl FnOnce(&mut dyn DeliverySink) -> T) -> Option<T> {
        let sink = &mut self.sink;
        let called = catch_unwind(AssertUnwindSafe(|| call(sink.as_mut())));
        if let Err(panic) = &called
            && !std::mem::replace(&mut self.panicked, true)
        {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            let said = said.unwrap_or("no text");
            tracing::error!(
                said,
                "a delivery sink panicked; its consumer's further panics are only counted"
            );
        }
        called.ok()
    }
}

/// The publishes that wait for a confirm: a ring, since their tags count up by one.
#[derive(Default)]
pub(super) struct Unconfirmed {
    ring: VecDeque<Option<Unsettled>>,
    /// The tag of the ring's front.
    first: PublishTag,
}

/// One publish that waits for its confirm.
pub(super) struct Unsettled {
    pub(super) outcome: oneshot::Sender<Result<Confirmed, PublishError>>,
    pub(super) weight: u32,
}

impl Unconfirmed {
    pub(super) fn push(&mut self, tag: PublishTag, unsettled: Unsettled) {
        if self.ring.is_empty() {
            self.first = tag;
        }
        self.ring.push_back(Some(unsettled));
    }

    pub(super) fn settle(&mut self, tag: PublishTag) -> Option<Unsettled> {
        let index = usize::try_from(tag.checked_sub(self.first)?).ok()?;
        let settled = self.ring.get_mut(index)?.take();
        while let Some(None) = self.ring.front() {
            self.ring.pop_front();
            self.first += 1;
        }
        // A burst should not be remembered for ever.
        if self.ring.is_empty() && self.ring.capacity() > 4096 {
            self.ring = VecDeque::new();
        }
        settled
    }
}

#[cfg(test)]
mod tests;
