//! The receiving half of calls: one reply queue for the driver.

use std::sync::{Arc, Mutex, PoisonError};

use bergen_amqp::client::{Delivery, DeliverySink, Disposition};
use tokio::time::Instant;

use super::consumers::{Consumers, Ground, Intent, Temporary};
use super::failure::send_error;
use super::incoming::message_properties;
use super::log_limit::LogLimit;
use super::stats::Counters;
use super::topology::{Topology, reply_queue_name};
use super::waiters::{Found, Waiters};
use crate::driver::{Retry, SendError};
use crate::wire::{Id, Limits, decode_reply};

/// Consumes the reply queue from the first call on. Its name is drawn once and survives every reconnect, so servers
/// that could not answer meanwhile still find it.
pub(super) struct Replies {
    queue: Arc<str>,
    topology: Topology,
    prefetch: u16,
    waiters: Arc<Waiters>,
    log: Arc<LogLimit>,
    ground: Ground,
    consumers: Mutex<Option<Arc<Consumers>>>,
}

impl Replies {
    pub(super) fn new(
        topology: Topology,
        prefetch: u16,
        waiters: Arc<Waiters>,
        ground: Ground,
    ) -> Self {
        Self {
            queue: reply_queue_name(Id::new()).into(),
            topology,
            prefetch,
            waiters,
            log: Arc::new(LogLimit::new(LogLimit::MINUTE)),
            ground,
            consumers: Mutex::default(),
        }
    }

    /// The name that goes into each call as `_reply_q`.
    pub(super) fn queue(&self) -> &str {
        &self.queue
    }

    /// Whether replies can come in right now.
    pub(super) fn are_consumed(&self) -> bool {
        let consumers = self.lock();
        consumers
            .as_ref()
            .is_some_and(|running| running.is_consuming())
    }

    /// Waits until replies can come in. The caller bounds the wait by its deadline.
    pub(super) async fn ready(&self, retry: Retry) -> Result<(), SendError> {
        let consumers = self.consumers();
        if consumers.is_consuming() {
            return Ok(());
        }
        let connected = self.ground.supervisor.epoch(retry).await;
        connected.map_err(|failure| failure.into_send_error(&self.ground.hosts))?;
        consumers.started().await.map_err(send_error)
    }

    /// What keeps replies from coming in, if it is known.
    pub(super) fn trouble(&self) -> Option<String> {
        let supervisor = &self.ground.supervisor;
        let unready = || "the reply queue is not consumed yet".to_owned();
        let is_waiting = || supervisor.current().is_some() && !self.are_consumed();
        supervisor.trouble().or_else(|| is_waiting().then(unready))
    }

    /// The running consumers; started on first use, and anew if their first start failed.
    fn consumers(&self) -> Arc<Consumers> {
        let mut consumers = self.lock();
        match &*consumers {
            Some(running) if !running.has_failed() => Arc::clone(running),
            _ => Arc::clone(consumers.insert(Arc::new(self.start()))),
        }
    }

    fn start(&self) -> Consumers {
        let (waiters, log) = (Arc::clone(&self.waiters), Arc::clone(&self.log));
        let counters = Arc::clone(&self.ground.counters);
        let intent = Intent {
            name: self.queue.to_string(),
            bindings: vec![self.topology.replies(&self.queue)],
            prefetch: self.prefetch,
            arguments: self.topology.consume_arguments(),
            temporary_queue: Some(Temporary {
                name: Arc::clone(&self.queue),
                recreated: |counters| &counters.reply_queues_recreated,
            }),
            sinks: Box::new(move |_| {
                Box::new(ReplySink {
                    waiters: Arc::clone(&waiters),
                    counters: Arc::clone(&counters),
                    log: Arc::clone(&log),
                })
            }),
        };
        Consumers::start(intent, &self.ground)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Consumers>>> {
        self.consumers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Completes waiting calls on the connection's task.
struct ReplySink {
    waiters: Arc<Waiters>,
    counters: Arc<Counters>,
    log: Arc<LogLimit>,
}

impl DeliverySink for ReplySink {
    fn deliver(&mut self, mut delivery: Delivery) -> Disposition {
        let properties = message_properties(&mut delivery);
        let reply = match decode_reply(&delivery.body, &properties, &Limits::default()) {
            Ok(reply) => reply,
            Err(error) => {
                self.counters.invalid_replies.increment();
                if let Some(held_back) = self.log.admit(Instant::now()) {
                    tracing::warn!(%error, held_back, "rejected a reply that cannot be decoded");
                }
                return Disposition::Reject { requeue: false };
            }
        };
        // Our ids have one form only; a reply with another one is not for us.
        let found = match Id::parse(&reply.msg_id) {
            None => Found::Unknown,
            Some(id) => match reply.failure {
                Some(failure) => self.waiters.complete(id, Err(Box::new(failure))),
                None if reply.ending => self.waiters.complete(id, Ok(reply.result)),
                None => {
                    self.counters.keep_alives.increment();
                    self.waiters.keep_alive(id, reply.result)
                }
            },
        };
        if found == Found::Unknown {
            self.counters.unknown_replies.increment();
            tracing::debug!(msg_id = ?reply.msg_id, "nobody waits for this reply");
        }
        Disposition::Ack
    }
}
