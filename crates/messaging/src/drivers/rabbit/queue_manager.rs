//! Names that a service finds again after a restart, counted in a file that all its processes share.
//!
//! The file, its format and the lock are the peer's, so that processes of both kinds can share one series of names.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lock_file::{LockError, LockFile};

#[cfg(test)]
mod tests;

/// Hands out `<host>:<process>:<counter>`.
///
/// The counter starts at 1 with each generation of the service: with each process group. Two services with the same
/// names for host and process would count for one another and share reply queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueueManager {
    host: String,
    process: String,
    counter_file: PathBuf,
    lock_file: PathBuf,
}

/// Why there is no name.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueueManagerError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("cannot count queue names in {}: {cause}", path.display())]
    Counter { path: PathBuf, cause: io::Error },
    #[error("cannot read from /proc which process group this is: {0}")]
    Identity(io::Error),
}

impl QueueManager {
    /// Where the counters are: in memory, so that they end with the machine's run.
    const COUNTERS: &str = "/dev/shm";
    /// The lock is held for microseconds. The peer waits without end.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// `lock_folder` is `[oslo_concurrency] lock_path`.
    pub(super) fn new(host: &str, process: &str, lock_folder: &Path) -> Self {
        Self::counting_in(Path::new(Self::COUNTERS), host, process, lock_folder)
    }

    fn counting_in(folder: &Path, host: &str, process: &str, lock_folder: &Path) -> Self {
        Self {
            host: host.to_owned(),
            process: process.to_owned(),
            counter_file: folder.join(format!("{host}_{process}_qmanager")),
            lock_file: lock_folder.join(format!("oslo_read_shm_{host}_{process}")),
        }
    }

    /// The next name. Reads and writes files: for a thread that may block.
    pub(super) fn next(&self) -> Result<String, QueueManagerError> {
        let _lock = LockFile::acquire(&self.lock_file, Self::PATIENCE)?;
        // Read each time: a service may have been moved to a group of its own after it was configured.
        let service = Generation::of_this_process().map_err(QueueManagerError::Identity)?;
        let failed = |cause| QueueManagerError::Counter {
            path: self.counter_file.clone(),
            cause,
        };
        let last = self.read().map_err(failed)?;
        let next = last
            .filter(|(generation, _)| *generation == service)
            .and_then(|(_, counter)| counter.checked_add(1))
            .unwrap_or(1);
        self.write(&service, next).map_err(failed)?;
        Ok(format!("{}:{}:{next}", self.host, self.process))
    }

    /// What stands in the file; `None` if there is none, or another thing stands there.
    fn read(&self) -> io::Result<Option<(Generation, u64)>> {
        let mut text = String::new();
        match File::open(&self.counter_file) {
            Ok(file) => match file.take(LONGEST_LINE).read_to_string(&mut text) {
                Ok(_) => Ok(parse(&text)),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
                Err(error) => Err(error),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, service: &Generation, counter: u64) -> io::Result<()> {
        let Generation { group, start_time } = service;
        let mut file = File::create(&self.counter_file)?;
        file.write_all(format!("{group}:{counter}:{start_time}").as_bytes())
    }
}

/// More than three numbers need.
const LONGEST_LINE: u64 = 256;

/// One run of a service: the process group of its master and workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Generation {
    group: u64,
    /// When the group's leader started, in clock ticks since the machine did: numbers of processes come again.
    start_time: u64,
}

impl Generation {
    fn of_this_process() -> io::Result<Self> {
        let own = std::fs::read_to_string("/proc/self/stat")?;
        let group = group_of(&own).ok_or_else(unexpected)?;
        // In some containers the group is not to be seen from inside.
        let stat = match group {
            0 => Ok(own),
            _ => std::fs::read_to_string(format!("/proc/{group}/stat")),
        };
        let start_time = match stat {
            Ok(stat) => start_time_of(&stat).ok_or_else(unexpected)?,
            // The leader has ended. The peer can't give out names then; the group alone has to do.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { group, start_time })
    }
}

/// The fifth field of a `/proc/<pid>/stat`. The second one is a name that may hold anything, in parentheses.
fn group_of(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(2)?.parse().ok()
}

/// The 22nd word, as the peer counts them: for a name with spaces that is another field, but the same for both.
fn start_time_of(stat: &str) -> Option<u64> {
    stat.split_whitespace().nth(21)?.parse().ok()
}

/// Reads `<group>:<counter>:<start time>`.
fn parse(text: &str) -> Option<(Generation, u64)> {
    let mut numbers = text
        .lines()
        .next()?
        .split(':')
        .map(|number| number.trim().parse::<u64>().ok());
    let (group, counter, start_time) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let service = Generation { group, start_time };
    numbers.next().is_none().then_some((service, counter))
}

fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not the expected fields")
}
