//! The handle on one listener.

use std::sync::{Arc, Weak};

use bergen_messaging::driver::{BoxFuture, ListenError, Listener};
use tokio::time::Instant;

use super::outlet::Outlet;

/// Listens until it is dropped.
pub(crate) struct MemoryListener {
    outlet: Arc<Outlet>,
}

impl MemoryListener {
    pub(crate) fn new(outlet: Arc<Outlet>) -> Self {
        Self { outlet }
    }
}

impl Listener for MemoryListener {
    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(stop(&self.outlet))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            stop(&self.outlet).await;
            release(&self.outlet);
        })
    }

    fn failed(&self) -> BoxFuture<'_, ListenError> {
        Box::pin(async {
            self.outlet.lost.cancelled().await;
            ListenError::Closed
        })
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        release(&self.outlet);
    }
}

/// The listeners of one driver, which end with it.
#[derive(Default)]
pub(crate) struct Listeners {
    outlets: Vec<Weak<Outlet>>,
}

impl Listeners {
    pub(crate) fn add(&mut self, outlet: &Arc<Outlet>) {
        self.outlets.retain(|outlet| outlet.strong_count() > 0);
        self.outlets.push(Arc::downgrade(outlet));
    }

    /// Lets go of all of them.
    pub(crate) fn release(self) {
        for outlet in self.outlets.iter().filter_map(Weak::upgrade) {
            release(&outlet);
        }
    }
}

/// Takes nothing new; returns when nothing is being handed over any more.
async fn stop(outlet: &Outlet) {
    loop {
        let handed_over = outlet.handed_over.notified();
        let busy = outlet
            .bus
            .turn(Instant::now(), |state| state.stop(outlet.channel));
        if !busy {
            return;
        }
        handed_over.await;
    }
}

fn release(outlet: &Outlet) {
    outlet
        .bus
        .turn(Instant::now(), |state| state.release(outlet.channel));
    outlet.lost.cancel();
}
