use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use super::checks::Checks;
use super::control_plane::ControlPlane;
use super::install::Installation;
use super::reference::{Program, Reference};
use super::{COMPUTE, Keep, L3_AGENT, compute, l3_agent};
use crate::Error;
use crate::command::{built, cargo, shown};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    keep: Keep,
    /// An L3 agent to be tested in the place of ours; it gets the same options.
    #[arg(long, value_name = "PROGRAM")]
    l3_agent: Option<PathBuf>,
    /// A compute service to be tested in the place of ours; it gets the same options.
    #[arg(long, value_name = "PROGRAM")]
    compute: Option<PathBuf>,
}

/// How long a service may take until it is seen dead, or alive again, when the broker went or came.
const LIFE: Duration = Duration::from_mins(1);

/// Brings neutron and nova up, and asks them about services that run beside them.
pub(super) async fn run(options: &Options) -> Result<(), Error> {
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
    let agent = program(options.l3_agent.as_deref(), "l3-agent")?;
    let compute = program(options.compute.as_deref(), "compute")?;
    let installation = Installation::set_up().await?;
    let mut plane = ControlPlane::start(&installation, options.keep.keep).await?;
    let url = plane.rabbit.url("");
    let agent = Program {
        name: "l3-agent",
        host: "net-1",
        path: agent,
        configuration: L3_AGENT,
    };
    let compute = Program {
        name: "compute",
        host: "cmp-1",
        path: compute,
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

/// The program that was named, else ours; it runs in another folder than this one.
fn program(named: Option<&Path>, own: &str) -> Result<PathBuf, Error> {
    let file = named.map_or_else(|| built(own), Path::to_owned);
    fs::canonicalize(&file).map_err(Error::file(&file))
}
