//! What a process has cost so far, as `/proc` tells it.

use std::fs;
use std::ops::Sub;
use std::path::Path;
use std::time::Duration;

use crate::BenchError;

/// One unit of the times in `/proc/PID/stat`. It has been 1/100 s on every Linux that this runs on.
const TICK: Duration = Duration::from_millis(10);

/// The costs of one process, since its start or between two looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of all its threads, in user and kernel mode.
    pub cpu: Duration,
    /// How often its threads were taken off a processor, by choice or not.
    pub context_switches: u64,
}

impl Usage {
    /// The costs of a process up to now.
    pub fn of(process: u32) -> Result<Self, BenchError> {
        let folder = Path::new("/proc").join(process.to_string());
        let stat = read(&folder.join("stat"))?;
        let cpu = processor_time(&stat)
            .ok_or_else(|| BenchError::worker(process.to_string(), "its stat file is strange"))?;
        let threads = folder.join("task");
        let entries = fs::read_dir(&threads)
            .map_err(BenchError::io(format!("reading {}", threads.display())))?;
        let context_switches = entries
            .flatten()
            // A thread may end between the listing and the look at it.
            .filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok())
            .map(|status| switches(&status))
            .sum();
        Ok(Self {
            cpu,
            context_switches,
        })
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            context_switches: self
                .context_switches
                .saturating_sub(earlier.context_switches),
        }
    }
}

/// Bytes of a process that are in memory now.
pub fn resident_bytes(process: u32) -> Result<u64, BenchError> {
    let status = read(&Path::new("/proc").join(process.to_string()).join("status"))?;
    Ok(field(&status, "VmRSS:").unwrap_or(0) * 1024)
}

fn read(file: &Path) -> Result<String, BenchError> {
    fs::read_to_string(file).map_err(BenchError::io(format!("reading {}", file.display())))
}

/// User and system time: fields 14 and 15. The second field is a name that may hold anything, so the
/// count starts behind its closing bracket.
fn processor_time(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut ticks = rest.split_whitespace().skip(11).map(str::parse::<u32>);
    let user = ticks.next()?.ok()?;
    let system = ticks.next()?.ok()?;
    Some(TICK * (user + system))
}

fn switches(status: &str) -> u64 {
    let names = ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"];
    names.iter().filter_map(|name| field(status, name)).sum()
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
