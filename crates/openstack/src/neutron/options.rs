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
        .help("Workers that answer RPC. Default: half the processors, at most one for 4 GiB of memory, at least one. 0: none, and agents get no answers."),
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

/// The default of `rpc_workers`, by neutron's rule: half of the processors, or of the times that 2 GiB fit into the
/// memory if that is less, and at least 1. Where the memory is not known (`/proc/meminfo` is Linux's), the processors
/// count alone.
pub fn default_rpc_workers() -> usize {
    let information = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    rpc_workers(
        bergen_service::default_worker_count(),
        total_memory(&information),
    )
}

/// `memory` in KiB.
fn rpc_workers(processors: usize, memory: Option<usize>) -> usize {
    let fitting = memory.map_or(usize::MAX, |memory| memory / WORKER_MEMORY);
    (processors.min(fitting) / 2).max(1)
}

/// What neutron takes a worker to grow to, in KiB: 2 GiB.
const WORKER_MEMORY: usize = 2 * 1024 * 1024;

/// The memory of the machine in KiB, out of the text of `/proc/meminfo`.
fn total_memory(information: &str) -> Option<usize> {
    let total = information
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
