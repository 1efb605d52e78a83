//! Keeps one broker connection alive, for all drivers that share it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bergen_amqp::client::{
    CloseReason, ConnectError, ConnectOptions, Connection, ConnectionEvent, ConnectionEvents,
};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, BackoffPolicy};
use super::failure::is_definitive;
use super::hosts::{Failover, Hosts};
use super::stats::LinkCounters;
use crate::driver::Retry;
use crate::log_limit::LogLimit;

#[cfg(test)]
mod tests;

/// One life of the connection: from login to loss. Channels, declares and consumers belong to exactly one epoch.
#[derive(Debug)]
pub(super) struct Epoch {
    /// Counts from 1.
    pub(super) number: u64,
    /// When it began.
    pub(super) since: Instant,
    pub(super) connection: Connection,
    /// Why the broker takes no publishes at present.
    blocked: watch::Receiver<Option<Arc<str>>>,
}

impl Epoch {
    /// Waits while the broker blocks publishing: what the connection holds back meanwhile can't be taken back, and
    /// would be executed when its caller is long gone. Returns also when the connection is gone, or the driver that
    /// asks is `closing`.
    pub(super) async fn unblocked(&self, closing: &CancellationToken) {
        if self.blocked.borrow().is_some() {
            let mut blocked = self.blocked.clone();
            // An error says that the connection is gone, which the publish will find out.
            let unblocked = blocked.wait_for(Option::is_none);
            let _ = Box::pin(closing.run_until_cancelled(unblocked)).await;
        }
    }

    /// Why the broker takes no publishes at present, in its words; `None` if it takes them.
    pub(super) fn blocked_for(&self) -> Option<Arc<str>> {
        self.blocked.borrow().clone()
    }
}

/// What a connection is made from.
#[derive(Debug, Clone)]
pub(super) struct LinkSettings {
    /// Says in log lines what the connection is for.
    pub(super) role: &'static str,
    pub(super) hosts: Vec<ConnectOptions>,
    pub(super) failover: Failover,
    pub(super) backoff: BackoffPolicy,
}

/// Why a caller got no connection.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ConnectFailure {
    /// No host could be used.
    Failed(ConnectError),
    /// The driver was closed.
    Closed,
}

/// Opens a connection when it is first needed, and another one whenever it is lost, until it is closed.
///
/// It knows nothing of channels: whoever needs one waits for an [`Epoch`] and builds on it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) counters: Arc<LinkCounters>,
    state: watch::Receiver<State>,
    hurry: Arc<Notify>,
    closing: CancellationToken,
    /// Taken by the task that runs it, on first use.
    idle: Mutex<Option<Worker>>,
}

impl Link {
    pub(super) fn new(settings: &LinkSettings) -> Self {
        let counters = Arc::new(LinkCounters::default());
        let (publish, state) = watch::channel(State::Down {
            failed_rounds: 0,
            trouble: None,
        });
        let hurry = Arc::new(Notify::new());
        let closing = CancellationToken::new();
        let worker = Worker {
            role: settings.role,
            hosts: Hosts::new(
                settings.hosts.clone(),
                settings.failover,
                fastrand::Rng::new(),
            ),
            backoff: settings.backoff.clone(),
            counters: Arc::clone(&counters),
            random: fastrand::Rng::new(),
            log: LogLimit::new(LOG_INTERVAL),
            storm: None,
            state: publish,
            hurry: Arc::clone(&hurry),
            closing: closing.clone(),
        };
        Self {
            counters,
            state,
            hurry,
            closing,
            idle: Mutex::new(Some(worker)),
        }
    }

    /// The live connection, if there is one now.
    pub(super) fn current(&self) -> Option<Arc<Epoch>> {
        match &*self.state.borrow() {
            State::Up(epoch) if epoch.connection.is_open() => Some(Arc::clone(epoch)),
            _ => None,
        }
    }

