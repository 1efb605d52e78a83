//! A driver's hold on one broker connection, which may be shared with other drivers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

pub(super) use super::link::{ConnectFailure, Epoch};

use super::link::{Link, LinkSettings};
use super::links::Sharing;
use super::stats::LinkCounters;
use crate::driver::Retry;

/// Connects when the driver first needs it, or joins those that are connected the same way already.
#[derive(Debug)]
pub(super) struct Supervisor {
    settings: LinkSettings,
    sharing: Option<Sharing>,
    link: OnceLock<Arc<Link>>,
    released: AtomicBool,
    closing: CancellationToken,
}

impl Supervisor {
    /// Without `sharing` the connection is the driver's own.
    pub(super) fn new(settings: LinkSettings, sharing: Option<Sharing>) -> Self {
        Self {
            settings,
            sharing,
            link: OnceLock::new(),
            released: AtomicBool::new(false),
            closing: CancellationToken::new(),
        }
    }

    /// The live connection, if there is one now.
    pub(super) fn current(&self) -> Option<Arc<Epoch>> {
        if self.closing.is_cancelled() {
            return None;
        }
        self.link.get()?.current()
    }

    /// Waits for a live connection; see [`Link::epoch`]. Ends when the driver closes.
    pub(super) async fn epoch(&self, retry: Retry) -> Result<Arc<Epoch>, ConnectFailure> {
        let Some(link) = self.link() else {
            return Err(ConnectFailure::Closed);
        };
        let epoch = self.closing.run_until_cancelled(link.epoch(retry)).await;
        epoch.unwrap_or(Err(ConnectFailure::Closed))
    }

    /// While there is no connection: why; see [`Link::trouble`].
    pub(super) fn trouble(&self) -> Option<String> {
        self.link.get()?.trouble()
    }

    /// Begins to connect, for somebody who will need it soon.
    pub(super) fn start(&self) {
        if let Some(link) = self.link() {
            link.start();
        }
    }

    /// What was counted of the connection, by whoever shares it.
    pub(super) fn counters(&self) -> Option<&LinkCounters> {
        self.link.get().map(|link| &*link.counters)
    }

    /// Cancelled when the driver closes.
    pub(super) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Refuses all further use; the last one who leaves says goodbye to the broker. Idempotent.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        if let Some(last) = self.release() {
            last.close().await;
        }
    }

    fn link(&self) -> Option<&Arc<Link>> {
        if self.closing.is_cancelled() {
            return None;
        }
        Some(self.link.get_or_init(|| match &self.sharing {
            Some(sharing) => sharing.join(&self.settings),
            None => Arc::new(Link::new(&self.settings)),
        }))
    }

    /// Gives the connection up; yields it if nobody else uses it.
    fn release(&self) -> Option<&Arc<Link>> {
        let link = self.link.get()?;
        if self.released.swap(true, Ordering::Relaxed) {
            return None;
        }
        let is_last = self
            .sharing
            .as_ref()
            .is_none_or(|sharing| sharing.leave(link));
        is_last.then_some(link)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.closing.cancel();
        if let Some(last) = self.release() {
            last.abandon();
        }
    }
}
