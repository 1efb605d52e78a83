//! The serving side.

mod builder;
mod catch_panic;
mod conduct;
mod duplicates;
mod engine;
mod executor;
mod in_flight;
mod keep_alive;
mod life;
mod lifecycle;
mod offer;
mod serve;
mod stats;
mod warning;
mod work;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use builder::RpcServerBuilder;
pub(crate) use catch_panic::CatchPanic;
pub(in crate::rpc) use conduct::Conduct;
pub use conduct::EndpointOptions;
pub use duplicates::DuplicateWindow;
pub(crate) use duplicates::Duplicates;
pub use executor::{Executor, ExecutorLoadFailure};
use in_flight::InFlight;
pub use in_flight::RunningRequest;
pub use lifecycle::{Patience, Step, TaskTimeout};
pub use stats::ServerStats;
pub use warning::ServerWarning;

use super::Dispatcher;
use crate::driver::ListenError;
use crate::rpc::Serializer;
use crate::target::{ServerTarget, Target};
use crate::transport::RpcTransport;
use lifecycle::{Lifecycle, Phase};
use stats::Counters;
use warning::OnWarning;

/// Takes requests for a target and runs them.
///
/// [`start`](Self::start), [`stop`](Self::stop) and [`wait`](Self::wait) each happen once and in this order, however
/// often and from however many tasks they are called; later callers wait for the one that runs. A stopped server is
/// not started again: make a new one.
///
/// A request is acknowledged when it gets a place among the handlers, before it runs: at most once, as in the peer
/// (but see [`RpcServerBuilder::late_acknowledgement`]).
/// Those that wait for a place stay with the broker, so that another server may get them if this one dies.
///
/// Dropping a server stops it: it takes no new requests, and finishes what it took without anyone waiting for that.
///
/// ```no_run
/// use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcServer, ServerError};
/// use bergen_messaging::target::{EndpointTarget, ServerTarget};
/// use bergen_messaging::transport::RpcTransport;
///
/// # async fn example(transport: RpcTransport) -> Result<(), ServerError> {
/// let endpoint = DynamicEndpoint::new(EndpointTarget::new().version((1, 3)))
///     .method("whoami", |_: Call| async { Ok::<_, MethodError>("host-1") });
/// let server = RpcServer::builder(&transport, ServerTarget::new("compute", "host-1"))
///     .endpoint(endpoint)
///     .build();
/// server.start().await?;
/// // ...
/// server.stop().await?;
/// server.wait().await?;
/// # Ok(())
/// # }
/// ```
pub struct RpcServer {
    shared: Arc<Shared>,
}

/// How one round of serving begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StartOptions {
    /// How many handlers run at once; wins over the server's own limit (the peer's `override_pool_size`).
    pub limit: Option<usize>,
    /// How long to wait before complaining or giving up.
    pub patience: Patience,
}

impl RpcServer {
    /// A server with the default settings and no endpoint yet. Nothing touches the network before it is started.
    pub fn builder(transport: &RpcTransport, target: ServerTarget) -> RpcServerBuilder {
        RpcServerBuilder::new(transport, target.into())
    }

    /// The same for the target of a configuration, which is checked when the server starts.
    pub fn builder_unchecked(transport: &RpcTransport, target: Target) -> RpcServerBuilder {
        RpcServerBuilder::new(transport, target)
    }

    /// Declares and consumes; returns once the broker has confirmed it.
    ///
    /// # Errors
    /// See [`start_with`](Self::start_with).
    pub async fn start(&self) -> Result<(), ServerError> {
        self.start_with(StartOptions::default()).await
    }

