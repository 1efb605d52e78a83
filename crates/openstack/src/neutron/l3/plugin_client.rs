//! What an L3 agent asks the server.

use std::collections::BTreeMap;
use std::time::Duration;

use bergen_messaging::rpc::{CallError, RpcClient};
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Context;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::{BackingOffClient, MethodTimeouts};
use super::{Port, Router};

/// Asks the server for routers and tells it what became of them: neutron's `L3PluginApi`, each method under the version
/// that brought it. All calls are made for one host, and back off ([`BackingOffClient`]).
#[derive(Debug, Clone)]
pub struct L3PluginClient {
    client: BackingOffClient,
    host: String,
}

impl L3PluginClient {
    /// A client of the agent on this transport's host.
    pub fn new(transport: &RpcTransport, timeouts: &MethodTimeouts) -> Self {
        let client = RpcClient::new(transport, ClientTarget::new(super::PLUGIN_TOPIC));
        Self {
            client: BackingOffClient::new(&client, timeouts),
            host: transport.host().to_owned(),
        }
    }

    /// How many highly available routers the host has; 0 for an agent that is not known. What a starting agent asks
    /// first.
    ///
    /// # Errors
    /// See [`CallError`]; so for all.
    pub async fn get_host_ha_router_count(&self, ctxt: &Context) -> Result<u64, CallError> {
        let arguments = json!({"host": self.host});
        self.call(ctxt, (1, 11), "get_host_ha_router_count", &arguments)
            .await
    }

    /// As [`get_host_ha_router_count`](Self::get_host_ha_router_count), until a server answers; see
    /// [`BackingOffClient::call_until_answered`].
    pub async fn wait_for_server(&self, ctxt: &Context, pause: Duration) -> Result<u64, CallError> {
        let client = self.client.version((1, 11));
        let arguments = json!({"host": self.host});
        client
            .call_until_answered(ctxt, "get_host_ha_router_count", &arguments, pause)
            .await
    }

    /// The aliases of the server's service plugins.
    pub async fn get_service_plugin_list(&self, ctxt: &Context) -> Result<Vec<String>, CallError> {
        self.call(ctxt, (1, 3), "get_service_plugin_list", &json!({}))
            .await
    }

    /// The ids of the host's routers. The server may schedule routers here first that no agent has. Empty for an agent
    /// that is not known.
    pub async fn get_router_ids(&self, ctxt: &Context) -> Result<Vec<String>, CallError> {
        let arguments = json!({"host": self.host});
        self.call(ctxt, (1, 9), "get_router_ids", &arguments).await
    }

    /// These routers with all that belongs to them, or, for `None`, all of the host's. Those that the host does not
    /// have are not in the answer. Fails with `AgentNotFoundByTypeHost` before the first accepted state report.
    pub async fn sync_routers(
        &self,
        ctxt: &Context,
        router_ids: Option<&[String]>,
    ) -> Result<Vec<Router>, CallError> {
        let arguments = json!({"host": self.host, "router_ids": router_ids});
        self.call(ctxt, (1, 0), "sync_routers", &arguments).await
    }

    /// The states of a router's floating IPs by their ids: `ACTIVE`, `DOWN`, `ERROR`.
    pub async fn update_floatingip_statuses(
        &self,
        ctxt: &Context,
        router_id: &str,
        fip_statuses: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        let arguments = json!({"router_id": router_id, "fip_statuses": fip_statuses});
        let answered: Value = self
            .call(ctxt, (1, 1), "update_floatingip_statuses", &arguments)
            .await?;
        drop(answered);
        Ok(())
    }

    /// The states of highly available routers by their ids: `active`, `standby`. A cast.
    pub async fn update_ha_routers_states(
        &self,
        ctxt: &Context,
        states: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        let arguments = json!({"host": self.host, "states": states});
        let client = self.client.version((1, 5));
        client
            .cast(ctxt, "update_ha_routers_states", &arguments)
            .await
    }

    /// Has the server set the ports of all networks of highly available routers on this host to `DOWN`, as after a
    /// restart of the host.
    pub async fn update_all_ha_network_port_statuses(
        &self,
        ctxt: &Context,
    ) -> Result<(), CallError> {
        let arguments = json!({"host": self.host});
        let method = "update_all_ha_network_port_statuses";
        let answered: Value = self.call(ctxt, (1, 10), method, &arguments).await?;
        drop(answered);
        Ok(())
    }

    /// The networks that `filters` leaves, with these fields or all.
    pub async fn get_networks(
        &self,
        ctxt: &Context,
        filters: &BTreeMap<String, Vec<Value>>,
        fields: Option<&[String]>,
    ) -> Result<Vec<Value>, CallError> {
        let arguments = json!({"filters": filters, "fields": fields});
        self.call(ctxt, (1, 12), "get_networks", &arguments).await
    }

    /// The ports of a subnet, for distributed routers.
    pub async fn get_ports_by_subnet(
        &self,
        ctxt: &Context,
        subnet_id: &str,
    ) -> Result<Vec<Port>, CallError> {
        let arguments = json!({"host": self.host, "subnet_id": subnet_id});
        self.call(ctxt, (1, 2), "get_ports_by_subnet", &arguments)
            .await
    }

    /// The host's port on an external network, for distributed routers; made if there is none.
    pub async fn get_agent_gateway_port(
        &self,
        ctxt: &Context,
        network_id: &str,
    ) -> Result<Option<Port>, CallError> {
        let arguments = json!({"network_id": network_id, "host": self.host});
        self.call(ctxt, (1, 2), "get_agent_gateway_port", &arguments)
            .await
    }

    /// Gives that port up.
    pub async fn delete_agent_gateway_port(
        &self,
        ctxt: &Context,
        network_id: &str,
    ) -> Result<(), CallError> {
        let arguments = json!({"network_id": network_id, "host": self.host});
        let answered: Value = self
            .call(ctxt, (1, 7), "delete_agent_gateway_port", &arguments)
            .await?;
        drop(answered);
        Ok(())
    }

    async fn call<T: DeserializeOwned + 'static>(
        &self,
        ctxt: &Context,
        version: (u32, u32),
        method: &'static str,
        arguments: &Value,
    ) -> Result<T, CallError> {
        let client = self.client.version(version);
        client.call(ctxt, method, arguments).await
    }
}

#[cfg(test)]
mod tests;
