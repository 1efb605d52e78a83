//! Which requests a server works on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use crate::wire::{Context, Text};

/// A request whose handler runs. Neither its arguments nor its context are shown, since they may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningRequest {
    /// The method, as the caller wrote it.
    pub method: String,
    /// The member `request_id` of the context, if it is a text.
    pub request_id: Option<String>,
    /// Since the handler's start.
    pub age: Duration,
}

/// The requests of a server; until somebody wants to see them, none is kept.
#[derive(Default)]
pub(super) struct InFlight {
    tracked: OnceLock<Mutex<Tracked>>,
}

impl InFlight {
    /// Keeps what begins from now on.
    pub(super) fn track(&self) {
        self.tracked.get_or_init(Mutex::default);
    }

    /// A request that begins: seen until what it gives is dropped.
    pub(super) fn begin(
        server: &Arc<Shared>,
        method: &Text,
        context: &Context,
    ) -> Option<Membership> {
        let mut tracked = server.in_flight.lock()?;
        let id = tracked.next;
        tracked.next = tracked.next.wrapping_add(1);
        let begun = Begun {
            method: method.clone(),
            context: context.clone(),
            at: Instant::now(),
        };
        tracked.requests.insert(id, begun);
        drop(tracked);
        Some(Membership {
            id,
            server: Arc::clone(server),
        })
    }

    /// What runs now, the oldest first.
    pub(super) fn snapshot(&self) -> Vec<RunningRequest> {
        let tracked = self.lock();
        let requests = tracked.iter().flat_map(|tracked| tracked.requests.values());
        requests.map(Begun::show).collect()
    }

    fn lock(&self) -> Option<MutexGuard<'_, Tracked>> {
        let tracked = self.tracked.get()?;
        Some(tracked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes a request off, however its handler ended.
pub(super) struct Membership {
    id: u64,
    server: Arc<Shared>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some(mut tracked) = self.server.in_flight.lock() {
            tracked.requests.remove(&self.id);
        }
    }
}

#[derive(Default)]
struct Tracked {
    next: u64,
    requests: BTreeMap<u64, Begun>,
}

/// Looked into only when somebody asks.
struct Begun {
    method: Text,
    context: Context,
    at: Instant,
}

impl Begun {
    fn show(&self) -> RunningRequest {
        let request_id = self.context.raw("request_id");
        let request_id = request_id.and_then(|id| Some(id.as_text()?.as_str().to_owned()));
        RunningRequest {
            method: self.method.as_str().to_owned(),
            request_id,
            age: self.at.elapsed(),
        }
    }
}
