use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};

use crate::command::{built, cargo, shown};
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

use checks::Checks;
use control_plane::ControlPlane;
use daemon::Daemon;
use install::Installation;
use place::Place;
use reference::{Program, Reference};

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
    Test(Test),
}

#[derive(Args)]
struct Keep {
    /// Leaves the folder of logs, configuration and databases when all has ended.
    #[arg(long)]
    keep: bool,
}

#[derive(Args)]
struct Test {
    #[command(flatten)]
    keep: Keep,
    /// An L3 agent to be tested in the place of ours; it gets the same options.
    #[arg(long, value_name = "PROGRAM")]
    l3_agent: Option<PathBuf>,
    /// A compute service to be tested in the place of ours; it gets the same options.
    #[arg(long, value_name = "PROGRAM")]
    compute: Option<PathBuf>,
}

/// The configuration files of what is tested.
const L3_AGENT: &str = include_str!("../../testbed/openstack/l3-agent.conf");
const COMPUTE: &str = include_str!("../../testbed/openstack/compute.conf");

/// How long a service may take until it is seen dead, or alive again, when the broker went or came.
const LIFE: Duration = Duration::from_mins(1);

/// Runs the real neutron and nova on this machine, with a broker and databases of their own.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let runtime = broker::runtime()?;
    match &options.act {
        Act::Up(keep) => runtime.block_on(up(keep.keep)),
        Act::Test(options) => runtime.block_on(test(options)),
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

async fn test(options: &Test) -> Result<(), Error> {
    let start = Instant::now();
    if options.l3_agent.is_none() || options.compute.is_none() {
        let build = [
            "build",
            "--quiet",
            "--locked",
            "--package",
            "bergen-examples",
            "--bins",
        ];
        shown(cargo().args(build))?;
    }
    let installation = Installation::set_up().await?;
    let mut plane = ControlPlane::start(&installation, options.keep.keep).await?;
    let url = plane.rabbit.url("");
    let path = |given: &Option<PathBuf>, own| given.clone().unwrap_or_else(|| built(own));
    let agent = Program {
        name: "l3-agent",
        host: "net-1",
        path: path(&options.l3_agent, "l3-agent"),
        configuration: L3_AGENT,
    };
    let compute = Program {
        name: "compute",
        host: "cmp-1",
        path: path(&options.compute, "compute"),
        configuration: COMPUTE,
    };
    let mut agent = Reference::start(agent, url.clone(), &plane.place)?;
    let mut compute = Reference::start(compute, url, &plane.place)?;
    let mut checks = Checks::default();
    let agent_lives = l3_agent::lives(&mut checks, &plane, &mut agent).await;
    let compute_lives = compute::lives(&mut checks, &plane, &mut compute).await;
    if agent_lives && compute_lives {
        restart(&mut checks, &mut plane, &mut agent, &mut compute).await;
        l3_agent::ends(&mut checks, &plane, &mut agent).await;
        compute::ends(&mut checks, &plane, &mut compute).await;
    }
    checks.result(start)
}

/// The broker is away until neutron and nova give both up; when it is back, both come back, as the
/// programs that they are: nobody starts anything again.
async fn restart(
    checks: &mut Checks,
    plane: &mut ControlPlane,
    agent: &mut Reference,
    compute: &mut Reference,
) {
    let away = async {
        plane.rabbit.stop().await?;
        l3_agent::is(plane, agent, false, LIFE).await?;
        compute::is(plane, compute, "down", LIFE).await
    };
    checks.check("without a broker both turn dead", away).await;
    let back = async { Ok(plane.rabbit.start().await?) };
    checks.check("the broker is back", back).await;
    let alive = l3_agent::is(plane, agent, true, LIFE);
    checks
        .check("L3 agent: alive again without help", alive)
        .await;
    let up = async {
        compute::is(plane, compute, "up", LIFE).await?;
        compute::counts(plane, compute).await
    };
    checks.check("compute: up again without help", up).await;
}

/// An API program of `environment`, in the way that both projects are deployed.
fn uwsgi(environment: &Path, port: u16, module: &str) -> Command {
    let mut command = Command::new(environment.join("bin/uwsgi"));
    command
        .args(["--http-socket", &format!("127.0.0.1:{port}")])
        .args(["--module", module, "--threads", "4", "--enable-threads"])
        // Workers load the application themselves: its threads would not live through a fork.
        .args([
            "--master",
            "--processes",
            "1",
            "--lazy-apps",
            "--die-on-term",
        ])
        .args(["--buffer-size", "65535"]);
    command
}
