use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use bergen_testbed::Tools;

use super::mariadb::MariaDb;
use super::schema;
use crate::Error;
use crate::command::root;
use crate::setup::python;

/// What is laid down under target/ once, and then stays.
pub(super) struct Installation {
    /// The virtual environment with neutron.
    pub(super) neutron: PathBuf,
    /// The virtual environment with nova.
    pub(super) nova: PathBuf,
    pub(super) mariadb: MariaDb,
    /// A data folder of the database server with the schemas of both, to be copied.
    pub(super) databases: PathBuf,
}

impl Installation {
    /// Brings what is not there yet; a second time does nothing and needs no network.
    pub(super) async fn set_up() -> Result<Self, Error> {
        crate::setup::run()?;
        let folder = Tools::folder().join("openstack");
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        let mariadb = MariaDb::set_up(&folder)?;
        let (neutron, nova) = thread::scope(|scope| {
            let neutron = scope.spawn(|| environment(&folder, "neutron"));
            let nova = environment(&folder, "nova");
            let neutron = neutron.join();
            let lost = |_| Err(Error::Wrong("installing neutron panicked".to_owned()));
            (neutron.unwrap_or_else(lost), nova)
        });
        let installation = Self {
            neutron: neutron?,
            nova: nova?,
            mariadb,
            databases: folder.join("databases"),
        };
        schema::set_up(&installation).await?;
        Ok(installation)
    }

    /// The Python with which the database is asked.
    pub(super) fn python(&self) -> PathBuf {
        self.nova.join("bin/python")
    }
}

/// The file of the versions that a virtual environment holds.
pub(super) fn requirements(name: &str) -> PathBuf {
    root().join(format!("testbed/openstack/{name}.txt"))
}

/// Makes a virtual environment, unless it is there with these very versions.
fn environment(folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let file = requirements(name);
    let requirements = fs::read_to_string(&file).map_err(Error::file(&file))?;
    let environment = folder.join(name);
    // Written last: what is not stamped was interrupted, or is for other versions.
    let stamp = environment.join("requirements.done");
    let done = fs::read_to_string(&stamp).is_ok_and(|text| text == requirements);
    if done && python::runs(&environment.join("bin/python")) {
        return Ok(environment);
    }
    println!("openstack: installing {name} with its 100 packages, which takes some minutes");
    let start = Instant::now();
    python::make_environment(&environment, &file)?;
    fs::write(&stamp, requirements).map_err(Error::file(&stamp))?;
    let seconds = start.elapsed().as_secs();
    println!("openstack: {name} is installed ({seconds} s)");
    Ok(environment)
}
