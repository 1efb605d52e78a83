//! The serving half of cancelling: requests that their callers can cancel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::driver::Cancellation;
use crate::wire::Id;

#[cfg(test)]
mod tests;

/// Requests that run for so long that their callers were told how to cancel them, by message id. No more than the
/// servers' limits let run and wait.
#[derive(Debug, Default)]
pub(super) struct Running {
    requests: Mutex<HashMap<Id, Cancellation>>,
}

/// One request in the table; dropping it takes it out.
#[derive(Debug)]
pub(super) struct Cancellable {
    id: Id,
    cancellation: Cancellation,
    running: Arc<Running>,
}

impl Running {
    pub(super) fn add(self: &Arc<Self>, id: Id, cancellation: &Cancellation) -> Cancellable {
        self.lock().insert(id, cancellation.clone());
        Cancellable {
            id,
            cancellation: cancellation.clone(),
            running: Arc::clone(self),
        }
    }

    /// Whether there was something to cancel.
    pub(super) fn cancel(&self, id: Id) -> bool {
        let request = self.lock().get(&id).cloned();
        if let Some(request) = &request {
            request.cancel();
        }
        request.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Cancellation>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        let mut requests = self.running.lock();
        // A copy of the request, taken by another server of this process, may have its place.
        if requests
            .get(&self.id)
            .is_some_and(|there| there.is_same(&self.cancellation))
        {
            requests.remove(&self.id);
        }
    }
}
