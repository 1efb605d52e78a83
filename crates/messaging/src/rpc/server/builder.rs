//! A server in the making.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::in_flight::InFlight;
use super::lifecycle::Lifecycle;
use super::stats::Counters;
use super::warning::OnWarning;
use super::{
    Conduct, DuplicateWindow, EndpointOptions, Executor, RpcServer, ServerWarning, Shared,
};
use crate::rpc::{AccessPolicy, Dispatcher, Endpoint, Serializer};
use crate::target::Target;
use crate::transport::RpcTransport;

/// A server in the making; see [`RpcServer::builder`].
pub struct RpcServerBuilder {
    transport: RpcTransport,
    target: Target,
    endpoints: Vec<(Arc<dyn Endpoint>, EndpointOptions)>,
    access: AccessPolicy,
    serializer: Option<Arc<dyn Serializer>>,
    executor: Executor,
    limit: usize,
    conduct: Conduct,
    consumer_timeout: Duration,
    cancel_after: Duration,
    tracebacks: bool,
    on_warning: Option<OnWarning>,
    duplicate_window: DuplicateWindow,
    ping: bool,
}

impl RpcServerBuilder {
    pub(super) fn new(transport: &RpcTransport, target: Target) -> Self {
        Self {
            transport: transport.clone(),
            target,
            endpoints: Vec::new(),
            access: AccessPolicy::Default,
            serializer: None,
            executor: Executor::Tasks,
            limit: transport.defaults().limit,
            conduct: Conduct::default(),
            consumer_timeout: CONSUMER_TIMEOUT,
            cancel_after: transport.defaults().cancel_after,
            tracebacks: transport.defaults().tracebacks,
            on_warning: None,
            duplicate_window: DuplicateWindow::default(),
            ping: transport.defaults().ping,
        }
    }

    /// Adds an endpoint. Endpoints are asked in the order in which they are added.
    #[must_use]
    pub fn endpoint(self, endpoint: impl Endpoint) -> Self {
        self.shared_endpoint(Arc::new(endpoint))
    }

    /// Adds an endpoint that something else holds too.
    #[must_use]
    pub fn shared_endpoint(self, endpoint: Arc<dyn Endpoint>) -> Self {
        self.endpoint_with(endpoint, EndpointOptions::new())
    }

    /// Adds an endpoint whose requests are gone about in another way than those of the others.
    #[must_use]
    pub fn endpoint_with(mut self, endpoint: Arc<dyn Endpoint>, options: EndpointOptions) -> Self {
        self.endpoints.push((endpoint, options));
        self
    }

    /// Which methods callers may reach. Default: those whose name has no leading `_`.
    #[must_use]
    pub fn access_policy(mut self, access: AccessPolicy) -> Self {
        self.access = access;
        self
    }

