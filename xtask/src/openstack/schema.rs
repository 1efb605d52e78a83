use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use super::install::{Installation, requirements};
use super::{Place, neutron, nova};
use crate::Error;
use crate::command::quiet;

/// All that nova and neutron keep, empty.
const DATABASES: [&str; 4] = ["neutron", "nova_api", "nova_cell0", "nova_cell1"];

/// Makes the databases and lets neutron and nova migrate them to their newest schemas, unless that
/// was done for these versions. A run then copies the folder, which takes a second instead of a
/// minute.
pub(super) async fn set_up(installation: &Installation) -> Result<(), Error> {
    let data = &installation.databases;
    let mut versions = String::new();
    for name in ["neutron", "nova"] {
        let file = requirements(name);
        versions += &fs::read_to_string(&file).map_err(Error::file(&file))?;
    }
    // Written last, as the stamps of the virtual environments.
    let stamp = data.join("versions.done");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == versions) {
        return Ok(());
    }
    println!("openstack: making the databases of neutron and nova, which takes a minute or two");
    let start = Instant::now();
    if data.exists() {
        fs::remove_dir_all(data).map_err(Error::file(data))?;
    }
    installation.mariadb.bootstrap(data)?;
    let place = Place::new(false)?;
    let database = installation
        .mariadb
        .start(data, &installation.python(), &place)
        .await?;
    for name in DATABASES {
        database.query("", &format!("create database {name} character set utf8mb3"))?;
    }
    // Complete, since nova-manage checks what it makes of it; nothing is sent.
    let url = "rabbit://guest:guest@127.0.0.1:5672/";
    let neutron_file = neutron::configure(&installation.neutron, &place, url)?;
    let nova_file = nova::configure(&installation.nova, &place, url)?;
    thread::scope(|scope| {
        let neutron = scope.spawn(|| migrate_neutron(&installation.neutron, &neutron_file));
        let nova = migrate_nova(&installation.nova, &nova_file);
        let lost = |_| Err(Error::Wrong("migrating neutron panicked".to_owned()));
        neutron.join().unwrap_or_else(lost).and(nova)
    })?;
    database.stop().await?;
    fs::write(&stamp, versions).map_err(Error::file(&stamp))?;
    let seconds = start.elapsed().as_secs();
    println!("openstack: the databases are made ({seconds} s)");
    Ok(())
}

fn migrate_neutron(environment: &Path, file: &Path) -> Result<(), Error> {
    let mut command = Command::new(environment.join("bin/neutron-db-manage"));
    command.arg("--config-file").arg(file);
    quiet(command.args(["upgrade", "head"]))?;
    Ok(())
}

/// The cells' addresses are patterns, which nova fills from its configuration: the socket and the
/// broker are others in each run.
fn migrate_nova(environment: &Path, file: &Path) -> Result<(), Error> {
    let database = |name| format!("{{scheme}}://{{username}}@{{hostname}}/{name}?{{query}}");
    let broker = "{scheme}://{username}:{password}@{hostname}:{port}/{path}";
    let manage = |arguments: &[&str]| {
        let mut command = Command::new(environment.join("bin/nova-manage"));
        command.arg("--config-file").arg(file);
        quiet(command.args(arguments)).map(|_| ())
    };
    manage(&["api_db", "sync"])?;
    let cell0 = database("nova_cell0");
    manage(&["cell_v2", "map_cell0", "--database_connection", &cell0])?;
    manage(&["db", "sync"])?;
    let cell1 = database("nova_cell1");
    let addresses = ["--database_connection", &cell1, "--transport-url", broker];
    manage(
        &[
            &["cell_v2", "create_cell", "--name", "cell1"],
            &addresses[..],
        ]
        .concat(),
    )
}
