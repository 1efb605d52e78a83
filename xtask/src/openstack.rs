use clap::{Args, Subcommand};

use crate::{Error, broker};

mod api;
mod checks;
mod compute;
mod control_plane;
mod daemon;
mod install;
mod l3_agent;
mod mariadb;
mod neutron;
mod nova;
mod place;
mod reference;
mod schema;
mod test;

use control_plane::ControlPlane;
use daemon::Daemon;
use install::Installation;
use place::Place;

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Starts neutron and nova, says where they are, and ends them on Ctrl-C.
    Up(Keep),
    /// Starts neutron and nova and our services beside them, and asserts over their APIs and
    /// databases that those are what neutron and nova take them for.
    Test(test::Options),
}

#[derive(Args)]
struct Keep {
    /// Leaves the folder of logs, configuration and databases when all has ended.
    #[arg(long)]
    keep: bool,
}

/// The configuration files of what is tested.
const L3_AGENT: &str = include_str!("../../testbed/openstack/l3-agent.conf");
const COMPUTE: &str = include_str!("../../testbed/openstack/compute.conf");

/// Runs the real neutron and nova on this machine, with a broker and databases of their own.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let runtime = broker::runtime()?;
    match &options.act {
        Act::Up(keep) => runtime.block_on(up(keep.keep)),
        Act::Test(options) => runtime.block_on(test::run(options)),
    }
}

async fn up(keep: bool) -> Result<(), Error> {
    let installation = Installation::set_up().await?;
    let plane = ControlPlane::start(&installation, keep).await?;
    let url = plane.rabbit.url("");
    let agent = plane.place.write("l3-agent.conf", L3_AGENT, &[])?;
    let compute = plane.place.write("compute.conf", COMPUTE, &[])?;
    println!(
        "
transport URL   {url}
RabbitMQ        {}
neutron         {}/agents
nova            {}/os-services
MariaDB         {}
configuration   {}
logs            {}

target/debug/l3-agent --host net-1 --url {url} --config-file {}
target/debug/compute --host cmp-1 --url {url} --config-file {}

Ctrl-C ends all of it.",
        plane.rabbit.management_url(),
        plane.neutron.url(),
        plane.nova.url(),
        plane.place.socket().display(),
        plane.place.etc().display(),
        plane.place.logs().display(),
        agent.display(),
        compute.display(),
    );
    tokio::signal::ctrl_c()
        .await
        .map_err(|source| Error::Start {
            program: "a handler of Ctrl-C".to_owned(),
            source,
        })
}
