//! The options of neutron's services, under the names that operators know.

use bergen_config::{Kind, OptionDef};

/// The exchange of neutron's topics.
pub const CONTROL_EXCHANGE: &str = "neutron";

/// `control_exchange` with neutron's default. Declared after messaging's own options, so that this default counts.
pub static CONTROL_EXCHANGE_OPTIONS: &[OptionDef] =
    &[OptionDef::new("DEFAULT", "control_exchange", Kind::Text)
        .default(CONTROL_EXCHANGE)
        .help("Exchange of the topics that name none.")];

/// What every agent has.
pub static AGENT_OPTIONS: &[OptionDef] = &[
    OptionDef::new("AGENT", "report_interval", Kind::float_from(0.0))
        .default("30")
        .help("Seconds between two reports of the agent's state, whole or not; less than half of the server's agent_down_time."),
    OptionDef::new("AGENT", "availability_zone", Kind::Text)
        .default("nova")
        .help("Availability zone of this agent."),
    OptionDef::new("AGENT", "log_agent_heartbeats", Kind::Bool)
        .default("false")
        .help("Whether the server logs each report of this agent."),
];

/// What a [`NeutronService`](super::NeutronService) reads: its timers.
pub static SERVICE_OPTIONS: &[OptionDef] = &[
    OptionDef::new("DEFAULT", "periodic_interval", Kind::int_from(0))
        .default("40")
        .help("Seconds between two passes of periodic tasks; 0: none."),
    OptionDef::new("DEFAULT", "periodic_fuzzy_delay", Kind::int(0, 86_400))
        .default("5")
        .help("Longest random delay before the first pass of periodic tasks, seconds."),
];

/// What a [`BackingOffClient`](super::BackingOffClient) reads beside `rpc_response_timeout`.
pub static RPC_OPTIONS: &[OptionDef] =
    &[
        OptionDef::new("DEFAULT", "rpc_response_max_timeout", Kind::int_from(0))
            .default("600")
            .help("Seconds up to which the timeout of a method grows when its calls time out."),
    ];

/// What a server that answers agents has.
pub static SERVER_OPTIONS: &[OptionDef] = &[
    OptionDef::new("DEFAULT", "rpc_workers", Kind::int_from(0))
        .help("Workers that answer RPC. Default: half the processors, at least one. 0: none, and agents get no answers."),
    OptionDef::new("DEFAULT", "rpc_state_report_workers", Kind::int_from(0))
        .default("1")
        .help("Workers that answer state reports only; 0: none."),
    OptionDef::new("DEFAULT", "agent_down_time", Kind::int_from(1))
        .default("75")
        .help("Seconds without a report after which an agent counts as down."),
    OptionDef::new("DEFAULT", "enable_new_agents", Kind::Bool)
        .default("true")
        .help("Whether agents that report for the first time are administratively up."),
];

/// The default of `rpc_workers`: half of the processors, at least 1. (neutron also counts its memory, 2 GiB for a
/// worker, which a Rust worker does not need.)
pub fn default_rpc_workers() -> usize {
    (bergen_service::default_worker_count() / 2).max(1)
}

#[cfg(test)]
mod tests;
