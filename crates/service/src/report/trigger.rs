//! What makes a process report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::{MissedTickBehavior, interval};

use super::write::write;
use crate::introspect::{Observer, Settings};

/// SIGUSR2: reports, unless reports are asked for by a file. Blocks.
pub(crate) fn on_signal(observer: &Observer) {
    match observer.settings().report_file {
        Some(file) => tracing::info!(
            "Caught SIGUSR2: no report, since one is asked for by touching {}",
            file.display()
        ),
        None => make(observer),
    }
}

/// Reports each time when the file of `[oslo_reports] file_event_handler` is modified, if it names one.
pub(crate) fn watch_file(observer: Arc<Observer>, settings: &Settings) {
    let Some(file) = settings.report_file.clone() else {
        return;
    };
    let mut looks = interval(settings.report_file_interval);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::spawn(async move {
        let mut seen = modified(file.clone()).await;
        loop {
            looks.tick().await;
            let now = modified(file.clone()).await;
            if now != seen && now.is_some() {
                let observer = Arc::clone(&observer);
                // A section that panics has said so itself.
                let _ = tokio::task::spawn_blocking(move || make(&observer)).await;
            }
            seen = now;
        }
    });
}

async fn modified(file: PathBuf) -> Option<SystemTime> {
    let look = move || std::fs::metadata(file).and_then(|data| data.modified());
    tokio::task::spawn_blocking(look).await.ok()?.ok()
}

/// Makes a report and writes it. A failure is logged.
fn make(observer: &Observer) {
    let folder = observer.settings().report_dir;
    let report = observer.report();
    match write(&report, folder.as_deref(), &observer.program) {
        Ok(Some(path)) => tracing::info!("Guru Meditation report written to {}", path.display()),
        Ok(None) => {}
        Err(error) => {
            let folder = folder.as_deref().unwrap_or(Path::new("standard error"));
            tracing::error!(%error, "the Guru Meditation report could not be written to {}", folder.display());
        }
    }
}
