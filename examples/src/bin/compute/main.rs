//! A compute service that nova takes for its own: it registers, sends heartbeats, and answers what nova-api asks of a
//! host. It runs no instances.
//!
//! `compute --host cmp-1 --url rabbit://… [--config-file …] [--remove]`

mod manager;

use std::process::ExitCode;
use std::time::Duration;

use bergen::openstack::nova::{NovaService, OPTIONS};
use bergen::service::{
    Launcher, RestartMethod, Service, ServiceContext, ServiceError, ServiceSpec,
};
use bergen_examples::{CommandLine, failed, transport};
use clap::Parser;

use manager::ComputeManager;

/// A compute service: registers with nova's conductor, and serves topic `compute`.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    common: CommandLine,
    /// Takes the service's record away at the end, so that nova lists it no longer.
    #[arg(long)]
    remove: bool,
    /// Seconds that it takes to enable or disable the host. A caller is told meanwhile that somebody is at work.
    #[arg(long, default_value_t = 0)]
    slow: u64,
}

fn main() -> ExitCode {
    let Arguments {
        common,
        remove,
        slow,
    } = Arguments::parse();
    let slow = Duration::from_secs(slow);
    common.launch(
        "nova-compute",
        &[OPTIONS],
        |configuration, introspection| {
            let seen = introspection.clone();
            let service = ServiceSpec::new("nova-compute", move |context| {
                let seen = seen.clone();
                async move {
                    let service = compute(&context, slow).await?;
                    service.show_in(&seen);
                    Ok(Compute { service, remove })
                }
            });
            Launcher::new(configuration)
                .service(service)
                .restart(RestartMethod::Mutate)
        },
    )
}

/// Waits for a conductor.
async fn compute(
    context: &ServiceContext,
    slow: Duration,
) -> Result<NovaService<ComputeManager>, ServiceError> {
    let configuration = context.configuration();
    NovaService::builder(&transport(configuration)?, "nova-compute")
        .options(&configuration.options())
        .map_err(failed)?
        .alternative_topic("compute-alt")
        .backdoor_port(context.backdoor_port())
        .create(|host| ComputeManager::new(host, slow))
        .await
        .map_err(failed)
}

/// The service, and whether its record outlives it.
struct Compute {
    service: NovaService<ComputeManager>,
    remove: bool,
}

impl Service for Compute {
    async fn start(&self) -> Result<(), ServiceError> {
        self.service.start().await
    }

    async fn stop(&self) {
        if !self.remove {
            self.service.stop().await;
        } else if let Err(error) = self.service.kill().await {
            tracing::error!(%error, "the record of the service is still there");
        }
    }

    async fn wait(&self) {
        self.service.wait().await;
    }

    async fn reset(&self) {
        self.service.reset().await;
    }
}