    /// Waits for a live connection. The caller bounds the wait by its own deadline.
    ///
    /// A refused login or virtual host is reported after the first round, whatever `retry` says: waiting does not mend
    /// a password.
    pub(super) async fn epoch(&self, retry: Retry) -> Result<Arc<Epoch>, ConnectFailure> {
        self.start();
        let mut state = self.state.clone();
        let mut rounds_before = None;
        loop {
            match &*state.borrow_and_update() {
                State::Up(epoch) if epoch.connection.is_open() => return Ok(Arc::clone(epoch)),
                // Lost, and the worker is about to notice.
                State::Up(_) => {}
                State::Closed => return Err(ConnectFailure::Closed),
                State::Down {
                    failed_rounds,
                    trouble,
                } => {
                    let failed = failed_rounds - *rounds_before.get_or_insert(*failed_rounds);
                    let error = match trouble.as_deref() {
                        Some(Trouble::Attempt(error)) => Some(error),
                        Some(Trouble::Lost(_)) | None => None,
                    };
                    if let Some(error) = error
                        && failed > 0
                        && gives_up(retry, failed, error)
                    {
                        return Err(ConnectFailure::Failed(error.clone()));
                    }
                    // Whoever counts attempts, or can only be refused, does not sit out a pause that others caused.
                    if retry != Retry::Forever || error.is_some_and(is_definitive) {
                        self.hurry.notify_one();
                    }
                }
            }
            if state.changed().await.is_err() {
                return Err(ConnectFailure::Closed);
            }
        }
    }

    /// While there is no connection: what the last attempt ended with, or how the connection was lost. `None` as long
    /// as neither has happened.
    pub(super) fn trouble(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Down { trouble, .. } => trouble.as_ref().map(ToString::to_string),
            State::Up(_) | State::Closed => None,
        }
    }

    /// Begins to connect, for somebody who will need it soon.
    pub(super) fn start(&self) {
        let worker = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(worker) = worker {
            tokio::spawn(worker.run());
        }
    }

    /// Has the connection closed without waiting for it.
    pub(super) fn abandon(&self) {
        self.closing.cancel();
    }

    /// Says goodbye to the broker and refuses all further use. Idempotent.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        let unused = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(unused);
        let mut state = self.state.clone();
        // An error means that the worker is gone, and the connection with it.
        let _ = state.wait_for(|state| matches!(state, State::Closed)).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.abandon();
    }
}

#[derive(Debug, Clone)]
enum State {
    Down {
        /// Rounds over all hosts that failed so far, over all outages.
        failed_rounds: u64,
        trouble: Option<Arc<Trouble>>,
    },
    Up(Arc<Epoch>),
    Closed,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Attempt(ConnectError),
    #[error("the connection was lost: {0}")]
    Lost(CloseReason),
}

/// Whether a caller that saw `failed` rounds fail gets the error.
fn gives_up(retry: Retry, failed: u64, error: &ConnectError) -> bool {
    is_definitive(error) || !retry.allows(u32::try_from(failed).unwrap_or(u32::MAX))
}

/// An outage is logged this often.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A connection that lived this long did not die at once.
const STABLE: Duration = Duration::from_secs(5);

/// The longest pause between connections that each died at once. Less than any deadline that is in use: whoever is cut
/// off again and again still gets some calls through, which a pause that grows like that of an absent broker prevents.
const STORM_PAUSE: Duration = Duration::from_secs(5);

/// The task behind a [`Link`].
#[derive(Debug)]
struct Worker {
    role: &'static str,
    hosts: Hosts<ConnectOptions>,
    backoff: BackoffPolicy,
    counters: Arc<LinkCounters>,
    random: fastrand::Rng,
    log: LogLimit,
    /// The pauses between connections that each died at once.
    storm: Option<Backoff>,
    state: watch::Sender<State>,
    hurry: Arc<Notify>,
    closing: CancellationToken,
}

