//! A conductor as far as services need one to register and to send heartbeats, on an embedded database: so that
//! `compute` runs with no OpenStack at hand. Beside its own API it serves a second one in a namespace of its own.
//!
//! `conductor --host ctl-1 --url rabbit://… [--config-file …] [--database nova.sqlite]`

mod api;
mod database;
mod manager;

use std::path::PathBuf;
use std::process::ExitCode;

use bergen::config::Configuration;
use bergen::openstack::nova::{NovaService, OPTIONS};
use bergen::service::{
    Launcher, RestartMethod, ServiceContext, ServiceError, ServiceSpec, default_worker_count,
};
use bergen_examples::{CommandLine, failed, transport};
use clap::Parser;

use database::Database;
use manager::ConductorManager;

/// A conductor with `[conductor] workers`: keeps the records of services in an embedded database.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    common: CommandLine,
    /// The database's file; made if there is none.
    #[arg(long, default_value = "nova.sqlite")]
    database: PathBuf,
}

fn main() -> ExitCode {
    let Arguments { common, database } = Arguments::parse();
    common.launch(
        "nova-conductor",
        &[OPTIONS],
        |configuration, introspection| {
            let seen = introspection.clone();
            let workers = workers(&configuration);
            let service = ServiceSpec::new("nova-conductor", move |context| {
                let (seen, database) = (seen.clone(), database.clone());
                async move {
                    let service = conductor(&context, database).await?;
                    service.show_in(&seen);
                    Ok(service)
                }
            });
            Launcher::new(configuration)
                .service(service.workers(workers))
                .restart(RestartMethod::Mutate)
        },
    )
}

/// It has the database, so it waits for nobody.
async fn conductor(
    context: &ServiceContext,
    database: PathBuf,
) -> Result<NovaService<ConductorManager>, ServiceError> {
    let configuration = context.configuration();
    let database = Database::open(&database).map_err(failed)?;
    NovaService::builder(&transport(configuration)?, "nova-conductor")
        .options(&configuration.options())
        .map_err(failed)?
        .backdoor_port(context.backdoor_port())
        .records(database.clone())
        .create(|_host| ConductorManager::new(database))
        .await
        .map_err(failed)
}

fn workers(configuration: &Configuration) -> usize {
    let workers: Option<usize> = configuration.options().get("conductor", "workers").ok();
    workers.unwrap_or_else(default_worker_count)
}
