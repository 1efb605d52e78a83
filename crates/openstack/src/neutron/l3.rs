//! L3 agents: their API in both directions, the routers that it carries, and the order of the work.

mod agent_api;
mod agent_client;
mod arguments;
mod full_sync;
mod model;
mod plugin_client;
mod queue;

pub use agent_api::{L3AgentApi, L3AgentEndpoint};
pub use agent_client::L3AgentClient;
pub use full_sync::{FullSync, SyncError};
pub use model::{ExternalFixedIp, ExternalGatewayInfo, FixedIp, Port, Route, Router, Subnet};
pub use plugin_client::L3PluginClient;
pub use queue::{Action, Priority, Processed, RouterProcessor, RouterUpdate, UpdateQueue};

/// The topic that L3 agents serve.
pub const AGENT_TOPIC: &str = "l3_agent";

/// The topic on which the server answers them.
pub const PLUGIN_TOPIC: &str = "q-l3-plugin";
