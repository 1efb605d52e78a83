//! Messages that nobody took go to a dead letter exchange.

use std::sync::Arc;

use super::VirtualHost;
use crate::core::{
    Body, Message, death,
    ids::QueueId,
    queue::{Entry, Queue},
};

pub(super) use crate::core::death::Reason;

/// A dead letter on its way.
#[derive(Debug)]
pub(super) struct Dying<B> {
    reason: Reason,
    /// As it goes to the dead letter exchange, which is [`Message::exchange`].
    message: Message<B>,
}

impl<B: Body> Dying<B> {
    /// What becomes of a message that dies in `queue`; nothing if that has no dead letter exchange.
    pub(super) fn new(
        queue: &Queue<B>,
        message: &Message<B>,
        reason: Reason,
        seconds: u64,
    ) -> Option<Self> {
        let exchange = queue.settings.dead_letter_exchange.as_ref()?;
        let key = queue.settings.dead_letter_routing_key.as_ref();
        Some(Self {
            reason,
            message: death::letter(message, &queue.name, reason, exchange, key, seconds),
        })
    }
}

impl<B: Body> VirtualHost<B> {
    /// A message, which is not among the ready ones any more, dies in its queue.
    pub(super) fn dead_letter(&mut self, id: QueueId, entry: &Entry<B>, reason: Reason) {
        self.forget(id, entry);
        let seconds = self.clock.wall_seconds();
        if let Some(queue) = self.queues.get(id.0) {
            self.dying
                .extend(Dying::new(queue, &entry.message, reason, seconds));
        }
    }

    /// Publishes dead letters, but not too many at once: what is left goes on in
    /// [`handle_timeout`](VirtualHost::handle_timeout), which is due at once then.
    ///
    /// Each may make more. They come to an end, as no message goes in a circle, but between many queues that dead-letter
    /// to each other it may be far away. What follows from a letter comes before the letters behind it, so that they do
    /// not pile up.
    pub(super) fn bury(&mut self) {
        for _ in 0..LETTERS {
            let Some(letter) = self.dying.pop_front() else {
                return;
            };
            let mut others = std::mem::take(&mut self.dying);
            self.publish_letter(letter);
            while let Some(follows) = self.dying.pop_back() {
                others.push_front(follows);
            }
            self.dying = others;
        }
    }

    fn publish_letter(&mut self, letter: Dying<B>) {
        let Dying { reason, message } = letter;
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        // An exchange that is not there takes nothing.
        let routed = self
            .routes
            .route(&self.names, &message, true, &mut found)
            .is_ok();
        if routed {
            if reason != Reason::Rejected {
                found.retain(|id| {
                    self.queues
                        .get(id.0)
                        .is_some_and(|queue| !death::is_cycle(&message, &queue.name))
                });
            }
            self.enqueue_all(&found, &Arc::new(message), None);
        }
        self.found = found;
    }
}

/// How many letters are published before others have their turn.
const LETTERS: usize = 100;
