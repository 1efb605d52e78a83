//! Seeing into a running service: what its tasks, timers, connections and calls are at.

mod attach;
mod bounded_lines;
mod door;
mod local_socket;
mod observer;
mod options;
pub(crate) mod procfs;
pub(crate) mod snapshot;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde_json::Value;

pub(crate) use bounded_lines::BoundedLines;
pub(crate) use door::Door;
pub(crate) use local_socket::LocalSocket;
pub(crate) use observer::{Observer, Question};
pub use options::INTROSPECTION_OPTIONS;
pub(crate) use options::{Settings, runtime_dir};
pub use snapshot::{
    CallInFlight, ConnectionSnapshot, MessagingSnapshot, ProcessSnapshot, RpcServerSnapshot,
    RunningTask, RunningTimer,
};

use crate::TaskGroup;

/// What can be seen of a process from outside: the register that the Guru Meditation report, the backdoor and the control
/// socket all read. Hand it to [`Launcher::introspection`](crate::Launcher::introspection).
///
/// Who has something to show adds it, under a name; what is added again under the same name replaces what was there, so
/// that a service that is made anew leaves nothing behind. Clones are the same register.
///
/// Nothing of it shows the arguments or the context of a call, and secret options are masked.
///
/// ```
/// use bergen_service::{
///     CallInFlight, Introspection, MessagingSnapshot, Package, RpcServerSnapshot, TaskGroup,
/// };
/// use std::time::Duration;
///
/// let introspection = Introspection::new(Package::new("nova-compute", "29.0.0"));
/// introspection.add_tasks("compute", &TaskGroup::new());
/// introspection.add_messaging("nova", || {
///     let mut server = RpcServerSnapshot::new("nova compute host-1");
///     server.calls.push(CallInFlight::new("ping", Some("req-1"), Duration::from_secs(2)));
///     MessagingSnapshot { servers: vec![server], ..Default::default() }
/// });
/// assert_eq!(introspection.snapshot().servers[0].calls[0].method, "ping");
/// ```
#[derive(Clone)]
pub struct Introspection {
    shared: Arc<Shared>,
}

impl Introspection {
    /// A register with nothing in it yet, for a program of this package.
    pub fn new(package: Package) -> Self {
        Self {
            shared: Arc::new(Shared {
                package,
                log_level: OnceLock::new(),
                sources: RwLock::default(),
            }),
        }
    }

    /// Shows the tasks and timers of a group.
    pub fn add_tasks(&self, name: impl Into<String>, group: &TaskGroup) {
        self.change(|sources| sources.tasks.insert(name.into(), group.clone()));
    }

    /// Shows what a transport is at: its connections, and the servers on it with their calls. The function must not
    /// block; it runs each time when somebody looks.
    pub fn add_messaging(
        &self,
        name: impl Into<String>,
        look: impl Fn() -> MessagingSnapshot + Send + Sync + 'static,
    ) {
        self.change(|sources| sources.messaging.insert(name.into(), Arc::new(look)));
    }

    /// Adds a section of the program's own to the report, under this title; an object shows as `name = value` lines. The
    /// peer's `register_section`.
    pub fn add_section(
        &self,
        title: impl Into<String>,
        look: impl Fn() -> Value + Send + Sync + 'static,
    ) {
        self.change(|sources| sources.sections.insert(title.into(), Arc::new(look)));
    }

    /// Takes away what was added under this name, of any kind.
    pub fn remove(&self, name: &str) {
        self.change(|sources| {
            sources.tasks.remove(name);
            sources.messaging.remove(name);
            sources.sections.remove(name);
        });
    }

    /// How the level of the log is shown and changed: with `None` the function gives the level, or filter, in force;
    /// with a new one it puts that in force and gives it back, or says what is wrong with it. Only the first counts.
    ///
    /// So the handle that can reload the program's subscriber stays with the program.
    pub fn on_log_level(
        &self,
        level: impl Fn(Option<&str>) -> Result<String, String> + Send + Sync + 'static,
    ) {
        let _ = self.shared.log_level.set(Box::new(level));
    }

    /// What the process is at now.
    pub fn snapshot(&self) -> ProcessSnapshot {
        let sources = self.sources();
        let mut snapshot = ProcessSnapshot::of_this_process();
        for (name, group) in &sources.tasks {
            snapshot.add_group(name, group.snapshot());
        }
        for look in sources.messaging.values() {
            let MessagingSnapshot {
                connections,
                servers,
            } = look();
            snapshot.connections.extend(connections);
            snapshot.servers.extend(servers);
        }
        snapshot
    }

    /// What the program is.
    pub fn package(&self) -> &Package {
        &self.shared.package
    }

    /// The sections of the program's own, by their titles.
    pub(crate) fn sections(&self) -> Vec<(String, Value)> {
        let sections = self.sources().sections;
        sections
            .into_iter()
            .map(|(title, look)| (title, look()))
            .collect()
    }

    pub(crate) fn log_level(&self, new: Option<&str>) -> Result<String, String> {
        match self.shared.log_level.get() {
            Some(level) => level(new),
            None => Err("the program can not show or change its log level".to_owned()),
        }
    }

    /// A copy, so that no source runs under the lock.
    fn sources(&self) -> Sources {
        let sources = self.shared.sources.read();
        sources.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Sources) -> T) {
        let sources = self.shared.sources.write();
        change(&mut sources.unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = self.sources();
        f.debug_struct("Introspection")
            .field("package", &self.shared.package)
            .field("tasks", &sources.tasks.keys())
            .field("messaging", &sources.messaging.keys())
            .field("sections", &sources.sections.keys())
            .finish_non_exhaustive()
    }
}

/// What a program is: section "Package" of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// For example `OpenStack Nova`.
    pub product: String,
    /// Default: `unknown`.
    pub vendor: String,
    /// For example `29.0.0`.
    pub version: String,
}

impl Package {
    /// A product of an unknown vendor.
    pub fn new(product: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            product: product.into(),
            vendor: "unknown".to_owned(),
            version: version.into(),
        }
    }

    /// Of this vendor.
    #[must_use]
    pub fn vendor(mut self, vendor: impl Into<String>) -> Self {
        self.vendor = vendor.into();
        self
    }
}

struct Shared {
    package: Package,
    log_level: OnceLock<LogLevel>,
    sources: RwLock<Sources>,
}

type LogLevel = Box<dyn Fn(Option<&str>) -> Result<String, String> + Send + Sync>;

#[derive(Clone, Default)]
struct Sources {
    tasks: BTreeMap<String, TaskGroup>,
    messaging: BTreeMap<String, Arc<dyn Fn() -> MessagingSnapshot + Send + Sync>>,
    sections: BTreeMap<String, Arc<dyn Fn() -> Value + Send + Sync>>,
}
