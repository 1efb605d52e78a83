use std::process::Command;
use std::time::{Duration, Instant};

use bergen_testbed::{Management, RabbitNode};
use serde_json::Value;

use super::Place;
use super::install::Installation;
use super::mariadb::Database;
use super::neutron::Neutron;
use super::nova::Nova;
use crate::Error;
use crate::command::quiet;

/// How long a program may take until it serves; ten seconds are usual, on two cores.
pub(super) const READY: Duration = Duration::from_mins(2);

/// A neutron and a nova that run: the broker, the databases, the APIs and what stands behind them.
/// Everything ends with this value.
pub(super) struct ControlPlane {
    pub(super) neutron: Neutron,
    pub(super) nova: Nova,
    pub(super) database: Database,
    pub(super) rabbit: RabbitNode,
    // Last: the folder goes when nobody writes there any more.
    pub(super) place: Place,
}

impl ControlPlane {
    /// Starts all of it and waits until all of it serves.
    pub(super) async fn start(installation: &Installation, keep: bool) -> Result<Self, Error> {
        let start = Instant::now();
        println!("openstack: starting RabbitMQ, MariaDB, neutron and nova");
        let place = Place::new(keep)?;
        let rabbit = RabbitNode::builder()
            // The consumers in its lists are what is waited for.
            .config("collect_statistics_interval = 1000")
            .start();
        let (rabbit, database) = tokio::join!(rabbit, start_database(installation, &place));
        let (rabbit, database) = (rabbit?, database?);
        let url = rabbit.url("");
        let mut neutron = Neutron::start(installation, &place, &url)?;
        let mut nova = Nova::start(installation, &place, &url)?;
        let management = rabbit.management();
        neutron.ready(&management).await?;
        nova.ready(&management).await?;
        let seconds = start.elapsed().as_secs_f64();
        println!("openstack: neutron and nova serve ({seconds:.0} s)");
        Ok(Self {
            neutron,
            nova,
            database,
            rabbit,
            place,
        })
    }
}

/// Fails as long as nobody consumes from a queue of the virtual host `/`.
pub(super) async fn consumed(management: &Management, queue: &str) -> Result<(), Error> {
    let queue = management.queue("/", queue).await?;
    match queue.get("consumers").and_then(Value::as_u64) {
        Some(1..) => Ok(()),
        _ => Err(Error::Wrong(format!("nobody consumes from {queue}"))),
    }
}

async fn start_database(installation: &Installation, place: &Place) -> Result<Database, Error> {
    let data = place.folder().join("databases");
    let mut copy = Command::new("cp");
    copy.args(["--recursive", "--reflink=auto"]);
    quiet(copy.arg(&installation.databases).arg(&data))?;
    let python = installation.python();
    installation.mariadb.start(&data, &python, place).await
}
