//! The state of an agent as it is reported, and the client that reports it.

use std::collections::BTreeMap;
use std::time::Duration;

use bergen_messaging::rpc::{CallError, RpcClient};
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::convert::{DateTime, Uuid};
use bergen_messaging::wire::{Context, Id, RawJson};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{BackingOffClient, MethodTimeouts};

/// The topic of state reports.
pub(super) const REPORTS_TOPIC: &str = "q-reports-plugin";

/// The longest JSON text of `configurations` that fits the server's database.
const MAX_CONFIGURATIONS: usize = 4095;

/// The longest `agent_type` that fits it.
const MAX_AGENT_TYPE: usize = 255;

/// What an agent says about itself in each report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentState {
    /// What it is, as `L3 agent`; with `host` it identifies the agent. At most 255 characters.
    pub agent_type: String,
    /// The program, as `neutron-l3-agent`.
    pub binary: String,
    /// The option `host`: the name of the agent's servers on their topics, else it is not told anything.
    pub host: String,
    /// The topic that it serves; `N/A` for L2 agents.
    pub topic: String,
    /// What operators see of it. Stored whole each time: a key that is not here is erased. At most 4095 characters of
    /// JSON.
    #[serde(default)]
    pub configurations: Map<String, Value>,
    /// Where it stands; the server takes `nova` for `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// The versioned objects that it understands, by name, for L2 agents. A [`StateReporter`](super::StateReporter)
    /// sends them until a report was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_versions: Option<BTreeMap<String, String>>,
}

impl AgentState {
    /// The state of an L3 agent on this host, without configurations.
    pub fn l3(host: impl Into<String>) -> Self {
        Self {
            agent_type: "L3 agent".to_owned(),
            binary: "neutron-l3-agent".to_owned(),
            host: host.into(),
            topic: super::l3::AGENT_TOPIC.to_owned(),
            configurations: Map::new(),
            availability_zone: None,
            resource_versions: None,
        }
    }
}

/// One report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentReport {
    /// What is reported.
    #[serde(flatten)]
    pub state: AgentState,
    /// Whether the agent has just started: until a report was accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_flag: bool,
    /// Of this report, for logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
}

impl AgentReport {
    /// A report with a new UUID.
    pub fn new(state: AgentState, start_flag: bool) -> Self {
        Self {
            state,
            start_flag,
            uuid: Some(Uuid::from(Id::new()).to_string()),
        }
    }

    fn check(&self) -> Result<(), ReportError> {
        // As Python writes it, which is how it is stored.
        let text = RawJson::encode_like_python(&self.state.configurations);
        let length = text.map_or(0, |text| text.as_str().chars().count());
        if length > MAX_CONFIGURATIONS {
            return Err(ReportError::ConfigurationsTooLong { length });
        }
        if self.state.agent_type.chars().count() > MAX_AGENT_TYPE {
            return Err(ReportError::AgentTypeTooLong);
        }
        Ok(())
    }
}

/// What the server made of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It did not know the agent before.
    New,
    /// It knew the agent, as alive.
    Alive,
    /// The agent had been down for it: what happened meanwhile the agent was not told, so it has to synchronise.
    Revived,
    /// It dropped the report, which was older than the server itself; the agent is not registered by it.
    Stale,
}

impl ReportOutcome {
    /// Whether the report was stored.
    pub fn is_accepted(self) -> bool {
        self != Self::Stale
    }

    /// As it is answered; null for [`Stale`](Self::Stale).
    pub(super) fn to_wire(self) -> Option<&'static str> {
        match self {
            Self::New => Some("new"),
            Self::Alive => Some("alive"),
            Self::Revived => Some("revived"),
            Self::Stale => None,
        }
    }

    /// A word of a later server means that it has taken the report.
    fn from_wire(answer: Option<&str>) -> Self {
        match answer {
            None => Self::Stale,
            Some("new") => Self::New,
            Some("revived") => Self::Revived,
            Some(_) => Self::Alive,
        }
    }
}

