//! The transport of calls, casts and RPC servers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::inbox::{Incoming, inbox};
use super::{MissingFeature, RpcDefaults, Shared, TransportError, TransportOptionsOf};
use crate::driver::{
    CallOptions, CallReply, Capabilities, CastOptions, IncomingRequest, ListenError, ListenOptions,
    Listener, RequestSink, TransportKind,
};
use crate::rpc::{CallError, RemoteError};
use crate::target::Target;
use crate::url::TransportUrl;
use crate::wire::{Failure, OutgoingRequest};

/// The transport of calls, casts and RPC servers. A cheap handle: clones share one driver.
///
/// Made without touching the network; the driver connects when the first message needs it.
#[derive(Clone)]
pub struct RpcTransport {
    shared: Shared,
}

impl RpcTransport {
    /// Makes a transport.
    ///
    /// # Errors
    /// The URL can't be read, names no known driver, or carries options that the driver refuses.
    pub fn new<D>(options: TransportOptionsOf<D>) -> Result<Self, TransportError> {
        Ok(Self {
            shared: Shared::new(options, TransportKind::Rpc)?,
        })
    }

    /// What the driver can do.
    pub fn capabilities(&self) -> Capabilities {
        self.shared.capabilities()
    }

    /// Where it connects to. Prints without the password.
    pub fn url(&self) -> &TransportUrl {
        &self.shared.url
    }

    /// The exchange of targets that name none.
    pub fn control_exchange(&self) -> &str {
        &self.shared.control_exchange
    }

    /// The name of this program's servers on their topics: the option `host`, by default the machine's name.
    pub fn host(&self) -> &str {
        &self.shared.host
    }

    /// Checks that messages can be given back to the broker.
    ///
    /// # Errors
    /// [`MissingFeature`] if the driver can't.
    pub fn require_requeue(&self) -> Result<(), MissingFeature> {
        self.shared.require_requeue()
    }

    /// Takes raw requests for `target` as a stream, for programs that want neither dispatcher nor executor. Each is
    /// to be acknowledged by hand; at most `prefetch` of each queue (topic, server, fanout) are handed over
    /// unacknowledged. After a lost connection some may come twice: the first of the two can't be acknowledged.
    ///
    /// # Errors
    /// The target lacks topic or server, or the driver can't listen.
    pub async fn listen(&self, target: &Target, prefetch: u16) -> Result<Requests, ListenError> {
        let options = ListenOptions::new(prefetch);
        let (sender, inbox) = inbox(QUEUES * usize::from(options.prefetch));
        let listener = self.listen_with(target, options, Arc::new(sender)).await?;
        let incoming = Incoming { inbox, listener };
        Ok(Requests { incoming })
    }

    /// Takes requests for `target` into `sink`.
    ///
    /// # Errors
    /// The target lacks topic or server, or the driver can't listen.
    pub async fn listen_with(
        &self,
        target: &Target,
        options: ListenOptions,
        sink: Arc<dyn RequestSink>,
    ) -> Result<Box<dyn Listener>, ListenError> {
        target.check_listen()?;
        self.shared
            .driver
            .listen(&self.with_exchange(target), options, sink)
            .await
    }

    /// Releases everything within `deadline`: calls that still wait fail, connections are closed. Idempotent.
    pub async fn close(&self, deadline: Duration) {
        self.shared.close(deadline).await;
    }

    /// Calls one server. The target is checked here and nowhere below; its exchange is filled in already.
    pub(crate) async fn call(
        &self,
        target: &Target,
        request: &OutgoingRequest,
        options: CallOptions,
    ) -> Result<CallReply, CallError> {
        target.check_call()?;
        Ok(self.shared.driver.call(target, request, options).await?)
    }

    /// Casts to one server, or to all if the target fans out.
    pub(crate) async fn cast(
        &self,
        target: &Target,
        request: &OutgoingRequest,
        options: CastOptions,
    ) -> Result<(), CallError> {
        target.check_send()?;
        Ok(self.shared.driver.cast(target, request, options).await?)
    }

    /// A failure as the caller gets it: generic for good if its module is not among those allowed.
    pub(crate) fn remote_error(&self, failure: Failure) -> RemoteError {
        let remote = RemoteError::from(failure);
        let allowed = self
            .shared
            .allowed_remote_modules
            .as_ref()
            .is_none_or(|modules| remote.module == "builtins" || modules.contains(&remote.module));
        if allowed {
            remote
        } else {
            remote.kept_generic()
        }
    }

    /// What the configuration gives to clients and servers.
    pub(crate) fn defaults(&self) -> RpcDefaults {
        self.shared.defaults
    }

    /// The target with the exchange that it means.
    pub(crate) fn with_exchange(&self, target: &Target) -> Target {
        match target.exchange {
            Some(_) => target.clone(),
            None => target.with_exchange(self.control_exchange()),
        }
    }
}

impl fmt::Debug for RpcTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcTransport")
            .field("url", &self.shared.url)
            .field("control_exchange", &self.shared.control_exchange)
            .finish_non_exhaustive()
    }
}

/// Raw requests as they come; see [`RpcTransport::listen`]. Dropping it releases the listener; [`close`](Self::close)
/// waits for that.
pub struct Requests {
    incoming: Incoming<IncomingRequest>,
}

impl Requests {
    /// The next request. It waits to be acknowledged or requeued.
    ///
    /// # Errors
    /// Why the driver gave up on listening.
    pub async fn next(&mut self) -> Result<IncomingRequest, ListenError> {
        self.incoming.next().await
    }

    /// Stops listening and releases what the listener holds. Requests that were not acknowledged go back to the
    /// broker.
    pub async fn close(self) {
        self.incoming.close().await;
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

/// The queues of a server: its topic's, its own, and its fanout queue.
const QUEUES: usize = 3;
