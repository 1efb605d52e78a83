//! An L3 agent that neutron takes for its own, but for the routers: it only writes down what it would do with them.
//!
//! `l3-agent --host net-1 --url rabbit://… [--config-file …] [--state routers.json]`

mod agent;
mod desired;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bergen::openstack::neutron::{
    AGENT_OPTIONS, CONTROL_EXCHANGE_OPTIONS, NeutronService, RPC_OPTIONS, SERVICE_OPTIONS,
};
use bergen::service::{Introspection, Launcher, ServiceContext, ServiceError, ServiceSpec};
use bergen_examples::{CommandLine, failed, transport};
use clap::Parser;

use agent::L3Agent;

/// An L3 agent: registers with neutron, receives routers, and writes down how they are to be.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    common: CommandLine,
    /// The file in which the routers are kept that this host is to have.
    #[arg(long, default_value = "routers.json")]
    state: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let state = arguments.state;
    let options = [
        CONTROL_EXCHANGE_OPTIONS,
        AGENT_OPTIONS,
        SERVICE_OPTIONS,
        RPC_OPTIONS,
    ];
    let common = arguments.common;
    common.launch(
        "neutron-l3-agent",
        &options,
        |configuration, introspection| {
            let seen = introspection.clone();
            let service = ServiceSpec::new("neutron-l3-agent", move |context| {
                let (seen, state) = (seen.clone(), state.clone());
                async move { service(&context, state, &seen) }
            });
            Launcher::new(configuration).service(service)
        },
    )
}

fn service(
    context: &ServiceContext,
    state: PathBuf,
    seen: &Introspection,
) -> Result<NeutronService<L3Agent>, ServiceError> {
    let configuration = context.configuration();
    let transport = transport(configuration)?;
    let agent = L3Agent::new(&transport, &configuration.options(), state)?;
    let service = NeutronService::builder(&transport, "neutron-l3-agent")
        .options(&configuration.options())
        .map_err(failed)?
        .introspection(seen);
    Ok(service.build(Arc::new(agent)))
}
