//! neutron's agents: their life, their heartbeat, and the API of L3 agents in both directions.
//!
//! An [`Agent`] is what runs; a [`NeutronService`] runs it and serves its topic. The agent reports its state with a
//! [`StateReporter`], asks the server through clients that back off ([`BackingOffClient`]), and, if it is an L3 agent,
//! works on routers from an [`UpdateQueue`](l3::UpdateQueue). What L2 agents need beside that are [`resources`].

mod agent;
mod backing_off;
pub mod l3;
mod notifier;
mod options;
mod plugin;
mod reports;
pub mod resources;
mod service;
mod state;
mod timeouts;

pub use agent::Agent;
pub use backing_off::BackingOffClient;
pub use notifier::{AGENT_NOTIFIER_PREFIX, TopicDetail, create_consumers};
pub use options::{
    AGENT_OPTIONS, CONTROL_EXCHANGE, CONTROL_EXCHANGE_OPTIONS, RPC_OPTIONS, SERVER_OPTIONS,
    SERVICE_OPTIONS, default_rpc_workers,
};
pub use plugin::{AgentStore, ReceivedReport, StateReportEndpoint};
pub use reports::{Reporting, StateReporter};
pub use service::{NeutronService, NeutronServiceBuilder};
pub use state::{AgentReport, AgentState, ReportError, ReportOutcome, StateReportClient};
pub use timeouts::MethodTimeouts;