impl Worker {
    async fn run(mut self) {
        let closing = self.closing.clone();
        let mut failed_rounds = 0;
        for number in 1.. {
            let Some(opened) = closing
                .run_until_cancelled(self.connect(&mut failed_rounds))
                .await
            else {
                break;
            };
            let (connection, events) = opened;
            if number > 1 {
                self.counters.reconnects.increment();
            }
            let since = Instant::now();
            let (block, blocked) = watch::channel(None);
            self.state.send_replace(State::Up(Arc::new(Epoch {
                number,
                since,
                connection: connection.clone(),
                blocked,
            })));
            let Some(lost) = closing
                .run_until_cancelled(self.observe(events, block))
                .await
            else {
                // A broker that does not answer the goodbye loses the connection all the same.
                let _ = connection.close().await;
                break;
            };
            self.state.send_replace(State::Down {
                failed_rounds,
                trouble: Some(Arc::new(Trouble::Lost(lost))),
            });
            let pause = self.pause_after_loss(since.elapsed());
            if closing
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                break;
            }
        }
        self.state.send_replace(State::Closed);
    }

    /// A first loss is an accident, and a restart of the broker looks like one: it is mended soon. A broker that lets us
    /// in and throws us out again at once is asked at pauses that grow, up to [`STORM_PAUSE`].
    fn pause_after_loss(&mut self, lived: Duration) -> Duration {
        let is_early = lived < STABLE;
        match &mut self.storm {
            Some(pauses) if is_early => pauses.next_pause(&mut self.random).min(STORM_PAUSE),
            storm => {
                *storm = is_early.then(|| self.backoff.pauses());
                self.backoff.after_loss(&mut self.random)
            }
        }
    }

    /// Tries the hosts one after the other, with a pause after each round, until one lets us in.
    async fn connect(&mut self, failed_rounds: &mut u64) -> (Connection, ConnectionEvents) {
        let mut pauses = self.backoff.pauses();
        loop {
            let mut worst: Option<Arc<Trouble>> = None;
            for _ in 0..self.hosts.round() {
                let Some(options) = self.hosts.next_host() else {
                    break;
                };
                match Box::pin(Connection::open(options.clone())).await {
                    Ok(opened) => {
                        tracing::info!(
                            role = self.role,
                            host = %options.host,
                            port = options.port,
                            "connected to the broker"
                        );
                        return opened;
                    }
                    Err(error) => {
                        self.counters.failed_attempts.increment();
                        // A refusal tells more than a host that is down.
                        if !worst.as_deref().is_some_and(Trouble::is_definitive) {
                            let trouble = Arc::new(Trouble::Attempt(error));
                            // Known before the round is over, for those whose time is up earlier.
                            self.state.send_replace(State::Down {
                                failed_rounds: *failed_rounds,
                                trouble: Some(Arc::clone(&trouble)),
                            });
                            worst = Some(trouble);
                        }
                    }
                }
            }
            *failed_rounds += 1;
            let pause = pauses.next_pause(&mut self.random);
            if let Some(trouble) = worst {
                if let Some(held_back) = self.log.admit(Instant::now()) {
                    tracing::warn!(
                        role = self.role,
                        error = %trouble,
                        next_attempt_in = format_args!("{pause:.1?}"),
                        held_back,
                        "cannot connect to the broker"
                    );
                }
                self.state.send_replace(State::Down {
                    failed_rounds: *failed_rounds,
                    trouble: Some(trouble),
                });
            }
            self.pause(pause).await;
        }
    }

    /// Sleeps, but no longer than the first pause if somebody is in a hurry.
    async fn pause(&self, pause: Duration) {
        let short = pause.min(self.backoff.start);
        tokio::time::sleep(short).await;
        tokio::select! {
            () = tokio::time::sleep(pause.saturating_sub(short)) => {}
            () = self.hurry.notified() => {}
        }
    }

    /// Follows the connection to its end; gives the reason.
    async fn observe(
        &self,
        mut events: ConnectionEvents,
        block: watch::Sender<Option<Arc<str>>>,
    ) -> CloseReason {
        let role = self.role;
        while let Some(event) = events.next().await {
            match event {
                ConnectionEvent::Blocked { reason } => {
                    tracing::warn!(
                        role,
                        reason,
                        "the broker blocks publishing until it has resources again"
                    );
                    block.send_replace(Some(reason.into()));
                }
                ConnectionEvent::Unblocked => {
                    block.send_replace(None);
                    tracing::info!(role, "the broker takes messages again");
                }
                ConnectionEvent::Closed(reason) => {
                    tracing::warn!(role, %reason, "lost the connection to the broker");
                    return reason;
                }
                _ => {}
            }
        }
        CloseReason::TaskEnded
    }
}

impl Trouble {
    fn is_definitive(&self) -> bool {
        matches!(self, Self::Attempt(error) if is_definitive(error))
    }
}
