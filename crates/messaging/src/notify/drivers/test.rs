//! Events stay in memory.

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::super::{Event, NotifyDriver, NotifyError};
use crate::driver::BoxFuture;

/// Keeps every event, for tests to look at (the peer's driver `test`). Clones share what is kept.
///
/// ```
/// use bergen_messaging::notify::{Notifier, drivers::TestDriver};
/// use bergen_messaging::wire::Context;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let seen = TestDriver::default();
/// let notifier = Notifier::with_drivers("compute.host1", [seen.clone()]);
/// notifier.info(&Context::default(), "compute.instance.create.end", &1).await?;
/// assert_eq!(seen.events()[0].notification.event_type, "compute.instance.create.end");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TestDriver {
    kept: Arc<Mutex<Vec<Event>>>,
    count: watch::Sender<usize>,
}

impl TestDriver {
    /// All events so far, in the order in which they came.
    pub fn events(&self) -> Vec<Event> {
        self.kept().clone()
    }

    /// Takes the events out.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.kept())
    }

    /// Waits until so many events have come since the beginning, those that were taken out included.
    pub async fn came(&self, count: usize) {
        let mut came = self.count.subscribe();
        // The sender lives as long as this borrow.
        let _ = came.wait_for(|came| *came >= count).await;
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Event>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NotifyDriver for TestDriver {
    fn name(&self) -> &'static str {
        "test"
    }

    fn notify<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), NotifyError>> {
        self.kept().push(event.clone());
        self.count.send_modify(|count| *count += 1);
        Box::pin(ready(Ok(())))
    }
}
