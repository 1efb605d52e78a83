//! Receiving events.

mod builder;
mod endpoint;
mod engine;
mod poison;
mod stats;
mod work;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub use builder::{BatchOptions, ListenTarget, ListenerBuilder};
pub use endpoint::{EndpointError, Handled, NotificationEndpoint, ReceivedEvent};
pub use poison::Poison;
pub use stats::ListenerStats;

use super::Priority;
use crate::driver::ListenError;
use crate::log_limit::LogLimit;
use crate::rpc::{DuplicateWindow, Serializer};
use crate::transport::{MissingFeature, NotificationTransport, Notifications};
use engine::Engine;
use stats::Counters;

/// Takes the events of one or several topics and hands them to endpoints.
///
/// An event is acknowledged at once when all endpoints that want it are done with it: at least once, as in the peer.
/// Copies that the broker delivers after a lost connection are acknowledged without a second run.
///
/// Dropping a listener stops it: it takes no new events, and finishes what runs without anyone waiting for that.
///
/// ```no_run
/// use bergen_messaging::notify::{ListenTarget, ListenerError, NotificationEndpoint, NotificationListener, Poison};
/// use bergen_messaging::transport::NotificationTransport;
///
/// # async fn example(transport: NotificationTransport, meter: impl NotificationEndpoint) -> Result<(), Box<dyn std::error::Error>> {
/// let listener = NotificationListener::builder(&transport, [ListenTarget::new("notifications")])
///     .endpoint(meter)
///     .pool("meters")
///     .poison(Poison::dead_letters("notifications.dead").attempts(5))
///     .start()
///     .await?;
/// // ...
/// listener.stop();
/// listener.wait().await?;
/// # Ok(())
/// # }
/// ```
pub struct NotificationListener {
    shared: Arc<Shared>,
    ended: watch::Receiver<Option<Result<(), ListenError>>>,
}

impl NotificationListener {
    /// A listener on these topics, without an endpoint yet. Nothing touches the network before it is started.
    pub fn builder(
        transport: &NotificationTransport,
        targets: impl IntoIterator<Item = ListenTarget>,
    ) -> ListenerBuilder {
        ListenerBuilder::new(transport, targets.into_iter().collect())
    }

    /// Takes no new events. What runs goes on; see [`wait`](Self::wait). What waits for its turn or for another attempt
    /// goes back to the broker. Does not wait.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Waits for the stop, then until everything that runs is finished and settled and the listener is released.
    ///
    /// # Errors
    /// The driver gave up on listening; nobody stopped it.
    pub async fn wait(&self) -> Result<(), ListenError> {
        let mut ended = self.ended.clone();
        let ended = ended.wait_for(Option::is_some).await;
        // Without an end the runtime has thrown the task away.
        ended.map_or(Err(ListenError::Closed), |ended| {
            ended.clone().unwrap_or(Ok(()))
        })
    }

    /// What it counted since its start.
    pub fn stats(&self) -> ListenerStats {
        self.shared.counters.snapshot()
    }

    fn serve(
        settings: Settings,
        source: Notifications,
        most_held: usize,
        window: DuplicateWindow,
    ) -> Self {
        let shared = Arc::new(Shared {
            settings,
            counters: Counters::default(),
            log: LogLimit::new(LogLimit::MINUTE),
            stop: CancellationToken::new(),
        });
        let engine = Engine::new(Arc::clone(&shared), source, most_held, window);
        let (end, ended) = watch::channel(None);
        tokio::spawn(async move {
            let result = engine.run().await;
            if let Err(error) = &result {
                tracing::error!(%error, "a notification listener has ended");
            }
            end.send_replace(Some(result));
        });
        Self { shared, ended }
    }
}

impl Drop for NotificationListener {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for NotificationListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationListener")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Why a listener did not start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenerError {
    /// No topic, no endpoint, or none that takes any priority.
    #[error(
        "there is nothing to listen for: give the listener a topic, and an endpoint that takes a priority"
    )]
    Nothing,
    /// Requeue is allowed, and the driver can't.
    #[error(transparent)]
    MissingFeature(#[from] MissingFeature),
    /// The driver could not listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// What a listener was made with.
struct Settings {
    transport: NotificationTransport,
    subscribers: Vec<Subscriber>,
    allow_requeue: bool,
    limit: usize,
    ordered: bool,
    batch: Option<BatchOptions>,
    poison: Poison,
    serializer: Option<Arc<dyn Serializer>>,
}

/// What the handle, the engine and the work at hand share.
struct Shared {
    settings: Settings,
    counters: Counters,
    log: LogLimit,
    /// Cancelled to take no new events.
    stop: CancellationToken,
}

impl Deref for Shared {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

/// An endpoint and what it takes.
#[derive(Clone)]
struct Subscriber {
    priorities: Vec<Priority>,
    endpoint: Arc<dyn NotificationEndpoint>,
    /// One permit for each time that it may be asked at once.
    turns: Arc<Semaphore>,
}
