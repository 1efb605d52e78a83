//! What is to be done with which router, and in which order.

mod pending;
mod update;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bergen_service::ServiceError;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use pending::Pending;
pub use update::{Action, Priority, Processed, RouterUpdate};

/// Works on routers.
pub trait RouterProcessor: Send + Sync + 'static {
    /// Does what the update says. An update of [`Action::AddUpdate`] without a router is for
    /// [`sync_routers`](super::L3PluginClient::sync_routers) first; an empty answer means that the router is gone.
    ///
    /// # Errors
    /// The update is queued again, until it has been tried five times.
    fn process(
        &self,
        update: &RouterUpdate,
    ) -> impl Future<Output = Result<Processed, ServiceError>> + Send;

    /// An update has failed for the last time, or the queue was full. The agent synchronises everything at its next
    /// chance.
    fn given_up(&self, update: &RouterUpdate);
}

/// The updates of an L3 agent that wait for being worked on.
///
/// - No router is worked on twice at the same time; up to 32 are side by side.
/// - Updates of a higher [`Priority`] come first, and of one priority those that came first.
/// - Updates for one router that wait become one, of the higher priority, which says what the later one said.
/// - An update from before the data that was last fetched for its router is dropped: it is in there.
/// - A failed update is tried again, five times in all.
///
/// Clones are the same queue.
#[derive(Clone, Default)]
pub struct UpdateQueue {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    added: Notify,
}

impl UpdateQueue {
    /// How many routers are worked on at the same time.
    pub const WORKERS: usize = 32;

    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an update.
    ///
    /// # Errors
    /// The update, if more routers wait than an agent can have (65 536). Everything is to be synchronised then.
    pub fn add(&self, update: RouterUpdate) -> Result<(), Box<RouterUpdate>> {
        self.pending().add(update)?;
        self.shared.added.notify_one();
        Ok(())
    }

    /// How many updates wait.
    pub fn len(&self) -> usize {
        self.pending().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Works on the updates until `stop`, and finishes then what it has begun. Run it once for a queue.
    pub async fn run<P: RouterProcessor>(&self, processor: Arc<P>, stop: CancellationToken) {
        let mut workers = JoinSet::new();
        while !stop.is_cancelled() {
            while workers.len() < Self::WORKERS
                && let Some(work) = self.next()
            {
                workers.spawn(work.run(Arc::clone(&processor)));
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.shared.added.notified() => {}
                Some(ended) = workers.join_next() => report(ended),
            }
        }
        while let Some(ended) = workers.join_next().await {
            report(ended);
        }
    }

    fn next(&self) -> Option<Work> {
        let update = self.pending().take()?;
        Some(Work {
            queue: self.clone(),
            update,
        })
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        let pending = self.shared.pending.lock();
        pending.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for UpdateQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateQueue")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// An update that is worked on. Its router is free again when this is dropped, also by a panic.
struct Work {
    queue: UpdateQueue,
    update: RouterUpdate,
}

impl Work {
    async fn run<P: RouterProcessor>(self, processor: Arc<P>) {
        match processor.process(&self.update).await {
            Ok(processed) => {
                let mut pending = self.queue.pending();
                pending.processed(&self.update.router_id, processed);
            }
            Err(error) => {
                let router_id = &self.update.router_id;
                let Some(again) = self.update.again() else {
                    tracing::warn!(router_id, %error, "an update failed for the last time");
                    processor.given_up(&self.update);
                    return;
                };
                tracing::warn!(router_id, %error, "an update failed and is tried again");
                if let Err(update) = self.queue.add(again) {
                    processor.given_up(&update);
                }
            }
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.queue.pending().release(&self.update.router_id);
        self.queue.shared.added.notify_one();
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the work on a router panicked");
    }
}

#[cfg(test)]
mod tests;
