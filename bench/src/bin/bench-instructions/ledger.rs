//! The table in the repository: what each section took when it was counted last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bergen_bench::BenchError;
use bergen_bench::machine::{Machine, output_of};
use bergen_bench::record;
use bergen_bench::table::{Table, figure};
use serde::{Deserialize, Serialize};

use crate::callgrind::Cost;
use crate::messages::VALUE_BYTES;
use crate::sections::{PARTS, SECTIONS};

/// The counts, and what they depend on beside our code. No date and no commit: the file changes when
/// a count does, and its history has both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ledger {
    rustc: String,
    valgrind: String,
    /// The C library, whose allocator is counted with us.
    libc: String,
    processor: String,
    sections: BTreeMap<String, Counts>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
    #[serde(default)]
    parts: BTreeMap<String, f64>,
}

impl Ledger {
    /// The one in the repository; empty if there is none yet.
    pub(crate) fn kept() -> Result<Self, BenchError> {
        match fs::read_to_string(file("json")) {
            Ok(text) => Ok(serde_json::from_str(&text)?),
            Err(_) => Ok(Self::default()),
        }
    }

    /// The same counts, to be replaced by those of this machine and this compiler.
    pub(crate) fn renewed(&self, valgrind: &str) -> Self {
        let rustc = output_of("rustc", &["--version"]);
        let libc = output_of("getconf", &["GNU_LIBC_VERSION"]);
        Self {
            rustc: rustc.trim_start_matches("rustc ").to_owned(),
            valgrind: valgrind.to_owned(),
            libc,
            processor: Machine::here().processor,
            sections: self.sections.clone(),
        }
    }

    pub(crate) fn counts(&self, section: &str) -> Option<&Counts> {
        self.sections.get(section)
    }

    /// Notes a count, without the digits that differ from run to run.
    pub(crate) fn set(&mut self, section: &str, cost: Cost) {
        let counts = Counts {
            instructions: three_digits(cost.instructions),
            allocations: (cost.allocations * 10.0).round() / 10.0,
            parts: PARTS
                .iter()
                .zip(cost.parts)
                .map(|(part, count)| (part.name.to_owned(), three_digits(count)))
                .collect(),
        };
        self.sections.insert(section.to_owned(), counts);
    }

    /// A warning where the two were counted under different conditions.
    pub(crate) fn differences(&self, now: &Self) -> String {
        let pairs = [
            ("rustc", &self.rustc, &now.rustc),
            ("valgrind", &self.valgrind, &now.valgrind),
            ("libc", &self.libc, &now.libc),
            ("processor", &self.processor, &now.processor),
        ];
        let changed = pairs
            .into_iter()
            .filter(|(_, before, now)| !before.is_empty() && before != now);
        let lines = changed.map(|(name, before, now)| format!("{name} was {before}, is {now}\n"));
        lines.collect()
    }

    /// Writes both files; returns the path of the Markdown file.
    pub(crate) fn write(&self) -> Result<PathBuf, BenchError> {
        let json = serde_json::to_string_pretty(self)?;
        record::write_file(&file("json"), &format!("{json}\n"))?;
        let markdown = file("md");
        record::write_file(&markdown, &self.markdown())?;
        Ok(markdown)
    }

    fn markdown(&self) -> String {
        let parts = PARTS.iter().map(|part| part.name);
        let mut table = Table::new(
            ["section", "instructions", "allocations"]
                .into_iter()
                .chain(parts),
        );
        for section in &SECTIONS {
            let counts = self.counts(section.name);
            let part = |name| counts.and_then(|counts| counts.parts.get(name)).copied();
            let cells = [
                format!("`{}`: {}", section.name, section.what),
                figure(counts.map(|counts| counts.instructions)),
                figure(counts.map(|counts| counts.allocations)),
            ];
            let parts = PARTS.iter().map(|of| figure(part(of.name)));
            table.row(cells.into_iter().chain(parts));
        }
        format!(
            "# Instructions\n\nCounted in user mode by callgrind, as `cargo xtask bench instructions` does it \
             again: it prints these figures beside the new ones. Release build, `echo` of a text of \
             {VALUE_BYTES} bytes; turns are those of a whole client or server on tokio's current-thread \
             runtime, over loopback sockets, confirms and acknowledgements included and the broker not. \
             Counts are rounded to three digits; \
             an allocation is a call of `malloc` or its like. Code that the compiler put into another \
             function counts there.\n\nrustc {}, valgrind {}, {}, {}.\n\n{table}",
            self.rustc, self.valgrind, self.libc, self.processor,
        )
    }
}

fn file(extension: &str) -> PathBuf {
    Path::new(record::FOLDER).join(format!("instructions.{extension}"))
}

fn three_digits(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powf(value.log10().floor() - 2.0).max(1.0);
    (value / unit).round() * unit
}

#[cfg(test)]
mod tests;