/// Why a state was not reported.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// They would be cut off in the server's database, which refuses them.
    #[error(
        "the agent's configurations are {length} characters of JSON, more than the {MAX_CONFIGURATIONS} that the server stores; \
         report less"
    )]
    ConfigurationsTooLong {
        /// In characters.
        length: usize,
    },
    /// As the configurations.
    #[error("agent_type is longer than {MAX_AGENT_TYPE} characters; use a shorter one")]
    AgentTypeTooLong,
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Reports the state of agents: neutron's `PluginReportStateAPI`.
///
/// It asks for version 1.1 of `report_state` and 1.2 of `has_alive_neutron_server`, which servers of every release know;
/// today's agents send 1.4, which those before 2025.2 refuse, and which the methods about other agents need.
#[derive(Debug, Clone)]
pub struct StateReportClient {
    client: BackingOffClient,
}

impl StateReportClient {
    /// A client for the server's topic `q-reports-plugin`.
    pub fn new(transport: &RpcTransport, timeouts: &MethodTimeouts) -> Self {
        let client = RpcClient::new(transport, ClientTarget::new(REPORTS_TOPIC));
        Self {
            client: BackingOffClient::new(&client, timeouts),
        }
    }

    /// A copy whose calls may take this long, and do not back off. Agents take their `report_interval`.
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self {
            client: self.client.timeout(timeout),
        }
    }

    /// Reports a state, as of now, and says what the server made of it.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub async fn report_state(
        &self,
        ctxt: &Context,
        report: &AgentReport,
    ) -> Result<ReportOutcome, ReportError> {
        let arguments = arguments(report)?;
        let client = self.client.version((1, 1));
        let answer: Option<String> = client.call(ctxt, "report_state", &arguments).await?;
        Ok(ReportOutcome::from_wire(answer.as_deref()))
    }

    /// As [`report_state`](Self::report_state), without an answer.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub async fn cast_report_state(
        &self,
        ctxt: &Context,
        report: &AgentReport,
    ) -> Result<(), ReportError> {
        let arguments = arguments(report)?;
        let client = self.client.version((1, 1));
        Ok(client.cast(ctxt, "report_state", &arguments).await?)
    }

    /// Whether the server is there and reaches its database.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn has_alive_neutron_server(&self, ctxt: &Context) -> Result<bool, CallError> {
        let client = self.client.version((1, 2));
        client
            .call(ctxt, "has_alive_neutron_server", &json!({}))
            .await
    }

    /// The agents that the server knows and whose fields have these values, as `host` or `agent_type`; with `is_active`
    /// also only those that are alive, or are not. Each is a map of the fields of
    /// [`Agent`](crate::objects::neutron::Agent): neutron sends it as a plain one, not as an object.
    ///
    /// # Errors
    /// See [`CallError`]. Servers before 2025.2 do not have the method.
    pub async fn get_agents(
        &self,
        ctxt: &Context,
        filters: &Map<String, Value>,
    ) -> Result<Vec<Map<String, Value>>, CallError> {
        let client = self.client.version((1, 4));
        client.call(ctxt, "get_agents", filters).await
    }

    /// Has the server forget an agent, as one that is taken down for good does. One that it does not know is no error.
    ///
    /// # Errors
    /// As [`get_agents`](Self::get_agents).
    pub async fn delete_agent(
        &self,
        ctxt: &Context,
        host: &str,
        agent_type: &str,
    ) -> Result<(), CallError> {
        let client = self.client.version((1, 4));
        let arguments = json!({"host": host, "agent_type": agent_type});
        let answered: Value = client.call(ctxt, "delete_agent", &arguments).await?;
        drop(answered);
        Ok(())
    }

    /// Asks until there is a server that reaches its database, as L2 agents do when they start. An answer of false is
    /// followed by a sleep of `pause`, which is the `report_interval`; see also
    /// [`call_until_answered`](BackingOffClient::call_until_answered).
    ///
    /// # Errors
    /// What is no matter of waiting, as a server that has no such method.
    pub async fn wait_for_server(&self, ctxt: &Context, pause: Duration) -> Result<(), CallError> {
        let client = self.client.version((1, 2));
        let method = "has_alive_neutron_server";
        while !client
            .call_until_answered::<bool>(ctxt, method, &json!({}), pause)
            .await?
        {
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }
}

/// With the time in the one form that servers read.
fn arguments(report: &AgentReport) -> Result<Value, ReportError> {
    report.check()?;
    Ok(json!({
        "agent_state": {"agent_state": report},
        "time": DateTime::now().to_string(),
    }))
}

#[cfg(test)]
mod tests;
