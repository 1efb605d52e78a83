//! The file of a measurement: everything that is needed to believe its figures, or to doubt them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::BenchError;
use crate::machine::{Machine, locked_version, output_of};

/// The lock file that this program was built with.
const LOCK: &str = include_str!("../../Cargo.lock");

/// Where measurements are kept.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/measurements");

/// A measurement that is being put together.
#[derive(Debug)]
pub struct Record {
    bench: &'static str,
    date: String,
    commit: String,
    changed: bool,
    command: String,
    machine: Machine,
    versions: Map<String, Value>,
    parts: Map<String, Value>,
    text: String,
    picture: Option<String>,
}

impl Record {
    /// A record of the benchmark `bench` (`amqp`, `rpc`). `crates` are those whose versions matter.
    ///
    /// To be made before anything is measured: it notes the commit and how busy the machine is, and
    /// both may change while the benchmark runs.
    pub fn new(bench: &'static str, crates: &[&str]) -> Self {
        let folder = env!("CARGO_MANIFEST_DIR");
        let git = |arguments: &[&str]| output_of("git", &[&["-C", folder], arguments].concat());
        let status = git(&["status", "--porcelain", "--", ":/", ":!/docs", ":!/*.md"]);
        let mut versions = Map::new();
        let rustc = output_of("rustc", &["--version"]);
        let rustc = rustc.strip_prefix("rustc ").unwrap_or(&rustc);
        versions.insert("rustc".to_owned(), rustc.into());
        for name in crates {
            versions.insert((*name).to_owned(), locked_version(LOCK, name).into());
        }
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        // What was really run, whoever started it; `cargo xtask bench` builds it first.
        let command = [&[format!("bench-{bench}")], arguments.as_slice()].concat();
        Self {
            bench,
            date: output_of("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
            commit: git(&["rev-parse", "--short=10", "HEAD"]),
            changed: !status.is_empty(),
            command: command.join(" "),
            machine: Machine::here(),
            versions,
            parts: Map::new(),
            text: String::new(),
            picture: None,
        }
    }

    /// Adds the version of something that is no crate.
    pub fn version(&mut self, name: &str, version: impl Into<String>) {
        self.versions
            .insert(name.to_owned(), Value::String(version.into()));
    }

    /// Adds figures under a name to the JSON file.
    pub fn figures(
        &mut self,
        name: &str,
        figures: impl serde::Serialize,
    ) -> Result<(), BenchError> {
        self.parts
            .insert(name.to_owned(), serde_json::to_value(figures)?);
        Ok(())
    }

    /// Adds a paragraph or a table to the Markdown file.
    pub fn text(&mut self, text: impl std::fmt::Display) {
        let text = text.to_string();
        if !text.is_empty() {
            self.text.push_str(text.trim_end());
            self.text.push_str("\n\n");
        }
    }

    /// Adds an SVG picture, in a file of its own beside the Markdown file, which shows it.
    pub fn picture(&mut self, about: &str, svg: impl std::fmt::Display) {
        self.text(format!("![{about}]({}.svg)", self.name()));
        self.picture = Some(svg.to_string());
    }

    /// The Markdown file.
    pub fn markdown(&self) -> String {
        let machine = &self.machine;
        let changes = if self.changed {
            " with uncommitted changes"
        } else {
            ""
        };
        let versions = self
            .versions
            .iter()
            .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or("?")));
        format!(
            "# `{}`, {}\n\nCommit `{}`{changes}. Run as `{}`, which `cargo xtask bench {}` builds first.\n\n{}, {} cores, {} MiB, Linux {}; \
             load before the run {:.2}.{}\n\n{}.\n\n{}\n",
            self.bench,
            self.date,
            self.commit,
            self.command,
            self.bench,
            machine.processor,
            machine.cores,
            machine.memory_mib,
            machine.kernel,
            machine.load_before,
            machine.caution(),
            versions.collect::<Vec<_>>().join(", "),
            self.text.trim_end(),
        )
    }

    /// Writes `<bench>-<date>-<commit>.json` and `.md`, and the picture, to docs/measurements; a later run of the same
    /// day and commit replaces them. Returns the Markdown file's path.
    pub fn write(&self) -> Result<PathBuf, BenchError> {
        let folder = Path::new(FOLDER);
        fs::create_dir_all(folder)
            .map_err(BenchError::io(format!("making {}", folder.display())))?;
        let name = self.name();
        let json = serde_json::to_string_pretty(&self.json())?;
        write_file(&folder.join(format!("{name}.json")), &format!("{json}\n"))?;
        if let Some(svg) = &self.picture {
            write_file(&folder.join(format!("{name}.svg")), svg)?;
        }
        let markdown = folder.join(format!("{name}.md"));
        write_file(&markdown, &self.markdown())?;
        Ok(markdown)
    }

    fn name(&self) -> String {
        let day = self.date.split('T').next().unwrap_or_default();
        format!("{}-{day}-{}", self.bench, self.commit)
    }

    fn json(&self) -> Value {
        let mut json = json!({
            "bench": self.bench,
            "date": self.date,
            "commit": self.commit,
            "uncommitted_changes": self.changed,
            "command": self.command,
            "machine": self.machine,
            "versions": self.versions,
        });
        if let Some(json) = json.as_object_mut() {
            json.extend(self.parts.clone());
        }
        json
    }
}

/// Writes a file whole.
pub fn write_file(file: &Path, text: &str) -> Result<(), BenchError> {
    fs::write(file, text).map_err(BenchError::io(format!("writing {}", file.display())))
}

#[cfg(test)]
mod tests;
