use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bergen_testbed::Guarded;

use crate::Error;

#[cfg(test)]
mod tests;

/// The private folder of a run: configuration, logs, databases, the state of the services.
pub(super) struct Place {
    folder: PathBuf,
    // Removes the folder when it goes, which is also when this process dies in whatever way.
    keeper: Option<Guarded>,
}

impl Place {
    /// Makes the folder; with `keep` it stays when all is over, for those who want to read on.
    pub(super) fn new(keep: bool) -> Result<Self, Error> {
        let folder = std::env::temp_dir().join(format!("bergen-openstack-{}", std::process::id()));
        for part in ["log", "etc", "state"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).map_err(Error::file(&part))?;
        }
        let keeper = if keep {
            None
        } else {
            let mut command = Command::new("sleep");
            command.arg("infinity");
            command.stdin(Stdio::null()).stdout(Stdio::null());
            Some(Guarded::spawn("sleep", &mut command, Some(&folder))?)
        };
        Ok(Self { folder, keeper })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The log file of a program.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// The folder of log files.
    pub(super) fn logs(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The folder of configuration files.
    pub(super) fn etc(&self) -> PathBuf {
        self.folder.join("etc")
    }

    /// Where the services may write.
    pub(super) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// The socket of the database server.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join("mariadb.sock")
    }

    /// Writes a configuration file, with each `{name}` of the template replaced by its value.
    pub(super) fn write(
        &self,
        name: &str,
        template: &str,
        values: &[(&str, String)],
    ) -> Result<PathBuf, Error> {
        let file = self.etc().join(name);
        fs::write(&file, fill(template, values)).map_err(Error::file(&file))?;
        Ok(file)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.keeper.is_none() {
            println!(
                "openstack: all that was written stays in {}",
                self.folder.display()
            );
        }
    }
}

fn fill(template: &str, values: &[(&str, String)]) -> String {
    let replace =
        |text: String, (name, value): &(&str, String)| text.replace(&format!("{{{name}}}"), value);
    values.iter().fold(template.to_owned(), replace)
}
