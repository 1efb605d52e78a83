//! The calling half of cancelling: telling servers that nobody waits any more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::declares::Needs;
use super::message::{Class, Message};
use super::publisher::{Delivered, Publisher};
use super::stats::Counters;
use super::topology::REPLY_PREFIX;
use crate::driver::Retry;
use crate::wire::{Charset, Id, Outcome, Text, encode_reply};

/// Sends cancels to control queues. Nobody waits for one: calls are given up where nothing can wait.
#[derive(Debug)]
pub(super) struct Cancels {
    given_up: mpsc::Sender<GivenUp>,
    idle: Mutex<Option<Worker>>,
    counters: Arc<Counters>,
    tasks: TaskTracker,
}

/// A call that nobody waits for, and the queue where its server listens.
type GivenUp = (Id, Text);

impl Cancels {
    /// Cancels that may wait to be sent; more are dropped and counted.
    const CAPACITY: usize = 4096;
    /// Cancels in flight at once.
    const PIPELINE: usize = 64;
    /// A broker that takes longer gets no cancel: the handler runs to its end, as with the peer.
    const PATIENCE: Duration = Duration::from_secs(5);

    pub(super) fn new(
        publisher: Arc<Publisher>,
        counters: Arc<Counters>,
        tasks: TaskTracker,
        closing: CancellationToken,
    ) -> Self {
        let (given_up, receiver) = mpsc::channel(Self::CAPACITY);
        let worker = Worker {
            given_up: receiver,
            publisher,
            counters: Arc::clone(&counters),
            closing,
        };
        Self {
            given_up,
            idle: Mutex::new(Some(worker)),
            counters,
            tasks,
        }
    }

    /// Starts the task that sends: as soon as there is a queue to send to, on the connection's task, since a call may be
    /// dropped where there is no runtime.
    pub(super) fn start(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = idle.take() {
            self.tasks.spawn(worker.run());
        }
    }

    /// Has the call cancelled at the server that listens on `queue`.
    pub(super) fn send(&self, id: Id, queue: Text) {
        if self.given_up.try_send((id, queue)).is_err() {
            self.counters.cancels_dropped.increment();
        }
    }

    /// Whether a queue is one that cancels may go to.
    pub(super) fn may_go_to(queue: &str) -> bool {
        queue.starts_with(REPLY_PREFIX)
    }
}

/// The task behind [`Cancels`].
#[derive(Debug)]
struct Worker {
    given_up: mpsc::Receiver<GivenUp>,
    publisher: Arc<Publisher>,
    counters: Arc<Counters>,
    closing: CancellationToken,
}

impl Worker {
    async fn run(mut self) {
        let mut sending = JoinSet::new();
        let closing = self.closing.clone();
        while let Some(Some((id, queue))) = closing.run_until_cancelled(self.given_up.recv()).await
        {
            if sending.len() >= Cancels::PIPELINE {
                sending.join_next().await;
            }
            while sending.try_join_next().is_some() {}
            self.send(&mut sending, id, &queue);
        }
        // What was given up just before the end: the servers should know.
        while let Ok((id, queue)) = self.given_up.try_recv() {
            self.send(&mut sending, id, &queue);
        }
        while sending.join_next().await.is_some() {}
    }

    fn send(&self, sending: &mut JoinSet<()>, id: Id, queue: &str) {
        let unique_id = Id::new();
        let message = Message {
            // It goes the way of answers, which is rarely full.
            class: Class::Reply,
            needs: Needs::Nothing,
            exchange: "".into(),
            routing_key: queue.into(),
            return_id: Some(unique_id.to_string()),
            deadline: None,
            body: encode_reply(
                &id.to_string(),
                &Outcome::Cancel,
                unique_id,
                Charset::default(),
            ),
        };
        let (publisher, counters) = (Arc::clone(&self.publisher), Arc::clone(&self.counters));
        sending.spawn(async move {
            let sent = publisher.publish(&message, Retry::Times(0));
            match timeout(Cancels::PATIENCE, sent).await {
                Ok(Ok(Delivered::Confirmed)) => counters.cancels_sent.increment(),
                // The server is gone, or the broker is: nothing is left to cancel, or nobody can be told.
                _ => counters.cancels_dropped.increment(),
            }
        });
    }
}
