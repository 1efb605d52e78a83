//! Looping calls: a function that runs again and again, never twice at the same time.

mod body;
mod error;
mod pace;
mod snapshot;

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use error::{AlreadyRunning, LoopingCallError};
pub use pace::BackOff;
pub use snapshot::LoopingCallSnapshot;

use crate::ServiceError;
use crate::work::{BoxFuture, WorkId};
use body::{Body, Run};
use pace::{BackOffPace, Dynamic, FixedInterval, Pace};
use snapshot::Progress;

#[cfg(test)]
mod tests;

/// A function that runs again and again: oslo.service's looping calls, in four kinds.
///
/// The function says how it goes on: [`ControlFlow::Continue`] for another run, [`ControlFlow::Break`] with a value to
/// end the loop (`LoopingCallDone`), or an error. What `Continue` carries depends on the kind. A panic is an error.
///
/// Clones are handles of the same call. It goes on when all of them are dropped; [`stop`](Self::stop) ends it.
///
/// ```
/// # use std::{ops::ControlFlow, time::Duration};
/// # use bergen_service::{Ended, LoopingCall, StartOptions};
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut left = 3;
/// let countdown = LoopingCall::fixed_interval("countdown", Duration::from_secs(1), move || {
///     left -= 1;
///     let next = if left == 0 { ControlFlow::Break("lift-off") } else { ControlFlow::Continue(()) };
///     async move { Ok(next) }
/// });
/// countdown.start(StartOptions::default()).unwrap();
/// assert_eq!(countdown.wait().await, Ok(Ended::Done("lift-off")));
/// # }
/// ```
pub struct LoopingCall<V = ()> {
    shared: Arc<Shared<V>>,
}

impl<V: Clone + Send + Sync + 'static> LoopingCall<V> {
    /// Runs start `interval` apart, as long as they are shorter. One that takes longer is followed at once by the next,
    /// with a warning; nothing is caught up. The sleep is rounded to 10 ms, as in the peer
    /// (`FixedIntervalLoopingCall`).
    pub fn fixed_interval<F, Fut>(name: impl Into<String>, interval: Duration, function: F) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<ControlFlow<V>, ServiceError>> + Send + 'static,
    {
        Self::new(name, interval, FixedInterval::new(interval, None), function)
    }

    /// As [`fixed_interval`](Self::fixed_interval), but fails with [`LoopingCallError::TimedOut`] after the first run
    /// that ends more than `timeout` after the start, initial delay included. Zero: never
    /// (`FixedIntervalWithTimeoutLoopingCall`, which measures by the wall clock, where this one does not).
    pub fn fixed_interval_with_timeout<F, Fut>(
        name: impl Into<String>,
        interval: Duration,
        timeout: Duration,
        function: F,
    ) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<ControlFlow<V>, ServiceError>> + Send + 'static,
    {
        let timeout = (!timeout.is_zero()).then_some(timeout);
        Self::new(
            name,
            interval,
            FixedInterval::new(interval, timeout),
            function,
        )
    }

    /// The function says how long to sleep, at most `periodic_interval_max`. `None` stands for that maximum; with none
    /// either, the loop fails with [`LoopingCallError::NoInterval`]. How long a run took is not subtracted
    /// (`DynamicLoopingCall`).
    ///
    /// A failure that does not end the loop is followed by the sleep before it, at least a second. The peer runs it
    /// again at once.
    pub fn dynamic<F, Fut>(
        name: impl Into<String>,
        periodic_interval_max: Option<Duration>,
        function: F,
    ) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<ControlFlow<V, Option<Duration>>, ServiceError>>
            + Send
            + 'static,
    {
        Self::new(
            name,
            periodic_interval_max,
            Dynamic::new(periodic_interval_max),
            function,
        )
    }

    /// The function says whether it succeeded. Sleeps grow while it does not (`BackOffLoopingCall`); see [`BackOff`].
    pub fn back_off<F, Fut>(name: impl Into<String>, back_off: BackOff, function: F) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<ControlFlow<V, bool>, ServiceError>> + Send + 'static,
    {
        let pace = BackOffPace::new(back_off, fastrand::Rng::new());
        Self::new(name, back_off.starting_interval, pace, function)
    }

    fn new<P, F, Fut>(
        name: impl Into<String>,
        interval: impl Into<Option<Duration>>,
        pace: P,
        function: F,
    ) -> Self
    where
        P: Pace,
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<ControlFlow<V, P::Answer>, ServiceError>> + Send + 'static,
    {
        Self {
            shared: Arc::new(Shared {
                id: WorkId::new(),
                progress: Progress::new(name.into(), interval.into()),
                body: Arc::new(tokio::sync::Mutex::new(Box::new(Body { function, pace }))),
                life: Mutex::new(None),
            }),
        }
    }

    /// Starts it and returns at once. A call that has ended may be started again; its counters go on.
    ///
    /// # Errors
    /// It is running.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(&self, options: StartOptions) -> Result<(), AlreadyRunning> {
        let Ok(mut body) = Arc::clone(&self.shared.body).try_lock_owned() else {
            return Err(AlreadyRunning {
                name: self.shared.progress.name().to_owned(),
            });
        };
        let stop = CancellationToken::new();
        let (end, ended) = watch::channel(None);
        *self.shared.life() = Some(Life {
            stop: stop.clone(),
            ended,
        });
        let shared = Arc::clone(&self.shared);
        shared.progress.started();
        tokio::spawn(self.shared.id.scope(async move {
            let result = body.run(&shared.progress, options, &stop).await;
            shared.progress.ended();
            // Who has waited may start it again.
            drop(body);
            end.send_replace(Some(result));
        }));
        Ok(())
    }

    /// Asks it to end. A sleep ends at once, a run in progress is finished; no other follows. Nothing if it is not
    /// running.
    pub fn stop(&self) {
        if let Some(life) = self.shared.life().as_ref() {
            life.stop.cancel();
        }
    }

    /// Waits for its end, and says how it ended. May be called by several, and again later.
    ///
    /// # Errors
    /// The function failed and `stop_on_exception` is set, or the kind of the call ended it; see
    /// [`LoopingCallError`]. It was never started.
    pub async fn wait(&self) -> Result<Ended<V>, LoopingCallError> {
        let ended = self.shared.life().as_ref().map(|life| life.ended.clone());
        let Some(mut ended) = ended else {
            return Err(LoopingCallError::NotStarted {
                name: self.shared.progress.name().to_owned(),
            });
        };
        let ended = ended.wait_for(Option::is_some).await;
        let ended = ended.ok().and_then(|ended| ended.clone());
        ended.unwrap_or_else(|| {
            Err(LoopingCallError::RuntimeGone {
                name: self.shared.progress.name().to_owned(),
            })
        })
    }

    /// Whether it was started and has not ended.
    pub fn is_running(&self) -> bool {
        self.shared.body.try_lock().is_err()
    }

    /// What it does now, and what it counted.
    pub fn snapshot(&self) -> LoopingCallSnapshot {
        self.shared.progress.snapshot()
    }
}

