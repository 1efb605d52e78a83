//! Listeners in the making.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{
    ListenerError, NotificationEndpoint, NotificationListener, Poison, Settings, Subscriber,
};
use crate::notify::Priority;
use crate::rpc::{DuplicateWindow, Serializer};
use crate::target::Target;
use crate::transport::NotificationTransport;

/// A topic to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListenTarget(Target);

impl ListenTarget {
    /// A topic of the transport's `control_exchange`.
    pub fn new(topic: impl Into<String>) -> Self {
        Self(Target::default().with_topic(topic))
    }

    /// In this exchange instead.
    #[must_use]
    pub fn exchange(self, exchange: impl Into<String>) -> Self {
        Self(self.0.with_exchange(exchange))
    }
}

/// When the events of a batch listener are handed over: at `size` events or `within` a time, whichever is first (the
/// peer's `batch_size` and `batch_timeout`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOptions {
    /// How many events make a batch, of all priorities together. 0 counts as 1.
    pub size: usize,
    /// How long the first event of a batch waits for others.
    pub within: Duration,
}

/// A listener in the making; see [`NotificationListener::builder`].
#[derive(Clone)]
pub struct ListenerBuilder {
    transport: NotificationTransport,
    targets: Vec<ListenTarget>,
    subscribers: Vec<Subscriber>,
    pool: Option<String>,
    allow_requeue: bool,
    limit: usize,
    ordered: bool,
    batch: Option<BatchOptions>,
    poison: Poison,
    prefetch: u16,
    duplicate_window: DuplicateWindow,
    serializer: Option<Arc<dyn Serializer>>,
}

impl ListenerBuilder {
    pub(super) fn new(transport: &NotificationTransport, targets: Vec<ListenTarget>) -> Self {
        Self {
            transport: transport.clone(),
            targets,
            subscribers: Vec::new(),
            pool: None,
            allow_requeue: false,
            limit: 64,
            ordered: false,
            batch: None,
            poison: Poison::default(),
            prefetch: 128,
            duplicate_window: DuplicateWindow::default(),
            serializer: None,
        }
    }

    /// Tells this endpoint of the events that it takes. Endpoints are asked one after another, in this order.
    #[must_use]
    pub fn endpoint(self, endpoint: impl NotificationEndpoint) -> Self {
        self.endpoint_with_limit(endpoint, Semaphore::MAX_PERMITS)
    }

    /// The same for an endpoint that must not be asked more than so many times at once; 0 counts as 1. For what stands
    /// behind it, such as a database with few connections.
    ///
    /// An event that waits for its turn there has been begun: it counts against the listener's [`limit`](Self::limit),
    /// so give a slow endpoint a listener of its own, in a [`pool`](Self::pool), if others must not wait for it.
    #[must_use]
    pub fn endpoint_with_limit(
        mut self,
        endpoint: impl NotificationEndpoint,
        limit: usize,
    ) -> Self {
        self.subscribers.push(Subscriber {
            priorities: endpoint.priorities(),
            endpoint: Arc::new(endpoint),
            turns: Arc::new(Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS))),
        });
        self
    }

    /// Listens in a pool: each pool gets every event, and its listeners share them. Without one, listeners of a topic
    /// share its events, and events wait in its queues while nobody listens. If only pools listen, these queues still
    /// fill as soon as a notifier has declared them.
    #[must_use]
    pub fn pool(mut self, pool: impl Into<String>) -> Self {
        self.pool = Some(pool.into());
        self
    }

    /// Gives back what an endpoint wants [requeued](super::Handled::Requeue). Default: no, as in the peer. Needs a
    /// driver that can.
    #[must_use]
    pub fn allow_requeue(mut self) -> Self {
        self.allow_requeue = true;
        self
    }

    /// How many events, or batches, are handled at once; 0 counts as 1. Default: 64, as the peer's
    /// `executor_thread_pool_size`.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Handles the events of one publisher one after another, in the order in which they came. Those of a batch
    /// listener are in order within a priority, and one batch runs at a time.
    #[must_use]
    pub fn order_per_publisher(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Hands events over in batches, those of each priority by themselves.
    #[must_use]
    pub fn batch(mut self, options: BatchOptions) -> Self {
        self.batch = Some(BatchOptions {
            size: options.size.clamp(1, usize::from(u16::MAX)),
            ..options
        });
        self
    }

    /// What becomes of events that an endpoint can't handle. Default: see [`Poison`].
    #[must_use]
    pub fn poison(mut self, poison: Poison) -> Self {
        self.poison = poison;
        self
    }

    /// How many events of each queue the broker sends ahead; at least 1, and at least two batches, so that one is
    /// gathered while the other is handled. Default: 128.
    #[must_use]
    pub fn prefetch(mut self, prefetch: u16) -> Self {
        self.prefetch = prefetch;
        self
    }

    /// How long handled events are remembered, so that none is handled twice. Default: as for RPC.
    #[must_use]
    pub fn duplicate_window(mut self, window: DuplicateWindow) -> Self {
        self.duplicate_window = window;
        self
    }

    /// Converts contexts and payloads before filters and endpoints see them. Default: none, as in the peer.
    ///
    /// An event that it refuses becomes a dead letter at once, as it came, or is dropped: see [`Poison`].
    #[must_use]
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializer = Some(Arc::new(serializer));
        self
    }

    /// Declares and consumes; returns once the broker has confirmed it.
    ///
    /// # Errors
    /// There is nothing to listen for, the driver can't requeue though that is allowed, or it can't listen.
    pub async fn start(self) -> Result<NotificationListener, ListenerError> {
        let pairs = self.pairs();
        if pairs.is_empty() {
            return Err(ListenerError::Nothing);
        }
        if self.allow_requeue {
            self.transport.require_requeue()?;
        }
        let two_batches = self.batch.map_or(1, |batch| batch.size.saturating_mul(2));
        let prefetch = self
            .prefetch
            .max(u16::try_from(two_batches).unwrap_or(u16::MAX));
        let source = self
            .transport
            .listen(&pairs, self.pool.as_deref(), prefetch)
            .await?;
        let in_turn = self.ordered && self.batch.is_some();
        let settings = Settings {
            transport: self.transport,
            subscribers: self.subscribers,
            allow_requeue: self.allow_requeue,
            limit: if in_turn { 1 } else { self.limit },
            ordered: self.ordered,
            batch: self.batch,
            poison: self.poison,
            serializer: self.serializer,
        };
        let most_held = usize::from(prefetch) * pairs.len();
        Ok(NotificationListener::serve(
            settings,
            source,
            most_held,
            self.duplicate_window,
        ))
    }

    /// What some endpoint takes, of each topic.
    fn pairs(&self) -> Vec<(Target, String)> {
        let wanted = |priority: &Priority| {
            let mut subscribers = self.subscribers.iter();
            subscribers.any(|subscriber| subscriber.priorities.contains(priority))
        };
        let priorities: Vec<_> = Priority::ALL.into_iter().filter(wanted).collect();
        let of_topic = |target: &ListenTarget| {
            let pair = |priority: &Priority| (target.0.clone(), priority.lower().to_owned());
            priorities.iter().map(pair).collect::<Vec<_>>()
        };
        self.targets.iter().flat_map(of_topic).collect()
    }
}

impl fmt::Debug for ListenerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerBuilder")
            .field("targets", &self.targets)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
