//! A client that gives a busy server more time.

use std::fmt;
use std::time::Duration;

use bergen_messaging::rpc::{CallError, PreparedClient, RpcClient};
use bergen_messaging::target::Version;
use bergen_messaging::wire::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::MethodTimeouts;

/// A client that gives a busy server more time: neutron's `BackingOffClient`.
///
/// A call that times out doubles the timeout of its method for the whole process, and is reported to the caller only
/// after a random sleep, so that the agents of a restarted server do not come back all at once. It is not tried again
/// here. With a [timeout](Self::timeout) of its own it is a plain call.
///
/// ```no_run
/// use bergen_messaging::{rpc::RpcClient, target::ClientTarget, transport::RpcTransport, wire::Context};
/// use bergen_openstack::neutron::{BackingOffClient, MethodTimeouts};
///
/// # async fn example(transport: RpcTransport) -> Result<(), bergen_messaging::rpc::CallError> {
/// let plugin = RpcClient::new(&transport, ClientTarget::new("q-l3-plugin"));
/// let client = BackingOffClient::new(&plugin, &MethodTimeouts::default());
/// let arguments = [("host", "net-1")].into_iter().collect::<std::collections::BTreeMap<_, _>>();
/// let ids: Vec<String> =
///     client.version((1, 9)).call(&Context::default(), "get_router_ids", &arguments).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BackingOffClient {
    client: PreparedClient,
    timeouts: MethodTimeouts,
    /// The caller's own, which does not back off.
    timeout: Option<Duration>,
}

impl BackingOffClient {
    /// A client over another one, whose own timeout is not used.
    pub fn new(client: &RpcClient, timeouts: &MethodTimeouts) -> Self {
        Self {
            client: client.prepare(),
            timeouts: timeouts.clone(),
            timeout: None,
        }
    }

    /// A copy that asks for this version of the interface.
    #[must_use]
    pub fn version(&self, version: impl Into<Version>) -> Self {
        self.with(self.client.prepare().version(version))
    }

    /// A copy that sends to this server only.
    #[must_use]
    pub fn server(&self, server: impl Into<String>) -> Self {
        self.with(self.client.prepare().server(server))
    }

    /// A copy that casts to every server of the topic.
    #[must_use]
    pub fn fanout(&self) -> Self {
        self.with(self.client.prepare().fanout(true))
    }

    /// A copy whose calls may take this long, and do not back off.
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self.clone()
        }
    }

    fn with(&self, client: PreparedClient) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    /// Calls a method; see [`RpcClient::call`].
    ///
    /// # Errors
    /// See [`CallError`]. A timeout comes after a random sleep, at most `rpc_response_timeout` longer, unless the client
    /// has a timeout of its own.
    pub async fn call<T: DeserializeOwned + 'static>(
        &self,
        ctxt: &Context,
        method: &'static str,
        arguments: &(impl Serialize + Sync + ?Sized),
    ) -> Result<T, CallError> {
        if let Some(timeout) = self.timeout {
            let client = self.client.prepare().timeout(timeout);
            return client.call(ctxt, method, arguments).await;
        }
        let key = match &self.client.target().namespace {
            Some(namespace) => format!("{namespace}.{method}"),
            None => method.to_owned(),
        };
        let used = self.timeouts.timeout(&key);
        let client = self.client.prepare().timeout(used);
        let result = client.call(ctxt, method, arguments).await;
        if let Err(error) = &result
            && error.is_timeout()
        {
            let sleep = self.timeouts.timed_out(&key, used).mul_f64(fastrand::f64());
            tracing::error!(
                "{key} was not answered within {} s; the caller waits another {:.0} s. If the server runs, it may have too \
                 much to do: then a longer rpc_response_timeout helps.",
                used.as_secs_f64(),
                sleep.as_secs_f64()
            );
            tokio::time::sleep(sleep).await;
        }
        result
    }

    /// As [`call`](Self::call), again and again until a server answers: how an agent waits for neutron-server when it
    /// starts. After a timeout at once, since the call itself has slept then; after a message that could not be sent, or
    /// found no server, with a pause.
    ///
    /// # Errors
    /// What waiting does not mend, such as the failure of the method.
    pub async fn call_until_answered<T: DeserializeOwned + 'static>(
        &self,
        ctxt: &Context,
        method: &'static str,
        arguments: &(impl Serialize + Sync + ?Sized),
        pause: Duration,
    ) -> Result<T, CallError> {
        loop {
            match self.call(ctxt, method, arguments).await {
                // There was no time to begin with, which no waiting mends.
                Err(error @ CallError::Expired { .. }) => return Err(error),
                Err(error) if error.is_timeout() => {}
                Err(CallError::Send(error)) => {
                    tracing::info!(method, %error, "waiting for the server");
                    tokio::time::sleep(pause).await;
                }
                answered => return answered,
            }
        }
    }

    /// Sends a request that nobody answers; see [`RpcClient::cast`]. One that the broker did not take is logged at debug
    /// level and forgotten, as in the peer: whatever it was about, the next full sync tells as well.
    ///
    /// # Errors
    /// It could not be sent for another reason than the broker: its arguments, its target.
    pub async fn cast(
        &self,
        ctxt: &Context,
        method: &'static str,
        arguments: &(impl Serialize + Sync + ?Sized),
    ) -> Result<(), CallError> {
        match self.client.cast(ctxt, method, arguments).await {
            Err(CallError::Send(error)) => {
                tracing::debug!(method, %error, "a cast was not delivered");
                Ok(())
            }
            result => result,
        }
    }
}

impl fmt::Debug for BackingOffClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackingOffClient")
            .field("target", self.client.target())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
