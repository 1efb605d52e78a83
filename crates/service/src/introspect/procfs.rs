//! Threads and processes, as Linux shows them under `/proc`. Elsewhere there are none to show.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

#[cfg(test)]
mod tests;

/// A thread of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) id: u32,
    pub(crate) name: String,
    /// Linux's letter: `R` runs, `S` sleeps, `D` waits for a device.
    pub(crate) state: char,
    /// The function of the kernel that it waits in, where that may be read.
    pub(crate) waits_in: Option<String>,
}

/// The threads of this process, by their ids.
pub(crate) fn threads() -> Vec<Thread> {
    let mut threads: Vec<_> = numbers("/proc/self/task")
        .filter_map(|id| {
            let folder = Path::new("/proc/self/task").join(id.to_string());
            let stat = Stat::read(&folder.join("stat"))?;
            let waits_in = fs::read_to_string(folder.join("wchan")).ok();
            Some(Thread {
                id,
                name: stat.name,
                state: stat.state,
                waits_in: waits_in.filter(|name| !matches!(name.as_str(), "" | "0")),
            })
        })
        .collect();
    threads.sort_by_key(|thread| thread.id);
    threads
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) uid: u32,
    /// `unknown` if the user has no name in the system's own list.
    pub(crate) user: String,
    pub(crate) state: char,
    /// How many processes it is below the first.
    pub(crate) depth: usize,
}

/// This process, and the ones below it, each before its children.
pub(crate) fn processes() -> Vec<Process> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut all: Vec<_> = numbers("/proc")
        .filter_map(|pid| {
            let folder = Path::new("/proc").join(pid.to_string());
            let stat = Stat::read(&folder.join("stat"))?;
            let uid = fs::metadata(&folder).ok()?.uid();
            Some(Process {
                pid,
                parent: stat.parent,
                uid,
                user: user_name(&users, uid).to_owned(),
                state: stat.state,
                depth: 0,
            })
        })
        .collect();
    all.sort_by_key(|process| process.pid);
    below(std::process::id(), &all)
}

/// A process and the ones below it, out of all.
fn below(pid: u32, all: &[Process]) -> Vec<Process> {
    let first = all.iter().filter(|process| process.pid == pid);
    let mut next: Vec<_> = first.cloned().collect();
    let mut tree: Vec<Process> = Vec::new();
    while let Some(process) = next.pop() {
        let children = all.iter().rev().filter(|child| {
            child.parent == process.pid && !tree.iter().any(|seen| seen.pid == child.pid)
        });
        next.extend(children.cloned().map(|child| Process {
            depth: process.depth + 1,
            ..child
        }));
        tree.push(process);
    }
    tree
}

fn user_name(users: &str, uid: u32) -> &str {
    let uid = uid.to_string();
    users
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == uid).then_some(name)
        })
        .unwrap_or("unknown")
}

/// The entries of a folder that are numbers.
fn numbers(folder: &str) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What a `stat` file says.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    state: char,
    parent: u32,
}

impl Stat {
    fn read(path: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(path).ok()?)
    }

    /// The name stands in parentheses, and may have some itself.
    fn parse(text: &str) -> Option<Self> {
        let (head, tail) = text.rsplit_once(')')?;
        let (_, name) = head.split_once('(')?;
        let mut fields = tail.split_whitespace();
        Some(Self {
            name: name.to_owned(),
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
        })
    }
}
