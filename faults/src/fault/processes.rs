//! Processes that are killed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Inflicted;
use crate::FaultsError;
use crate::log::{Event, What};
use crate::stage::{CLIENTS, PAUSE, Stage};
use crate::worker::now;

/// How long it may take until a method runs on a server.
const LIMIT: Duration = Duration::from_secs(30);

/// Each goes while a method runs whose caller waits.
pub(super) async fn kill_servers(stage: &mut Stage) -> Result<Inflicted, FaultsError> {
    let begin = now();
    for name in ["rust-a", "python-a"] {
        let process = stage.process(name).unwrap_or_default();
        let log = stage.log();
        let running = |events: &[Event]| works(events, process).then_some(());
        log.wait("a method that runs", LIMIT, running).await?;
        stage.replace(name, None).await?;
    }
    Ok(Inflicted::since(begin))
}

pub(super) async fn kill_clients(stage: &mut Stage) -> Result<Inflicted, FaultsError> {
    let begin = now();
    let mut killed = BTreeSet::new();
    for name in CLIENTS {
        killed.extend(stage.process(name).map(str::to_owned));
        stage.replace(name, None).await?;
        stage.load(name).await?;
    }
    Ok(Inflicted {
        killed_clients: killed,
        ..Inflicted::since(begin)
    })
}

/// Whether a process runs a method whose caller has no answer yet. Half a pause is left, which a kill does not need.
fn works(events: &[Event], process: &str) -> bool {
    let soon = now() - PAUSE / 2.0;
    let mut running = events.iter().rev().filter(|event| {
        event.process == process
            && event.at > soon
            && matches!(event.what, What::Ran { .. })
            && event.id.contains("/call/")
    });
    running.next().is_some()
}
