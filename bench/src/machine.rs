//! Where a measurement was made.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// The machine, as far as it matters for reading the figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many processors there are.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel's release.
    pub kernel: String,
    /// How many processes wanted to run in the minute before the run: much more than zero means that
    /// something else was going on, and spoils the figures.
    pub load_before: f64,
}

impl Machine {
    /// This machine, now.
    pub fn here() -> Self {
        let memory = value_of(&text("/proc/meminfo"), "MemTotal");
        let kibibytes = memory
            .split(' ')
            .next()
            .and_then(|number| number.parse::<u64>().ok());
        let load = text("/proc/loadavg");
        Self {
            processor: value_of(&text("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: kibibytes.unwrap_or(0) / 1024,
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: load
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
        }
    }
}

impl Machine {
    /// What a reader must know first if something else kept the machine busy; empty otherwise.
    pub fn caution(&self) -> &'static str {
        if self.load_before > BUSY {
            " **Something else was running: rates and latencies are worse than the contestants'. CPU a \
             call and ratios within a table suffer less.**"
        } else {
            ""
        }
    }
}

/// Above this load the run shared the machine: even one busy process takes half of two cores.
const BUSY: f64 = 0.75;

/// The version that the lock file fixes for a crate, and `?` if it is not in it.
pub fn locked_version(lock: &str, name: &str) -> String {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let version = lock
        .split_once(&entry)
        .and_then(|(_, rest)| rest.split_once('"'));
    version.map_or_else(|| "?".to_owned(), |(version, _)| version.to_owned())
}

/// What a program prints, without the line's end; `?` if it cannot be run.
pub fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "?".to_owned(),
    }
}

fn text(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// The value in a line `name : value`.
fn value_of(text: &str, name: &str) -> String {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(key, _)| key.trim() == name);
    found.map_or_else(|| "?".to_owned(), |(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests;
