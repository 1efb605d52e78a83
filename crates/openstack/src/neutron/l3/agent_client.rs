//! Telling L3 agents: the server's side.

use bergen_messaging::rpc::{CallError, RpcClient};
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Context;
use serde_json::json;

use super::super::{BackingOffClient, MethodTimeouts};

/// Tells L3 agents what changed: neutron's `L3AgentNotifyAPI`.
#[derive(Debug, Clone)]
pub struct L3AgentClient {
    client: BackingOffClient,
}

impl L3AgentClient {
    /// A client for the topic `l3_agent`.
    pub fn new(transport: &RpcTransport, timeouts: &MethodTimeouts) -> Self {
        let client = RpcClient::new(transport, ClientTarget::new(super::AGENT_TOPIC));
        Self {
            client: BackingOffClient::new(&client, timeouts).version((1, 0)),
        }
    }

    /// The agent on `host` has these routers from now on. A call, tried twice.
    ///
    /// # Errors
    /// What the second attempt ended with.
    pub async fn router_added_to_agent(
        &self,
        ctxt: &Context,
        host: &str,
        router_ids: &[String],
    ) -> Result<(), CallError> {
        let client = self.client.server(host);
        let payload = json!({"payload": router_ids});
        let first = client.call(ctxt, "router_added_to_agent", &payload).await;
        if let Err(error @ CallError::Send(_)) = first {
            tracing::warn!(host, %error, "router_added_to_agent failed, trying once more");
            return client.call(ctxt, "router_added_to_agent", &payload).await;
        }
        first
    }

    /// These routers have changed.
    ///
    /// # Errors
    /// See [`BackingOffClient::cast`].
    pub async fn routers_updated(
        &self,
        ctxt: &Context,
        host: &str,
        router_ids: &[String],
    ) -> Result<(), CallError> {
        let client = self.client.server(host).version((1, 1));
        client
            .cast(ctxt, "routers_updated", &json!({"routers": router_ids}))
            .await
    }

    /// The agent on `host` no longer has the router.
    ///
    /// # Errors
    /// See [`BackingOffClient::cast`].
    pub async fn router_removed_from_agent(
        &self,
        ctxt: &Context,
        host: &str,
        router_id: &str,
    ) -> Result<(), CallError> {
        let payload = json!({"payload": {"router_id": router_id}});
        let client = self.client.server(host);
        client
            .cast(ctxt, "router_removed_from_agent", &payload)
            .await
    }

    /// The router is gone; told to all agents.
    ///
    /// # Errors
    /// See [`BackingOffClient::cast`].
    pub async fn router_deleted(&self, ctxt: &Context, router_id: &str) -> Result<(), CallError> {
        let everyone = self.client.fanout();
        everyone
            .cast(ctxt, "router_deleted", &json!({"router_id": router_id}))
            .await
    }

    /// An operator has changed the agent on `host`.
    ///
    /// # Errors
    /// See [`BackingOffClient::cast`].
    pub async fn agent_updated(
        &self,
        ctxt: &Context,
        host: &str,
        admin_state_up: bool,
    ) -> Result<(), CallError> {
        let payload = json!({"payload": {"admin_state_up": admin_state_up}});
        let client = self.client.server(host);
        client.cast(ctxt, "agent_updated", &payload).await
    }
}
