//! A drain, as somebody watches it.

use std::time::Duration;

use tokio::time::sleep;

use super::operator::{Operator, age, service_lines};
use super::{DrainProgress, StillRunning};
use crate::{LauncherStatus, Phase, options};

/// How often progress is told while nothing changes by itself.
const PACE: Duration = Duration::from_secs(1);

/// A drain that has begun.
#[derive(Debug)]
pub(crate) struct Drain {
    operator: Operator,
    timeout: Option<Duration>,
    /// What was told last.
    seen: Option<LauncherStatus>,
}

impl Drain {
    /// Begins it; one that is at work already is watched.
    pub(crate) fn begin(operator: Operator) -> Self {
        let options = operator.observer.configuration.options();
        operator.handle.stop();
        Self {
            timeout: options::Settings::new(&options).graceful_shutdown_timeout,
            operator,
            seen: None,
        }
    }

    /// Waits until there is something to tell; `None` when nothing runs any more.
    pub(crate) async fn progress(&mut self) -> Option<DrainProgress> {
        let mut board = self.operator.handle.watch();
        if let Some(seen) = &self.seen {
            let changed = board.wait_for(|status| status != seen);
            tokio::select! {
                _ = changed => {}
                () = sleep(PACE) => {}
            }
        }
        let status = self.operator.handle.status();
        self.seen = Some(status.clone());
        if status.phase == Phase::Ended {
            return None;
        }
        let mut services = service_lines(&status);
        services.retain(|service| service.phase != Phase::Ended);
        let running = self.still_running().await;
        Some(DrainProgress {
            // Before it is in that phase, the stop has just been asked for.
            elapsed: match status.phase {
                Phase::Draining => age(status.since),
                _ => Duration::ZERO,
            },
            timeout: self.timeout,
            services,
            running,
        })
    }

    async fn still_running(&self) -> Vec<StillRunning> {
        let mut running = Vec::new();
        for process in self.operator.snapshots().await {
            let Ok(snapshot) = process.answer else {
                continue;
            };
            let pid = process.pid;
            let calls = snapshot.servers.into_iter().flat_map(|server| server.calls);
            running.extend(calls.map(|call| StillRunning {
                pid,
                name: call.method,
                request_id: call.request_id,
                age: call.age,
            }));
            running.extend(snapshot.tasks.into_iter().map(|task| StillRunning {
                pid,
                name: task.name,
                request_id: None,
                age: task.age,
            }));
        }
        running
    }
}
