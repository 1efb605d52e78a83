//! The loop itself.

use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pace::{Pace, Turn};
use super::snapshot::Progress;
use super::{Ended, LoopingCallError, StartOptions};
use crate::ServiceError;
use crate::work::{BoxFuture, caught};

/// A function and when it runs again.
pub(super) struct Body<F, P> {
    pub(super) function: F,
    pub(super) pace: P,
}

/// A body of any kind, by the value of its loop.
pub(super) trait Run<V>: Send {
    /// Runs the loop to its end.
    fn run<'a>(
        &'a mut self,
        progress: &'a Progress,
        options: StartOptions,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Ended<V>, LoopingCallError>>;
}

impl<V, F, Fut, P> Run<V> for Body<F, P>
where
    V: Send + 'static,
    F: FnMut() -> Fut + Send + 'static,
    Fut: Future<Output = Result<ControlFlow<V, P::Answer>, ServiceError>> + Send + 'static,
    P: Pace,
{
    fn run<'a>(
        &'a mut self,
        progress: &'a Progress,
        options: StartOptions,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Ended<V>, LoopingCallError>> {
        Box::pin(async move {
            let result = self.turns(progress, options, stop).await;
            if let Err(error) = &result {
                tracing::error!(%error, "a looping call has ended");
            }
            result
        })
    }
}

impl<F, P: Pace> Body<F, P> {
    async fn turns<V, Fut>(
        &mut self,
        progress: &Progress,
        options: StartOptions,
        stop: &CancellationToken,
    ) -> Result<Ended<V>, LoopingCallError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<ControlFlow<V, P::Answer>, ServiceError>>,
    {
        let start = Instant::now();
        self.pace.restart();
        if !options.initial_delay.is_zero() {
            sleep(options.initial_delay, progress, stop).await;
        }
        while !stop.is_cancelled() {
            let begun = progress.run_begun();
            let function = &mut self.function;
            // The function's own body is inside of what is caught, not only its future.
            let answer = caught(async { function().await }).await;
            progress.run_ended(begun, answer.is_err());
            let answer = match answer {
                Ok(ControlFlow::Break(value)) => return Ok(Ended::Done(value)),
                Ok(ControlFlow::Continue(answer)) => Some(answer),
                Err(error) if options.stop_on_exception => {
                    return Err(LoopingCallError::Failed {
                        name: progress.name().to_owned(),
                        error,
                    });
                }
                Err(error) => {
                    tracing::error!(name = progress.name(), %error, "a looping call failed and goes on");
                    None
                }
            };
            if stop.is_cancelled() {
                break;
            }
            let turn = Turn {
                name: progress.name(),
                took: begun.elapsed(),
                since_start: start.elapsed(),
            };
            let idle = self.pace.after(answer, &turn)?;
            sleep(idle, progress, stop).await;
        }
        Ok(Ended::Stopped)
    }
}

/// Sleeps until the time is over or the call is stopped.
async fn sleep(idle: Duration, progress: &Progress, stop: &CancellationToken) {
    progress.sleeping(idle);
    if idle.is_zero() {
        // A function that never waits must not keep others from running.
        tokio::task::yield_now().await;
        return;
    }
    // An end by timeout is what is wanted.
    let _ = tokio::time::timeout(idle, stop.cancelled()).await;
}
