//! The calling side.

mod builder;
mod prepared;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use builder::RpcClientBuilder;
pub use prepared::PreparedClient;

use super::{CallError, RpcError, Serializer, TypedCallError};
use crate::target::{ClientTarget, Target, Version};
use crate::transport::RpcTransport;
use crate::wire::{Context, Text};

/// Calls methods of the servers that a target names. Cheap to clone; may be used by many tasks at once.
///
/// ```no_run
/// use bergen_messaging::rpc::{Arguments, CallError, RpcClient};
/// use bergen_messaging::target::ClientTarget;
/// use bergen_messaging::transport::RpcTransport;
/// use bergen_messaging::wire::Context;
///
/// # async fn example(transport: RpcTransport) -> Result<(), CallError> {
/// let client = RpcClient::new(&transport, ClientTarget::new("compute").version((5, 0)));
/// let arguments = [("a", 1), ("b", 2)].into_iter().collect::<std::collections::BTreeMap<_, _>>();
/// let sum: i64 = client.call(&Context::default(), "add", &arguments).await?;
///
/// let one_host = client.prepare().server("host-1");
/// one_host.cast(&Context::default(), "refresh", &Arguments::new()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RpcClient {
    base: PreparedClient,
}

impl RpcClient {
    /// A client with the peer's defaults.
    pub fn new(transport: &RpcTransport, target: ClientTarget) -> Self {
        Self::builder(transport, target).build()
    }

    /// A client with other settings than the defaults. The target of a configuration, a plain [`Target`], will do
    /// too; it is checked when the client is used.
    pub fn builder(transport: &RpcTransport, target: impl Into<Target>) -> RpcClientBuilder {
        RpcClientBuilder::new(transport, &target.into())
    }

    /// A cheap copy whose target and settings can be changed for some calls.
    pub fn prepare(&self) -> PreparedClient {
        self.base.clone()
    }

    /// The target that calls go to.
    pub fn target(&self) -> &Target {
        self.base.target()
    }

    /// Whether a message of this version may be sent under the client's version cap. `None` asks for a message
    /// without a version, which no cap allows.
    pub fn can_send_version(&self, version: Option<Version>) -> bool {
        self.base.can_send_version(version)
    }

    /// Calls a method of one server and waits for its result.
    ///
    /// `arguments` is whatever serialises to a JSON object: a struct, a map, [`Arguments`](super::Arguments), or `()`
    /// for none. It is encoded and the clock starts now, not when the future is first polled; inside of a method the
    /// clock also ends with the deadline of the request that the method works on. The future borrows nothing, so it
    /// can be spawned; nothing is sent before it is polled.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn call<T: DeserializeOwned + 'static>(
        &self,
        ctxt: &Context,
        method: impl Into<Text>,
        arguments: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<T, CallError>> + Send + 'static {
        self.base.call(ctxt, method, arguments)
    }

    /// As [`call`](Self::call), with remote failures as the program's own error type where `E` knows them.
    ///
    /// # Errors
    /// See [`TypedCallError`].
    pub fn call_typed<T: DeserializeOwned + 'static, E: RpcError + 'static>(
        &self,
        ctxt: &Context,
        method: impl Into<Text>,
        arguments: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<T, TypedCallError<E>>> + Send + 'static {
        self.base.call_typed(ctxt, method, arguments)
    }

    /// Sends a request to one server without waiting for an answer; completes when the broker has confirmed it. To
    /// all servers, if the target fans out. The clock of [`cast_timeout`](RpcClientBuilder::cast_timeout) starts now.
    ///
    /// # Errors
    /// See [`CallError`]; a cast never has a remote failure.
    pub fn cast(
        &self,
        ctxt: &Context,
        method: impl Into<Text>,
        arguments: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<(), CallError>> + Send + 'static {
        self.base.cast(ctxt, method, arguments)
    }

    /// Casts to every server of the topic.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn fanout(
        &self,
        ctxt: &Context,
        method: impl Into<Text>,
        arguments: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<(), CallError>> + Send + 'static {
        let everyone = self.prepare().fanout(true);
        let request = everyone.request(ctxt, method.into(), arguments);
        everyone.cast_request(request)
    }
}

impl fmt::Debug for RpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcClient")
            .field("target", self.target())
            .finish_non_exhaustive()
    }
}

/// What a client and all that is prepared from it share.
struct Shared {
    transport: RpcTransport,
    serializer: Option<Arc<dyn Serializer>>,
}
