use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Error;
use crate::command::{find, quiet};

/// Downloads a package and those of its dependencies whose names begin with one of `prefixes`, and
/// unpacks them into `root`. Nothing is installed and nothing of the system's changes; the other
/// dependencies are libraries that every system has.
pub(crate) fn unpack(package: &str, prefixes: &[&str], root: &Path) -> Result<(), Error> {
    for tool in ["apt-get", "apt-cache", "dpkg"] {
        if find(tool).is_none() {
            return Err(Error::Wrong(format!("{tool} is not on this machine")));
        }
    }
    let work = root.with_extension("work");
    clear(&work)?;
    clear(root)?;
    let mut apt = Apt::default();
    let mut packages = apt.closure(package, prefixes);
    if packages.is_empty() {
        println!("setup: the machine has no package lists; fetching some of our own");
        apt = Apt::private(&work)?;
        packages = apt.closure(package, prefixes);
    }
    if packages.is_empty() {
        return Err(Error::Wrong(format!("apt knows no package {package}")));
    }
    println!("setup: downloading {} packages", packages.len());
    quiet(
        apt.command("apt-get")
            .current_dir(&work)
            .arg("download")
            .args(&packages),
    )?;
    for entry in fs::read_dir(&work).map_err(Error::file(&work))?.flatten() {
        let file = entry.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            quiet(Command::new("dpkg").arg("-x").arg(&file).arg(root))?;
        }
    }
    fs::remove_dir_all(&work).map_err(Error::file(&work))
}

/// How apt is to be called: with the system's package lists or with private ones.
#[derive(Default)]
struct Apt {
    options: Vec<String>,
}

impl Apt {
    /// Package lists below `work`, from the system's sources, without root.
    fn private(work: &Path) -> Result<Self, Error> {
        let lists = work.join("lists");
        let partial = lists.join("partial");
        fs::create_dir_all(&partial).map_err(Error::file(&partial))?;
        let apt = Self {
            options: vec![
                format!("Dir::State::lists={}", lists.display()),
                format!("Dir::Cache={}", work.join("cache").display()),
                "Debug::NoLocking=true".to_owned(),
            ],
        };
        let cache = work.join("cache/archives/partial");
        fs::create_dir_all(&cache).map_err(Error::file(&cache))?;
        quiet(apt.command("apt-get").arg("update"))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // apt would otherwise drop to a user who may not write below target/.
        command.args(["-o", "APT::Sandbox::User=root"]);
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }

    /// The package and what it needs, of those whose names begin with one of `prefixes`.
    fn closure(&self, package: &str, prefixes: &[&str]) -> BTreeSet<String> {
        let mut command = self.command("apt-cache");
        command.args(["depends", "--recurse", "--important", package]);
        // apt-cache fails when it knows no such package: the same as knowing nothing of it.
        let Ok(listing) = quiet(&mut command) else {
            return BTreeSet::new();
        };
        let mut packages = BTreeSet::new();
        for name in listing.lines().filter(|line| !line.starts_with([' ', '<'])) {
            if name == package || prefixes.iter().any(|prefix| name.starts_with(prefix)) {
                packages.insert(name.to_owned());
            }
        }
        packages
    }
}

fn clear(folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(Error::file(folder))?;
    }
    fs::create_dir_all(folder).map_err(Error::file(folder))
}
