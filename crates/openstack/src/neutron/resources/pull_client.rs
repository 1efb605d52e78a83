//! What an agent asks for.

use std::collections::BTreeMap;

use bergen_messaging::rpc::{CallError, RpcClient};
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::{Context, RawJson};
use serde_json::json;

use crate::neutron::{BackingOffClient, MethodTimeouts};
use crate::objects::{Envelope, Version};

/// The topic on which the server answers.
const TOPIC: &str = "q-plugin";

/// Pulls resources from the server: neutron's `ResourcesPullRpcApi`. Calls back off ([`BackingOffClient`]).
///
/// What comes is in the version that was asked for, and without changes, whatever the server marked as such.
#[derive(Debug, Clone)]
pub struct ResourcesPullClient {
    client: BackingOffClient,
}

impl ResourcesPullClient {
    /// A client for the server's topic `q-plugin`.
    pub fn new(transport: &RpcTransport, timeouts: &MethodTimeouts) -> Self {
        let target = ClientTarget::new(TOPIC).version((1, 1));
        let client = RpcClient::new(transport, target);
        Self {
            client: BackingOffClient::new(&client, timeouts),
        }
    }

    /// One resource, as `Port`, by its id; `None` if there is none, where the peer raises `ResourceNotFound`.
    ///
    /// # Errors
    /// See [`CallError`]. A server that does not know the class, or the version, answers with a failure.
    pub async fn pull(
        &self,
        ctxt: &Context,
        resource_type: &str,
        version: impl Into<Version>,
        resource_id: &str,
    ) -> Result<Option<Envelope>, CallError> {
        let arguments = json!({
            "resource_type": resource_type,
            "version": version.into(),
            "resource_id": resource_id,
        });
        let pulled: Option<Envelope> = self.client.call(ctxt, "pull", &arguments).await?;
        Ok(pulled.map(unchanged))
    }

    /// All resources whose fields have these values; an empty filter leaves all.
    ///
    /// # Errors
    /// As [`pull`](Self::pull).
    pub async fn bulk_pull(
        &self,
        ctxt: &Context,
        resource_type: &str,
        version: impl Into<Version>,
        filter_kwargs: &BTreeMap<String, RawJson>,
    ) -> Result<Vec<Envelope>, CallError> {
        let arguments = json!({
            "resource_type": resource_type,
            "version": version.into(),
            "filter_kwargs": filter_kwargs,
        });
        let pulled: Vec<Envelope> = self.client.call(ctxt, "bulk_pull", &arguments).await?;
        Ok(pulled.into_iter().map(unchanged).collect())
    }
}

/// As it is in the database: nobody here has changed it.
pub(super) fn unchanged(mut envelope: Envelope) -> Envelope {
    envelope.changes.clear();
    envelope
}