impl<V> Clone for LoopingCall<V> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<V> fmt::Debug for LoopingCall<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoopingCall")
            .field(&self.shared.progress.snapshot())
            .finish()
    }
}

/// How a looping call starts, and what an error of its function means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartOptions {
    /// What is slept before the first run. Default: nothing.
    pub initial_delay: Duration,
    /// Whether an error of the function ends the loop. Otherwise it is logged and counted, and the loop goes on.
    /// Default: true, as in the peer.
    pub stop_on_exception: bool,
}

impl Default for StartOptions {
    fn default() -> Self {
        Self {
            initial_delay: Duration::ZERO,
            stop_on_exception: true,
        }
    }
}

/// How a looping call ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<V = ()> {
    /// [`LoopingCall::stop`] was called.
    Stopped,
    /// The function ended the loop, with this value.
    Done(V),
}

/// What a task group needs of a call, whatever its value is.
pub(crate) trait Timer: Send + Sync {
    fn id(&self) -> WorkId;
    fn is_running(&self) -> bool;
    fn stop(&self);
    fn ended(&self) -> BoxFuture<'_, ()>;
    fn snapshot(&self) -> LoopingCallSnapshot;
}

impl<V: Clone + Send + Sync + 'static> Timer for LoopingCall<V> {
    fn id(&self) -> WorkId {
        self.shared.id
    }

    fn is_running(&self) -> bool {
        Self::is_running(self)
    }

    fn stop(&self) {
        Self::stop(self);
    }

    fn ended(&self) -> BoxFuture<'_, ()> {
        // The loop has logged its failure.
        Box::pin(async { drop(self.wait().await) })
    }

    fn snapshot(&self) -> LoopingCallSnapshot {
        Self::snapshot(self)
    }
}

/// What the handles and the running loop share.
struct Shared<V> {
    id: WorkId,
    progress: Progress,
    /// Locked from start to end.
    body: Arc<tokio::sync::Mutex<Box<dyn Run<V>>>>,
    life: Mutex<Option<Life<V>>>,
}

impl<V> Shared<V> {
    fn life(&self) -> MutexGuard<'_, Option<Life<V>>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From a start to an end.
struct Life<V> {
    stop: CancellationToken,
    ended: watch::Receiver<Option<Result<Ended<V>, LoopingCallError>>>,
}
