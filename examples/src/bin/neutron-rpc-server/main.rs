//! neutron's RPC side as far as an L3 agent needs it, on an embedded database: so that the agent runs with no OpenStack
//! at hand.
//!
//! `neutron-rpc-server --host ctl-1 --url rabbit://… [--config-file …] [--database neutron.sqlite]`

mod agents;
mod database;
mod l3_plugin;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use bergen::config::Configuration;
use bergen::openstack::neutron::{
    CONTROL_EXCHANGE_OPTIONS, RPC_OPTIONS, SERVER_OPTIONS, default_rpc_workers,
};
use bergen::service::{Launcher, ServiceSpec};
use bergen_examples::CommandLine;
use clap::Parser;

use worker::{Topics, Worker};

/// Answers state reports and the synchronisation of L3 agents from an embedded database.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    common: CommandLine,
    /// The database's file; made, with one router in it, if there is none.
    #[arg(long, default_value = "neutron.sqlite")]
    database: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let database = arguments.database;
    let options = [CONTROL_EXCHANGE_OPTIONS, RPC_OPTIONS, SERVER_OPTIONS];
    let common = arguments.common;
    common.launch(
        "neutron-rpc-server",
        &options,
        |configuration, introspection| {
            let rpc = workers(&configuration, "rpc_workers").unwrap_or_else(default_rpc_workers);
            let reports = workers(&configuration, "rpc_state_report_workers").unwrap_or(1);
            let services = [
                ("rpc", Topics::All, rpc),
                ("rpc-reports", Topics::Reports, reports),
            ];
            let launcher = Launcher::new(configuration).supervised();
            services
                .into_iter()
                .filter(|(_, _, workers)| *workers > 0)
                .fold(launcher, |launcher, (name, topics, workers)| {
                    let (seen, database) = (introspection.clone(), database.clone());
                    let service = ServiceSpec::new(name, move |context| {
                        let (seen, database) = (seen.clone(), database.clone());
                        async move {
                            let worker = Worker::new(&context, topics, &database)?;
                            worker.show_in(name, &seen);
                            Ok(worker)
                        }
                    });
                    launcher.service(service.workers(workers))
                })
        },
    )
}

/// The number of workers that an option says, if it says one.
fn workers(configuration: &Configuration, option: &str) -> Option<usize> {
    configuration.options().get("DEFAULT", option).ok()
}
