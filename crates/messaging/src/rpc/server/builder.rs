//! A server in the making.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::lifecycle::Lifecycle;
use super::stats::Counters;
use super::{DuplicateWindow, Executor, RpcServer, Shared};
use crate::rpc::{AccessPolicy, Dispatcher, Endpoint, Serializer};
use crate::target::Target;
use crate::transport::RpcTransport;

/// A server in the making; see [`RpcServer::builder`].
pub struct RpcServerBuilder {
    transport: RpcTransport,
    target: Target,
    endpoints: Vec<Arc<dyn Endpoint>>,
    access: AccessPolicy,
    serializer: Option<Arc<dyn Serializer>>,
    executor: Executor,
    limit: usize,
    late_acknowledgement: bool,
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
            late_acknowledgement: false,
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
    pub fn shared_endpoint(mut self, endpoint: Arc<dyn Endpoint>) -> Self {
        self.endpoints.push(endpoint);
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
    /// A method that runs for more than 25 minutes after its request was received is acknowledged then, with a
    /// warning: RabbitMQ closes the channel of a consumer that keeps a message for 30. A request whose connection
    /// breaks while it runs counts as taken: its copy is dropped here.
    #[must_use]
    pub fn late_acknowledgement(mut self, late: bool) -> Self {
        self.late_acknowledgement = late;
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
        let dispatcher = Dispatcher::new(self.endpoints, self.access);
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
            late_acknowledgement: self.late_acknowledgement,
            duplicate_window: self.duplicate_window,
            lifecycle: Lifecycle::new(),
            counters: Counters::default(),
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
