//! The receiving half of calls: one reply queue for the driver.

use std::sync::{Arc, Mutex, PoisonError};

use bergen_amqp::client::{Delivery, DeliverySink, Disposition};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::cancels::Cancels;
use super::consumers::{Consumers, Ground, Intent, OwnQueue};
use super::failure::send_error;
use super::incoming::message_properties;
use super::queue_names::QueueNames;
use super::running::Running;
use super::stats::Counters;
use super::topology::{Topology, reply_queue_name};
use super::waiters::{Found, Waiters};
use crate::driver::{Retry, SendError};
use crate::log_limit::LogLimit;
use crate::wire::{Id, Limits, decode_reply};

/// Consumes the reply queue from the first call on. Its name is drawn then, once, and survives every reconnect, so
/// servers that could not answer meanwhile still find it.
pub(super) struct Replies {
    queue: OnceCell<Arc<str>>,
    queue_names: QueueNames,
    topology: Topology,
    prefetch: u16,
    waiters: Arc<Waiters>,
    /// What cancels are for that arrive here.
    running: Arc<Running>,
    log: Arc<LogLimit>,
    ground: Ground,
    consumers: Mutex<Option<Arc<Consumers>>>,
}

impl Replies {
    pub(super) fn new(
        topology: Topology,
        queue_names: QueueNames,
        prefetch: u16,
        waiters: Arc<Waiters>,
        running: Arc<Running>,
        ground: Ground,
    ) -> Self {
        Self {
            queue: OnceCell::new(),
            queue_names,
            topology,
            prefetch,
            waiters,
            running,
            log: Arc::new(LogLimit::new(LogLimit::MINUTE)),
            ground,
            consumers: Mutex::default(),
        }
    }

    /// The name that goes into each call as `_reply_q`, and into offers to cancel as their control queue. Empty until the
    /// queue was [asked for](Self::ready) for the first time.
    pub(super) fn queue(&self) -> &str {
        self.queue.get().map_or("", |queue| queue)
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
        let queue = self.queue.get_or_try_init(|| self.draw()).await?;
        let consumers = self.consumers(queue);
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
    fn consumers(&self, queue: &Arc<str>) -> Arc<Consumers> {
        let mut consumers = self.lock();
        match &*consumers {
            Some(running) if !running.has_failed() => Arc::clone(running),
            _ => Arc::clone(consumers.insert(Arc::new(self.start(queue)))),
        }
    }

    async fn draw(&self) -> Result<Arc<str>, SendError> {
        let id = self.queue_names.next().await;
        let id = id.map_err(|cause| SendError::DeliveryFailure { cause })?;
        Ok(reply_queue_name(id).into())
    }

    fn start(&self, queue: &Arc<str>) -> Consumers {
        let (waiters, log) = (Arc::clone(&self.waiters), Arc::clone(&self.log));
        let running = Arc::clone(&self.running);
        let counters = Arc::clone(&self.ground.counters);
        let limits = self.ground.limits;
        // A reply that comes again finds nobody waiting, so its acknowledgement has time; but with a prefetch the
        // next reply may wait for it.
        let taken = match self.prefetch {
            0 => Disposition::AckSoon,
            _ => Disposition::Ack,
        };
        let intent = Intent {
            name: queue.to_string(),
            bindings: vec![self.topology.replies(queue)],
            prefetch: self.prefetch,
            arguments: self.topology.consume_arguments(),
            own_queue: Some(OwnQueue {
                name: Arc::clone(queue),
                deleted_on_close: !self.queue_names.are_steady(),
                recreated: |counters| &counters.reply_queues_recreated,
            }),
            stream: None,
            sinks: Box::new(move |_| {
                Box::new(ReplySink {
                    waiters: Arc::clone(&waiters),
                    running: Arc::clone(&running),
                    counters: Arc::clone(&counters),
                    limits,
                    log: Arc::clone(&log),
                    taken,
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

impl std::fmt::Debug for Replies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replies")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// Completes waiting calls on the connection's task.
struct ReplySink {
    waiters: Arc<Waiters>,
    running: Arc<Running>,
    counters: Arc<Counters>,
    limits: Limits,
    log: Arc<LogLimit>,
    taken: Disposition,
}

impl DeliverySink for ReplySink {
    fn deliver(&mut self, mut delivery: Delivery) -> Disposition {
        let properties = message_properties(&mut delivery);
        let reply = match decode_reply(&delivery.body, &properties, &self.limits) {
            Ok(reply) => reply,
            Err(error) => {
                self.counters.invalid_replies.increment();
                if let Some(held_back) = self.log.admit(Instant::now()) {
                    tracing::warn!(%error, held_back, "rejected a reply that cannot be decoded");
                }
                return Disposition::Reject { requeue: false };
            }
        };
        if reply.cancel {
            self.cancel(&reply.msg_id);
            return Disposition::Ack;
        }
        // Our ids have one form only; a reply with another one is not for us.
        let found = match Id::parse(&reply.msg_id) {
            None => Found::Unknown,
            Some(id) => match reply.failure {
                Some(failure) => self.waiters.complete(id, Err(Box::new(failure))),
                None if reply.ending => self.waiters.complete(id, Ok(reply.result)),
                None => {
                    self.counters.keep_alives.increment();
                    match reply
                        .control_queue
                        .filter(|queue| Cancels::may_go_to(queue))
                    {
                        Some(queue) => self.waiters.cancellable(id, &queue),
                        None => self.waiters.keep_alive(id, reply.result),
                    }
                }
            },
        };
        if found == Found::Unknown {
            self.counters.unknown_replies.increment();
            tracing::debug!(msg_id = ?reply.msg_id, "nobody waits for this reply");
        }
        self.taken
    }
}

impl ReplySink {
    /// What runs under this id is given up by its caller. An id that is unknown has ended meanwhile.
    fn cancel(&self, msg_id: &str) {
        if Id::parse(msg_id).is_some_and(|id| self.running.cancel(id)) {
            self.counters.cancels_received.increment();
        } else {
            self.counters.unknown_cancels.increment();
        }
    }
}