    /// Converts arguments, results and contexts. Default: none.
    #[must_use]
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializer = Some(Arc::new(serializer));
        self
    }

    /// Where handlers run. Default: tasks.
    #[must_use]
    pub fn executor(mut self, executor: Executor) -> Self {
        self.executor = executor;
        self
    }

    /// How many handlers run at once; 0 counts as 1. Default: the option `executor_thread_pool_size`,
    /// which is 64 unless set.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// Acknowledges each request when its method has ended instead of when it gets its place. If the process dies in
    /// between, the broker gives the request to another server, so that it runs at least once, and perhaps twice:
    /// only for methods that bear it. Default: off, at most once, as the peer. The peer has no such option.
    ///
    /// A method that still runs after five sixths of the [`consumer_timeout`](Self::consumer_timeout), counted from
    /// receipt, is acknowledged then, with a [`ServerWarning::AcknowledgedEarly`]. A request whose connection breaks
    /// while it runs counts as taken: its copy is dropped here. For some endpoints only:
    /// [`EndpointOptions::late_acknowledgement`].
    #[must_use]
    pub fn late_acknowledgement(mut self, late: bool) -> Self {
        self.conduct.late_acknowledgement = late;
        self
    }

    /// What the broker's `consumer_timeout` is: RabbitMQ closes the channel of a consumer that keeps a message for
    /// longer. Default: 30 minutes, RabbitMQ's own default. Only
    /// [late acknowledgement](Self::late_acknowledgement) asks for it.
    #[must_use]
    pub fn consumer_timeout(mut self, timeout: Duration) -> Self {
        self.consumer_timeout = timeout;
        self
    }

    /// Drops a method's future when its caller has given the call up, and with it the calls that the method waits for,
    /// which are cancelled in turn. Such a method must bear to end at any of its awaits. One that blocks its thread
    /// ends at its next await, too. Default: off; a method learns of it by its
    /// [`Cancellation`](crate::rpc::Cancellation) and runs to its end, as the peer's. For some endpoints only:
    /// [`EndpointOptions::drop_cancelled`].
    #[must_use]
    pub fn drop_cancelled(mut self, drop: bool) -> Self {
        self.conduct.drop_cancelled = drop;
        self
    }

    /// How long after its receipt a caller that understands it is told how to cancel a request. Default: the option
    /// `bergen_cancel_after`, which is 250 ms unless set: long enough for short calls to cost no message more, short
    /// enough to stop what is worth to be stopped.
    #[must_use]
    pub fn cancel_after(mut self, after: Duration) -> Self {
        self.cancel_after = after;
        self
    }

    /// Whether failures carry tracebacks to callers, those of nested calls included. Default: the option
    /// `bergen_tracebacks`, which is on unless set, as the peer; without them callers learn class and message only.
    #[must_use]
    pub fn tracebacks(mut self, tracebacks: bool) -> Self {
        self.tracebacks = tracebacks;
        self
    }

    /// Hands each warning to `handle`, besides the log. It must return at once.
    #[must_use]
    pub fn on_warning(mut self, handle: impl Fn(&ServerWarning) + Send + Sync + 'static) -> Self {
        self.on_warning = Some(Box::new(handle));
        self
    }

    /// For how long, and of how many, the ids of taken requests are remembered to run none twice.
    #[must_use]
    pub fn duplicate_window(mut self, window: DuplicateWindow) -> Self {
        self.duplicate_window = window;
        self
    }

    /// Answers [`PING_METHOD`](crate::rpc::PING_METHOD) in the null namespace. Default: the option
    /// `rpc_ping_enabled`, which is off unless set.
    #[must_use]
    pub fn ping(mut self, ping: bool) -> Self {
        self.ping = ping;
        self
    }

    /// The server, not yet started.
    pub fn build(self) -> RpcServer {
        let server = self.conduct;
        let endpoints = self.endpoints.into_iter();
        let dispatcher = Dispatcher::with_conducts(
            endpoints.map(|(endpoint, options)| (endpoint, options.resolve(server))),
            self.access,
        );
        let shared = Shared {
            transport: self.transport,
            target: self.target,
            dispatcher: if self.ping {
                dispatcher.with_ping()
            } else {
                dispatcher
            },
            serializer: self.serializer,
            executor: self.executor,
            limit: self.limit,
            consumer_timeout: self.consumer_timeout,
            cancel_after: self.cancel_after,
            tracebacks: self.tracebacks,
            on_warning: self.on_warning,
            duplicate_window: self.duplicate_window,
            lifecycle: Lifecycle::new(),
            counters: Counters::default(),
            in_flight: InFlight::default(),
            stop: CancellationToken::new(),
            finish: CancellationToken::new(),
        };
        RpcServer {
            shared: Arc::new(shared),
        }
    }
}

impl fmt::Debug for RpcServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcServerBuilder")
            .field("target", &self.target)
            .field("executor", &self.executor)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// RabbitMQ's default.
const CONSUMER_TIMEOUT: Duration = Duration::from_mins(30);
