//! What L3 agents ask.

use std::collections::BTreeMap;

use bergen::rpc::{Context, RpcError, endpoint};
use bergen::service::ServiceError;
use rusqlite::Connection;
use serde_json::Value;

use super::agents::l3_agent_is_up;
use super::database::Database;

/// The methods of neutron's topic `q-l3-plugin` that an agent of legacy routers calls.
pub(crate) struct L3Plugin {
    database: Database,
}

/// Why an agent gets no answer, under neutron's names.
#[derive(Debug, RpcError)]
#[rpc(module = "neutron_lib.exceptions.agent")]
pub(crate) enum PluginError {
    #[rpc(
        class = "AgentNotFoundByTypeHost",
        message = "Agent with agent_type={agent_type} and host={host} could not be found"
    )]
    AgentNotFound { agent_type: String, host: String },
    #[rpc(class = "DatabaseError", message = "{reason}")]
    Database { reason: String },
}

impl From<ServiceError> for PluginError {
    fn from(error: ServiceError) -> Self {
        Self::Database {
            reason: error.to_string(),
        }
    }
}

impl L3Plugin {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[endpoint(version = "1.13")]
impl L3Plugin {
    /// There are no highly available routers here.
    #[rpc(version = "1.11")]
    async fn get_host_ha_router_count(&self, _ctxt: &Context, host: String) -> u64 {
        tracing::debug!(host, "an agent starts");
        0
    }

    #[rpc(version = "1.3")]
    async fn get_service_plugin_list(&self) -> Vec<String> {
        ["CORE", "L3_ROUTER_NAT"].map(ToOwned::to_owned).to_vec()
    }

    /// Gives the host all routers that are nobody's, as neutron does with `router_auto_schedule`. An agent that is
    /// administratively down has none.
    #[rpc(version = "1.9")]
    async fn get_router_ids(
        &self,
        _ctxt: &Context,
        host: String,
    ) -> Result<Vec<String>, PluginError> {
        let ids = self.database.run(move |connection| {
            if l3_agent_is_up(connection, &host)? != Some(true) {
                return Ok(Vec::new());
            }
            let schedule = "UPDATE routers SET host = ?1, told = 1 WHERE host IS NULL";
            connection.execute(schedule, [&host])?;
            let mut select = connection.prepare("SELECT id FROM routers WHERE host = ?1")?;
            let ids = select.query_map([&host], |row| row.get(0))?;
            ids.collect()
        });
        Ok(ids.await?)
    }

    #[rpc]
    async fn sync_routers(
        &self,
        _ctxt: &Context,
        host: String,
        router_ids: Option<Vec<String>>,
    ) -> Result<Vec<Value>, PluginError> {
        let asked = host.clone();
        let routers = self.database.run(move |connection| {
            Ok(match l3_agent_is_up(connection, &asked)? {
                Some(true) => Some(routers(connection, &asked)?),
                Some(false) => Some(Vec::new()),
                None => None,
            })
        });
        let Some(mut routers) = routers.await? else {
            let agent_type = "L3 agent".to_owned();
            return Err(PluginError::AgentNotFound { agent_type, host });
        };
        if let Some(ids) = router_ids {
            routers.retain(|(id, _)| ids.contains(id));
        }
        Ok(routers.into_iter().map(|(_, router)| router).collect())
    }

    #[rpc(version = "1.1")]
    async fn update_floatingip_statuses(
        &self,
        _ctxt: &Context,
        router_id: String,
        fip_statuses: BTreeMap<String, String>,
    ) {
        tracing::info!(router_id, ?fip_statuses, "floating IPs");
    }
}

/// The routers of a host by their ids. A body that is no JSON is left out.
fn routers(connection: &Connection, host: &str) -> rusqlite::Result<Vec<(String, Value)>> {
    let mut select = connection.prepare("SELECT id, body FROM routers WHERE host = ?1")?;
    let rows = select.query_map([host], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<(String, String)>>>()?;
    let parsed = rows
        .into_iter()
        .filter_map(|(id, body)| Some((id, serde_json::from_str(&body).ok()?)));
    Ok(parsed.collect())
}
