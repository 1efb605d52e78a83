//! What a process is at, as plain data.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::TaskGroupSnapshot;

/// What one process is at. As JSON, times are seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcessSnapshot {
    /// The process.
    pub pid: u32,
    /// Tasks that run, group by group, the oldest first.
    pub tasks: Vec<RunningTask>,
    /// Timers that have not ended, group by group.
    pub timers: Vec<RunningTimer>,
    /// To brokers.
    pub connections: Vec<ConnectionSnapshot>,
    /// RPC servers.
    pub servers: Vec<RpcServerSnapshot>,
}

impl ProcessSnapshot {
    pub(crate) fn of_this_process() -> Self {
        Self {
            pid: std::process::id(),
            tasks: Vec::new(),
            timers: Vec::new(),
            connections: Vec::new(),
            servers: Vec::new(),
        }
    }

    pub(crate) fn add_group(&mut self, group: &str, snapshot: TaskGroupSnapshot) {
        let tasks = snapshot.tasks.into_iter().map(|task| RunningTask {
            group: group.to_owned(),
            name: task.name,
            age: task.age,
        });
        self.tasks.extend(tasks);
        let timers = snapshot.timers.into_iter().map(|timer| RunningTimer {
            group: group.to_owned(),
            name: timer.name,
            interval: timer.interval,
            runs: timer.runs,
            failures: timer.failures,
            until_next_run: timer.until_next_run,
        });
        self.timers.extend(timers);
    }
}

/// A task that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunningTask {
    /// The group's name in the register.
    pub group: String,
    /// As it was given.
    pub name: String,
    /// Since its start.
    #[serde(with = "seconds")]
    pub age: Duration,
}

/// A timer that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunningTimer {
    /// The group's name in the register.
    pub group: String,
    /// As it was given.
    pub name: String,
    /// Between two runs; of a dynamic timer the longest.
    #[serde(with = "optional_seconds")]
    pub interval: Option<Duration>,
    /// Runs that ended.
    pub runs: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// `None` while a run is in progress.
    #[serde(with = "optional_seconds")]
    pub until_next_run: Option<Duration>,
}

/// What a transport is at, for [`Introspection::add_messaging`](crate::Introspection::add_messaging).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessagingSnapshot {
    /// Its connections.
    pub connections: Vec<ConnectionSnapshot>,
    /// The servers on it.
    pub servers: Vec<RpcServerSnapshot>,
}

/// A connection to a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionSnapshot {
    /// What it is for, and where to; without a password.
    pub name: String,
    /// For example `connected`.
    pub state: String,
    /// What else is to be known, by name: channels, consumers, the broker's version.
    pub details: BTreeMap<String, String>,
}

impl ConnectionSnapshot {
    /// Without details yet.
    pub fn new(name: impl Into<String>, state: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: state.into(),
            details: BTreeMap::new(),
        }
    }
}

/// An RPC server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RpcServerSnapshot {
    /// Its target: exchange, topic, server.
    pub target: String,
    /// The queues that it consumes from.
    pub queues: Vec<String>,
    /// How many calls it runs at once; `None` if that is not known.
    pub limit: Option<usize>,
    /// What its handlers are at.
    pub calls: Vec<CallInFlight>,
}

impl RpcServerSnapshot {
    /// A server that runs nothing.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            queues: Vec::new(),
            limit: None,
            calls: Vec::new(),
        }
    }
}

/// A request whose handler runs. Arguments and context are not part of it, so that nothing of them can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallInFlight {
    /// The method.
    pub method: String,
    /// The context's request id: `req-…`.
    pub request_id: Option<String>,
    /// Since the handler's start.
    #[serde(with = "seconds")]
    pub age: Duration,
}

impl CallInFlight {
    /// How much is kept of a text that came from a peer, in characters: the length that oslo gives names.
    pub const TEXT_LIMIT: usize = 255;

    /// Method and id come from a peer, so they are cut at [`TEXT_LIMIT`](Self::TEXT_LIMIT).
    pub fn new(method: &str, request_id: Option<&str>, age: Duration) -> Self {
        let cut = |text: &str| text.chars().take(Self::TEXT_LIMIT).collect::<String>();
        Self {
            method: cut(method),
            request_id: request_id.map(cut),
            age,
        }
    }
}

/// A time as a number of seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)
    }
}

/// A time, if there is one, as a number of seconds.
pub(crate) mod optional_seconds {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs_f64()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        let time = seconds.map(Duration::try_from_secs_f64).transpose();
        time.map_err(D::Error::custom)
    }
}
