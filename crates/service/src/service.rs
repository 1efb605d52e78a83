//! What a launcher runs.

use std::future::Future;

use crate::ServiceError;

/// What a launcher runs: the four operations of oslo.service's `ServiceBase`.
///
/// ```
/// use bergen_service::{Service, ServiceError};
/// use tokio_util::sync::CancellationToken;
///
/// #[derive(Default)]
/// struct Beacon {
///     stop: CancellationToken,
/// }
///
/// impl Service for Beacon {
///     async fn start(&self) -> Result<(), ServiceError> {
///         Ok(())
///     }
///
///     async fn stop(&self) {
///         self.stop.cancel();
///     }
///
///     async fn wait(&self) {
///         self.stop.cancelled().await;
///     }
/// }
/// ```
pub trait Service: Send + Sync + 'static {
    /// Starts it; returns when it has started. Called once: for a restart the launcher makes the service anew. Dropped
    /// unfinished if the process is told to stop meanwhile.
    ///
    /// # Errors
    /// It can not run. The process ends with status 1; a supervisor starts another worker.
    fn start(&self) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Asks it to end: no new work is taken, what runs is finished. May return before it has ended; called once.
    fn stop(&self) -> impl Future<Output = ()> + Send;

    /// Waits until everything that it runs has ended. Called after [`stop`](Self::stop), when all services of the process
    /// have been asked to stop.
    fn wait(&self) -> impl Future<Output = ()> + Send;

    /// The configuration has changed, by [`RestartMethod::Mutate`](crate::RestartMethod::Mutate). Default: nothing.
    fn reset(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}