    /// As [`start`](Self::start), with another limit or patience. Has no effect on a server that runs already, beyond
    /// a warning.
    ///
    /// # Errors
    /// [`ServerError::Listen`] with target and cause if the driver could not listen; nothing is left running then,
    /// and the server may be started again. [`ServerError::Stopped`] after a stop, and [`ServerError::Timeout`].
    pub async fn start_with(&self, options: StartOptions) -> Result<(), ServerError> {
        let shared = &self.shared;
        let life = &shared.lifecycle;
        if life.claim(
            |phase| matches!(phase, Phase::New | Phase::StartFailed(_)),
            Phase::Starting,
        ) {
            let limit = options.limit.unwrap_or(shared.limit).max(1);
            tokio::spawn(life::live(Arc::clone(shared), limit));
        } else {
            match life.phase() {
                Phase::Running => {
                    tracing::warn!(target_ = %shared.target, "the server is running already: start has no effect");
                }
                Phase::Stopping | Phase::Stopped | Phase::Waiting | Phase::Done => {
                    return Err(ServerError::Stopped);
                }
                Phase::New | Phase::Starting | Phase::StartFailed(_) => {}
            }
        }
        let started = |phase: &Phase| !matches!(phase, Phase::New | Phase::Starting);
        match life
            .reach(Step::Start, Step::Start, options.patience, started)
            .await?
        {
            Phase::StartFailed(error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Takes no new requests. What was taken goes on; see [`wait`](Self::wait). Waits for a start first.
    ///
    /// # Errors
    /// See [`stop_with`](Self::stop_with).
    pub async fn stop(&self) -> Result<(), ServerError> {
        self.stop_with(Patience::default()).await
    }

    /// As [`stop`](Self::stop), with another patience.
    ///
    /// # Errors
    /// [`ServerError::Timeout`].
    pub async fn stop_with(&self, patience: Patience) -> Result<(), ServerError> {
        let life = &self.shared.lifecycle;
        let started = |phase: &Phase| !matches!(phase, Phase::New | Phase::Starting);
        let clock = patience.begin();
        life.reach(Step::Stop, Step::Start, clock.rest(), started)
            .await?;
        if life.claim(|phase| *phase == Phase::Running, Phase::Stopping) {
            self.shared.stop.cancel();
        }
        let stopped = |phase: &Phase| !matches!(phase, Phase::Running | Phase::Stopping);
        life.reach(Step::Stop, Step::Stop, clock.rest(), stopped)
            .await?;
        Ok(())
    }

    /// Waits for the stop, then until everything that was taken is finished and answered and the listener is
    /// released.
    ///
    /// # Errors
    /// See [`wait_with`](Self::wait_with).
    pub async fn wait(&self) -> Result<(), ServerError> {
        self.wait_with(Patience::default()).await
    }

    /// As [`wait`](Self::wait), with another patience.
    ///
    /// # Errors
    /// [`ServerError::Timeout`]; what runs then goes on.
    pub async fn wait_with(&self, patience: Patience) -> Result<(), ServerError> {
        let life = &self.shared.lifecycle;
        let over = |phase: &Phase| matches!(phase, Phase::StartFailed(_) | Phase::Done);
        let stopped =
            |phase: &Phase| over(phase) || matches!(phase, Phase::Stopped | Phase::Waiting);
        let clock = patience.begin();
        life.reach(Step::Wait, Step::Stop, clock.rest(), stopped)
            .await?;
        if life.claim(|phase| *phase == Phase::Stopped, Phase::Waiting) {
            self.shared.finish.cancel();
        }
        life.reach(Step::Wait, Step::Wait, clock.rest(), over)
            .await?;
        Ok(())
    }

    /// Whether the server has been started and not yet stopped.
    pub fn is_running(&self) -> bool {
        self.shared.lifecycle.phase() == Phase::Running
    }

    /// The target that it listens on.
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    /// Keeps the requests whose handlers begin from now on, for [`running_requests`](Self::running_requests). Without it
    /// none is kept, and a request costs nothing more.
    pub fn track_requests(&self) {
        self.shared.in_flight.track();
    }

    /// The requests whose handlers run now, the oldest first: those that began since
    /// [`track_requests`](Self::track_requests).
    pub fn running_requests(&self) -> Vec<RunningRequest> {
        self.shared.in_flight.snapshot()
    }

    /// What it counted since it was made.
    pub fn stats(&self) -> ServerStats {
        self.shared.counters.snapshot()
    }
}

impl Drop for RpcServer {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.finish.cancel();
    }
}

impl fmt::Debug for RpcServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcServer")
            .field("target", &self.shared.target)
            .field("phase", &self.shared.lifecycle.phase())
            .finish_non_exhaustive()
    }
}

/// Why a start, stop or wait did not do what it should.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The driver could not listen.
    #[error(transparent)]
    Listen(#[from] ServerListenError),
    /// The server has been stopped and does not start again.
    #[error("the server has been stopped; make a new one to serve again")]
    Stopped,
    /// It took too long.
    #[error(transparent)]
    Timeout(#[from] TaskTimeout),
}

/// The driver could not listen on a server's target; named as in the peer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("Failed to listen on target {target}: {cause}")]
pub struct ServerListenError {
    /// The server's target.
    pub target: Box<Target>,
    /// Why.
    pub cause: ListenError,
}

/// What the handle, the task that lives the server's life, and the handlers share.
struct Shared {
    transport: RpcTransport,
    target: Target,
    dispatcher: Dispatcher,
    serializer: Option<Arc<dyn Serializer>>,
    executor: Executor,
    limit: usize,
    /// The broker closes the channel of a consumer that keeps a message for longer.
    consumer_timeout: Duration,
    /// After this long a caller that understands it is told how to cancel.
    cancel_after: Duration,
    /// Whether failures carry tracebacks.
    tracebacks: bool,
    on_warning: Option<OnWarning>,
    duplicate_window: DuplicateWindow,
    lifecycle: Lifecycle,
    counters: Counters,
    in_flight: InFlight,
    /// Cancelled to take no new requests.
    stop: CancellationToken,
    /// Cancelled, after `stop`, to release everything once the work is done.
    finish: CancellationToken,
}
