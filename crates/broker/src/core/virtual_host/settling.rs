//! Deliveries are acknowledged, rejected or given back.

use std::{sync::Arc, time::Instant};

use super::{VirtualHost, dead_letters::Reason};
use crate::core::{
    Body, Change, ChannelId, Effect, Refusal, channel::Unsettled, ids::QueueId, queue::Entry,
};

/// How a delivery is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ack,
    Reject,
    Requeue,
}

impl<B: Body> VirtualHost<B> {
    /// `basic.ack`. A tag that awaits no acknowledgement is refused with 406.
    pub fn ack(
        &mut self,
        channel: ChannelId,
        delivery_tag: u64,
        multiple: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.clock.set(now);
        self.settle(channel, delivery_tag, multiple, Verdict::Ack)
    }

    /// `basic.nack` and `basic.reject`. A tag that awaits no acknowledgement is refused with 406.
    pub fn nack(
        &mut self,
        channel: ChannelId,
        delivery_tag: u64,
        multiple: bool,
        requeue: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.clock.set(now);
        let verdict = if requeue {
            Verdict::Requeue
        } else {
            Verdict::Reject
        };
        let settled = self.settle(channel, delivery_tag, multiple, verdict);
        self.bury();
        settled
    }

    /// `basic.recover`: gives back all that the channel has not settled. Without `requeue` it is refused with 540, as
    /// RabbitMQ does.
    pub fn recover(
        &mut self,
        channel: ChannelId,
        requeue: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        if !requeue {
            return Err(Refusal::not_implemented("requeue=false"));
        }
        self.nack(channel, 0, true, true, now)
    }

    /// Gives messages back to their queues, at their places.
    pub(super) fn requeue(&mut self, channel: ChannelId, mut all: Vec<Unsettled<B>>) {
        all.sort_by_key(|unsettled| unsettled.queue);
        let mut all = all.into_iter().peekable();
        while let Some(first) = all.next() {
            let queue = first.queue;
            let mut entries = vec![self.unbook(channel, first)];
            while let Some(next) = all.next_if(|next| next.queue == queue) {
                entries.push(self.unbook(channel, next));
            }
            self.give_back(queue, entries);
        }
    }

    fn settle(
        &mut self,
        channel: ChannelId,
        tag: u64,
        multiple: bool,
        verdict: Verdict,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::precondition_failed(format_args!("unknown delivery tag {tag}"));
        let state = self.channel(channel)?;
        let was_full = state.is_full();
        if !(state.unsettled.contains(tag) || multiple && tag == 0) {
            return Err(unknown());
        }
        if verdict != Verdict::Ack {
            self.check_not_from_stream(channel, tag)?;
        }
        let mut back = Vec::new();
        while let Some(unsettled) = self.next_settled(channel, tag, multiple) {
            match verdict {
                Verdict::Requeue => back.push(unsettled),
                Verdict::Ack | Verdict::Reject => self.finish(channel, unsettled, verdict),
            }
        }
        self.requeue(channel, back);
        if was_full {
            self.wake_channel(channel);
        }
        Ok(())
    }

    /// Takes the next of those that are settled with this tag, if there is one more.
    fn next_settled(
        &mut self,
        channel: ChannelId,
        tag: u64,
        multiple: bool,
    ) -> Option<Unsettled<B>> {
        let unsettled = &mut self.channels.get_mut(channel.0)?.unsettled;
        match (multiple, tag) {
            (true, 0) => unsettled.pop_through(u64::MAX),
            (true, tag) => unsettled.pop_through(tag),
            (false, tag) => unsettled.take(tag),
        }
    }

    /// What a stream has delivered can only be acknowledged.
    fn check_not_from_stream(&self, channel: ChannelId, tag: u64) -> Result<(), Refusal> {
        let queue = self
            .channels
            .get(channel.0)
            .and_then(|state| state.unsettled.get(tag))
            .and_then(|unsettled| self.queues.get(unsettled.queue.0));
        match queue {
            Some(queue) if queue.stream.is_some() => Err(Refusal::not_implemented(format_args!(
                "basic.nack and basic.reject not supported by stream queues queue '{}' in vhost '{}'",
                queue.name, self.settings.name
            ))),
            _ => Ok(()),
        }
    }

    /// A delivery is done with.
    fn finish(&mut self, channel: ChannelId, unsettled: Unsettled<B>, verdict: Verdict) {
        let id = unsettled.queue;
        let entry = self.unbook(channel, unsettled);
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        if verdict == Verdict::Ack {
            queue.counters.acknowledged += 1;
        } else {
            queue.counters.rejected += 1;
        }
        if queue.stream.is_some() {
            return;
        }
        if verdict == Verdict::Ack {
            self.forget(id, &entry);
        } else {
            self.dead_letter(id, &entry, Reason::Rejected);
        }
    }

    /// Strikes a delivery from the books of its channel, consumer and queue.
    fn unbook(&mut self, channel: ChannelId, unsettled: Unsettled<B>) -> Entry<B> {
        let Unsettled {
            queue,
            consumer,
            entry,
            ..
        } = unsettled;
        if let Some(queue) = self.queues.get_mut(queue.0) {
            queue.unsettled -= 1;
            queue.unsettled_bytes -= entry.message.body.size() as u64;
        }
        let Some(id) = consumer else {
            return entry;
        };
        if let Some(state) = self.channels.get_mut(channel.0) {
            state.consumers_unsettled -= 1;
        }
        if let Some(consumer) = self.consumers.get_mut(id.0) {
            consumer.unsettled -= 1;
            self.wake(id);
        }
        entry
    }

    /// Puts messages of one queue back to their places.
    fn give_back(&mut self, id: QueueId, entries: Vec<Entry<B>>) {
        let Some(queue) = self.queues.get_mut(id.0) else {
            return;
        };
        queue.counters.requeued += entries.len() as u64;
        if queue.stream.is_some() {
            return;
        }
        let counts = queue.counts_deliveries();
        let limit = queue.settings.delivery_limit.unwrap_or(u32::MAX);
        let mut kept = Vec::with_capacity(entries.len());
        let mut spent = Vec::new();
        for mut entry in entries {
            entry.redelivered = true;
            entry.delivery_count += u32::from(counts);
            if counts && entry.delivery_count > limit {
                queue.counters.delivery_limit += 1;
                spent.push(entry);
                continue;
            }
            if counts && entry.stored {
                self.effects.push_back(Effect::Store(Change::Returned {
                    queue: Arc::clone(&queue.name),
                    position: entry.position,
                    delivery_count: entry.delivery_count,
                }));
            }
            kept.push(entry);
        }
        queue.ready.put_back(kept);
        for entry in spent {
            self.dead_letter(id, &entry, Reason::DeliveryLimit);
        }
        self.drop_overflow(id);
        self.mark_pending(id);
    }
}
