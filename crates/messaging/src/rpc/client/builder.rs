//! A client in the making.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{PreparedClient, RpcClient, Shared};
use crate::driver::Retry;
use crate::rpc::Serializer;
use crate::target::{Target, Version};
use crate::transport::RpcTransport;

/// A client in the making; see [`RpcClient::builder`].
pub struct RpcClientBuilder {
    transport: RpcTransport,
    serializer: Option<Arc<dyn Serializer>>,
    target: Target,
    settings: Settings,
}

/// What can be set per client and changed per prepared client.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) timeout: Duration,
    pub(super) cast_timeout: Option<Duration>,
    pub(super) version_cap: Option<Version>,
    pub(super) retry: Retry,
    pub(super) monitor: Option<Duration>,
    pub(super) at_least_once: bool,
    pub(super) redact_context: bool,
}

impl RpcClientBuilder {
    pub(super) fn new(transport: &RpcTransport, target: &Target) -> Self {
        let target = transport.with_exchange(target);
        let settings = Settings {
            timeout: transport.defaults().response_timeout,
            cast_timeout: Some(transport.defaults().response_timeout),
            version_cap: None,
            retry: Retry::Forever,
            monitor: None,
            at_least_once: false,
            redact_context: false,
        };
        Self {
            transport: transport.clone(),
            serializer: None,
            target,
            settings,
        }
    }

    /// How long a call may take, from when it is made to its result. Default: the option `rpc_response_timeout`, which
    /// is 60 s unless set. Zero fails every call at once.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long a cast may wait for the broker's confirmation, connecting included; then it fails, though the broker
    /// may have it. Default: the option `rpc_response_timeout`, as for calls. `None` waits as long as
    /// [`retry`](Self::retry) allows, as the peer, for ever if nothing else is said.
    #[must_use]
    pub fn cast_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.settings.cast_timeout = timeout;
        self
    }

    /// Leaves secrets out of the contexts that are sent: what is named like a token or password, and the catalogue of
    /// services. Everybody who may read the queues sees contexts in clear. Default: off, since servers may need the
    /// token, as the peer, which sends all; notifications leave them out in any case.
    #[must_use]
    pub fn redact_context(mut self, redact: bool) -> Self {
        self.settings.redact_context = redact;
        self
    }

    /// Refuses to send messages of a newer version, as during a rolling upgrade. Default: no cap.
    #[must_use]
    pub fn version_cap(mut self, cap: impl Into<Version>) -> Self {
        self.settings.version_cap = Some(cap.into());
        self
    }

    /// Converts arguments, results and contexts. Default: none.
    #[must_use]
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializer = Some(Arc::new(serializer));
        self
    }

    /// How often connecting or publishing is tried again. Default: for ever, which for calls means until the timeout.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// Asks servers for keep-alives, and fails a call after this long without one. Default: none. Needs at least 2 s
    /// to have an effect on the server. The peer's `call_monitor_timeout`.
    #[must_use]
    pub fn call_monitor_timeout(mut self, timeout: Duration) -> Self {
        self.settings.monitor = Some(timeout);
        self
    }

    /// Fails a call or cast at once if no queue takes it. Default: off; a call is then given a grace time and a cast
    /// is dropped by the broker, as from the peer. The peer's `TransportOptions(at_least_once=True)`.
    #[must_use]
    pub fn at_least_once(mut self, at_least_once: bool) -> Self {
        self.settings.at_least_once = at_least_once;
        self
    }

    /// The client.
    pub fn build(self) -> RpcClient {
        let shared = Shared {
            transport: self.transport,
            serializer: self.serializer,
        };
        RpcClient {
            base: PreparedClient::new(Arc::new(shared), self.target, self.settings),
        }
    }
}

impl fmt::Debug for RpcClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcClientBuilder")
            .field("target", &self.target)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
