//! The files of a run: everything that is needed to believe its table, or to doubt it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::FaultsError;
use crate::report::{details, table};
use crate::suite::Row;

/// A run that is being put on record.
#[derive(Debug)]
pub struct Record {
    suite: &'static str,
    date: String,
    commit: String,
    changed: bool,
    command: String,
    machine: String,
}

impl Record {
    /// A record of `suite`, which is run as `command`. To be made before anything runs: it notes the commit and how busy
    /// the machine is.
    pub fn new(suite: &'static str, command: &str) -> Self {
        let folder = env!("CARGO_MANIFEST_DIR");
        let git = |arguments: &[&str]| output("git", &[&["-C", folder], arguments].concat());
        let changed = git(&["status", "--porcelain", "--", ":/", ":!/docs", ":!/*.md"]);
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        Self {
            suite,
            date: output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
            commit: git(&["rev-parse", "--short=10", "HEAD"]),
            changed: !changed.is_empty(),
            command: [vec![command.to_owned()], arguments].concat().join(" "),
            machine: format!(
                "{cores} cores, Linux {}, load before the run {}",
                kernel.trim(),
                load.split(' ').next().unwrap_or("?"),
            ),
        }
    }

    /// A run of the faults under load as JSON.
    pub fn json(&self, rows: &[Row]) -> Result<Value, FaultsError> {
        Ok(self.values(&serde_json::to_value(rows)?))
    }

    /// Writes a run of the faults under load.
    pub fn write(&self, rows: &[Row]) -> Result<PathBuf, FaultsError> {
        let text = format!(
            "Made = answered + failed with a typed error in time + lost with what the fault destroyed + gone with a killed \
             client. A request runs twice elsewhere if it was published again or delivered \
             again. Silent: the longest time without an answered call; resumed: from the end of the fault to the first \
             answer; both of the slowest direction.\n\n{}\n{}",
            table(rows),
            details(rows),
        );
        self.write_text(&serde_json::to_value(rows)?, &text)
    }

    /// Writes `<suite>-<date>-<commit>.json` and `.md` to docs/measurements; a later run of the same day and commit
    /// replaces them. Returns the Markdown file's path.
    pub fn write_text(&self, rows: &Value, text: &str) -> Result<PathBuf, FaultsError> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/measurements");
        let day = self.date.split('T').next().unwrap_or_default();
        let name = format!("{}-{day}-{}", self.suite, self.commit);
        let json = serde_json::to_string_pretty(&self.values(rows))?;
        write(&folder.join(format!("{name}.json")), &format!("{json}\n"))?;
        let markdown = folder.join(format!("{name}.md"));
        write(&markdown, &self.markdown(text))?;
        Ok(markdown)
    }

    fn values(&self, rows: &Value) -> Value {
        json!({
            "suite": self.suite,
            "date": self.date,
            "commit": self.commit,
            "uncommitted_changes": self.changed,
            "command": self.command,
            "machine": self.machine,
            "rows": rows,
        })
    }

    fn markdown(&self, text: &str) -> String {
        let changes = if self.changed {
            " with uncommitted changes"
        } else {
            ""
        };
        format!(
            "# `{}`, {}\n\nCommit `{}`{changes}. Run as `{}`.\n\n{}.\n\n{text}",
            self.suite, self.date, self.commit, self.command, self.machine,
        )
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "?".to_owned(),
    }
}

fn write(file: &Path, text: &str) -> Result<(), FaultsError> {
    fs::write(file, text).map_err(FaultsError::io(format!("writing {}", file.display())))
}
