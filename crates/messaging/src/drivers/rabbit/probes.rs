//! Asking the broker why a call is silent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bergen_amqp::client::{Error, QueueDeclare};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::declare::NOT_FOUND;
use super::stats::Counters;
use super::supervisor::Supervisor;
use crate::driver::Finding;

/// Looks at the queues of silent calls with passive declares, on a channel of its own, one at a time.
///
/// What it finds proves nothing: the broker may still deliver the request. It is reported, and goes into the timeout
/// error.
#[derive(Debug)]
pub(super) struct Probes {
    seen: Arc<Mutex<HashMap<String, Seen>>>,
    asked: mpsc::Sender<String>,
    idle: Mutex<Option<Prober>>,
    tasks: TaskTracker,
}

impl Probes {
    /// Calls to one queue share a finding for this long.
    const FRESH: Duration = Duration::from_secs(1);
    /// Queues remembered, and questions that may wait.
    const CAPACITY: usize = 256;

    pub(super) fn new(
        supervisor: Arc<Supervisor>,
        counters: Arc<Counters>,
        tasks: TaskTracker,
        closing: CancellationToken,
    ) -> Self {
        let (asked, questions) = mpsc::channel(Self::CAPACITY);
        let seen = Arc::default();
        let prober = Prober {
            seen: Arc::clone(&seen),
            questions,
            supervisor,
            counters,
            closing,
        };
        Self {
            seen,
            asked,
            idle: Mutex::new(Some(prober)),
            tasks,
        }
    }

    /// Has a queue looked at soon, unless that was done within the last second.
    pub(super) fn ask(&self, queue: &str) {
        let prober = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(prober) = prober {
            self.tasks.spawn(prober.run());
        }
        let now = Instant::now();
        let mut seen = lock(&self.seen);
        if seen
            .get(queue)
            .is_some_and(|seen| now.duration_since(seen.asked) < Self::FRESH)
        {
            return;
        }
        if seen.len() >= Self::CAPACITY {
            seen.retain(|_, seen| now.duration_since(seen.asked) < Self::FRESH);
        }
        // A full queue of questions or of queues: this call goes without an explanation.
        if seen.len() < Self::CAPACITY && self.asked.try_send(queue.to_owned()).is_ok() {
            seen.entry(queue.to_owned()).or_default().asked = now;
        }
    }

    /// What was found out about a queue since `since`, if it explains anything.
    pub(super) fn finding(&self, queue: &str, since: Instant) -> Option<Finding> {
        let seen = lock(&self.seen);
        let (when, finding) = seen.get(queue)?.found.as_ref()?;
        (*when >= since).then(|| finding.clone()).flatten()
    }
}

/// What is known of a queue.
#[derive(Debug)]
struct Seen {
    asked: Instant,
    /// When the last answer came, and what was wrong.
    found: Option<(Instant, Option<Finding>)>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            asked: Instant::now(),
            found: None,
        }
    }
}

/// The task behind [`Probes`]; ends with them.
#[derive(Debug)]
struct Prober {
    seen: Arc<Mutex<HashMap<String, Seen>>>,
    questions: mpsc::Receiver<String>,
    supervisor: Arc<Supervisor>,
    counters: Arc<Counters>,
    closing: CancellationToken,
}

impl Prober {
    async fn run(self) {
        let closing = self.closing.clone();
        let _ = closing.run_until_cancelled(self.answer()).await;
    }

    async fn answer(mut self) {
        let mut channel = None;
        while let Some(queue) = self.questions.recv().await {
            // Without a connection there is another explanation for the silence.
            let Some(epoch) = self.supervisor.current() else {
                continue;
            };
            let open = match channel.take().filter(bergen_amqp::client::Channel::is_open) {
                Some(open) => open,
                None => match epoch.connection.open_channel().await {
                    Ok((open, _events)) => open,
                    Err(_) => continue,
                },
            };
            self.counters.probes.increment();
            let finding = match open.queue_declare(QueueDeclare::passive(&*queue)).await {
                Ok(declared) if declared.consumer_count > 0 => {
                    tracing::debug!(
                        queue,
                        consumers = declared.consumer_count,
                        "a call is silent, its queue is served"
                    );
                    None
                }
                Ok(declared) => {
                    tracing::info!(
                        queue,
                        waiting = declared.message_count,
                        "a call is silent: its queue has no consumer"
                    );
                    Some(Finding::NoConsumer {
                        queue: queue.clone(),
                    })
                }
                Err(error) if error.code() == Some(NOT_FOUND) => {
                    tracing::info!(queue, "a call is silent: its queue does not exist");
                    Some(Finding::QueueMissing {
                        queue: queue.clone(),
                    })
                }
                Err(error) => {
                    log_failure(&queue, &error);
                    continue;
                }
            };
            channel = Some(open);
            if let Some(seen) = lock(&self.seen).get_mut(&queue) {
                seen.found = Some((Instant::now(), finding));
            }
        }
    }
}

fn log_failure(queue: &str, error: &Error) {
    tracing::debug!(queue, %error, "could not ask the broker about a silent call");
}

fn lock(seen: &Mutex<HashMap<String, Seen>>) -> MutexGuard<'_, HashMap<String, Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
