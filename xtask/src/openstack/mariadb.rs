use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{Daemon, Place};
use crate::Error;
use crate::command::{quiet, root};
use crate::setup::apt;

/// The programs of `MariaDB`, of the machine or unpacked.
pub(super) struct MariaDb {
    /// The folder that is `/usr` in the packages.
    base: PathBuf,
}

/// A server on a socket in a private folder; there is no port and there are no passwords.
pub(super) struct Database {
    daemon: Daemon,
    socket: PathBuf,
    python: PathBuf,
}

impl MariaDb {
    /// Finds the programs, or brings Debian's packages of them into `folder`.
    pub(super) fn set_up(folder: &Path) -> Result<Self, Error> {
        let root = folder.join("mariadb");
        let places = [root.join("usr"), PathBuf::from("/usr")];
        for base in places {
            let found = Self { base };
            if found.works().is_ok() {
                return Ok(found);
            }
        }
        println!("openstack: MariaDB is not installed; unpacking Debian's packages (8 MB)");
        let unpacked = Self {
            base: root.join("usr"),
        };
        apt::unpack(
            "mariadb-server-core",
            &["mariadb-", "libnuma", "liburing"],
            &root,
        )
        .and_then(|()| unpacked.works())
        .map_err(|error| Error::ByHand {
            what: format!("MariaDB cannot be had here: {error}"),
            how: "sudo apt-get install --no-install-recommends mariadb-server-core".to_owned(),
        })?;
        Ok(unpacked)
    }

    /// Makes a data folder with nothing but the server's own tables.
    pub(super) fn bootstrap(&self, data: &Path) -> Result<(), Error> {
        let own = data.join("mysql");
        fs::create_dir_all(&own).map_err(Error::file(&own))?;
        let mut statements = b"use mysql;\n".to_vec();
        for name in ["mysql_system_tables.sql", "mysql_system_tables_data.sql"] {
            let file = self.share().join(name);
            statements.extend(fs::read(&file).map_err(Error::file(&file))?);
        }
        let log = data.with_extension("log");
        let output = fs::File::create(&log).map_err(Error::file(&log))?;
        let mut command = self.server(data);
        command.arg("--bootstrap").stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(output);
        let start = |source| Error::Start {
            program: "mariadbd".to_owned(),
            source,
        };
        let mut child = command.spawn().map_err(start)?;
        if let Some(mut stdin) = child.stdin.take() {
            // If it ends before it has read all, its status says so.
            let _ = stdin.write_all(&statements);
        }
        let status = child.wait().map_err(start)?;
        let said = fs::read_to_string(&log).unwrap_or_default();
        fs::remove_file(&log).map_err(Error::file(&log))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Wrong(format!(
            "mariadbd --bootstrap failed ({status}): {said}"
        )))
    }

    /// Starts a server on a data folder and waits until it answers. `python` is one with
    /// `PyMySQL`.
    pub(super) async fn start(
        &self,
        data: &Path,
        python: &Path,
        place: &Place,
    ) -> Result<Database, Error> {
        let socket = place.socket();
        let mut command = self.server(data);
        command
            .arg(format!("--socket={}", socket.display()))
            .arg(format!("--pid-file={}", data.join("pid").display()))
            .args(["--skip-networking", "--skip-log-bin"])
            // Nobody needs the data after a power cut.
            .args(["--innodb-flush-log-at-trx-commit=0"]);
        let mut database = Database {
            daemon: Daemon::start("mariadbd", command, place)?,
            socket,
            python: python.to_owned(),
        };
        let (socket, python) = (database.socket.clone(), database.python.clone());
        database
            .daemon
            .until(Duration::from_secs(30), async || {
                query(&python, &socket, "", "select 1")
            })
            .await?;
        Ok(database)
    }

    fn server(&self, data: &Path) -> Command {
        let mut command = self.program();
        command
            // One that root starts wants to be told; others take no notice.
            .args(["--no-defaults", "--user=root"])
            .arg(format!("--basedir={}", self.base.display()))
            .arg(format!("--datadir={}", data.display()))
            .arg("--innodb-log-file-size=8M");
        command
    }

    fn works(&self) -> Result<(), Error> {
        quiet(self.program().arg("--version"))?;
        let tables = self.share().join("mysql_system_tables.sql");
        fs::metadata(&tables).map_err(Error::file(&tables))?;
        Ok(())
    }

    fn program(&self) -> Command {
        let mut command = Command::new(self.base.join("sbin/mariadbd"));
        let libraries = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
        command.env("LD_LIBRARY_PATH", self.base.join(libraries));
        command
    }

    /// Where the statements for the server's own tables are; it depends on the version.
    fn share(&self) -> PathBuf {
        let newer = self.base.join("share/mariadb");
        if newer.exists() {
            return newer;
        }
        self.base.join("share/mysql")
    }
}

impl Database {
    /// Runs a statement; an array of objects, one for each row.
    pub(super) fn query(&self, database: &str, statement: &str) -> Result<Value, Error> {
        query(&self.python, &self.socket, database, statement)
    }

    /// Ends the server in order, so that its data can be copied.
    pub(super) async fn stop(self) -> Result<(), Error> {
        self.daemon.stop(Duration::from_mins(1)).await
    }
}

fn query(python: &Path, socket: &Path, database: &str, statement: &str) -> Result<Value, Error> {
    let mut command = Command::new(python);
    command
        .arg(root().join("testbed/openstack/query.py"))
        .arg(socket);
    let rows = quiet(command.args([database, statement]))?;
    serde_json::from_str(&rows).map_err(|error| Error::Wrong(format!("{statement}: {error}")))
}
