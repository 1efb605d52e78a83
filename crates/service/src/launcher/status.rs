//! What a launcher and its services are at.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Where a process, or a service in it, is between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Not everything has started yet.
    Starting,
    /// At work.
    Running,
    /// At work, and taking over a changed configuration.
    Reloading,
    /// No new work is taken; what runs is finished.
    Draining,
    /// Nothing runs any more.
    Ended,
}

/// A snapshot of a launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LauncherStatus {
    /// Of the process.
    pub phase: Phase,
    /// When the phase began.
    pub since: SystemTime,
    /// Of each service in this process, in launch order; of a supervisor: of each worker.
    pub services: Vec<ServiceStatus>,
}

/// A snapshot of a service in one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// Its name.
    pub service: String,
    /// Its worker, from 0.
    pub index: usize,
    /// The process it runs in; `None` while its worker waits to be started again.
    pub pid: Option<u32>,
    /// Of this service, or this worker.
    pub phase: Phase,
    /// When the phase began.
    pub since: SystemTime,
    /// How often it was started.
    pub starts: u64,
}

/// Where the launcher notes what it is at, for all that watch.
#[derive(Debug)]
pub(crate) struct StatusBoard(watch::Sender<LauncherStatus>);

impl StatusBoard {
    /// With these services and worker indexes, all starting.
    pub(crate) fn new(services: impl IntoIterator<Item = (String, usize)>) -> Self {
        let since = SystemTime::now();
        let services = services
            .into_iter()
            .map(|(service, index)| ServiceStatus {
                service,
                index,
                pid: None,
                phase: Phase::Starting,
                since,
                starts: 0,
            })
            .collect();
        Self(watch::Sender::new(LauncherStatus {
            phase: Phase::Starting,
            since,
            services,
        }))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<LauncherStatus> {
        self.0.subscribe()
    }

    pub(crate) fn set(&self, phase: Phase) {
        self.0.send_modify(|status| {
            status.phase = phase;
            status.since = SystemTime::now();
        });
    }

    /// The service, or worker, in this place is started, in the process `pid`.
    pub(crate) fn started(&self, place: usize, pid: u32) {
        self.change(place, Phase::Starting, |status| {
            status.pid = Some(pid);
            status.starts += 1;
        });
    }

    pub(crate) fn set_service(&self, place: usize, phase: Phase) {
        self.change(place, phase, |_| {});
    }

    /// The worker in this place is gone; another follows, unless this is the end.
    pub(crate) fn gone(&self, place: usize, phase: Phase) {
        self.change(place, phase, |status| status.pid = None);
    }

    fn change(&self, place: usize, phase: Phase, more: impl FnOnce(&mut ServiceStatus)) {
        self.0.send_modify(|status| {
            if let Some(service) = status.services.get_mut(place) {
                service.phase = phase;
                service.since = SystemTime::now();
                more(service);
            }
        });
    }
}
