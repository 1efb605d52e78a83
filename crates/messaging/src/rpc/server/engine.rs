//! From the driver's hand to the handlers: admission, and the bounds of what runs.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::duplicates::Duplicates;
use super::stats::Counters;
use super::{Executor, Shared, keep_alive};
use crate::driver::{Admission, BoxFuture, IncomingRequest, RequestSink};

/// Admits requests, runs them, and knows when all are done.
///
/// A request gets its place among the handlers at once, or is held: then it stays unacknowledged, bounded by the
/// listener's prefetch, until a place is free.
pub(super) struct Engine {
    pub(super) server: Arc<Shared>,
    /// One permit per handler that may run.
    places: Arc<Semaphore>,
    /// One permit per answer that may wait for the broker. Apart from the places, so that callers who vanished, whose
    /// answers are tried for a minute, do not keep handlers from running.
    pub(super) answers: Semaphore,
    duplicates: Duplicates,
    tasks: TaskTracker,
}

/// Keeps a caller informed until it is dropped.
type KeepAlives = Option<AbortOnDropHandle<()>>;

impl Engine {
    pub(super) fn new(server: Arc<Shared>, limit: usize) -> Arc<Self> {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        let duplicates = Duplicates::new(server.duplicate_window);
        Arc::new(Self {
            server,
            places: Arc::new(Semaphore::new(limit)),
            answers: Semaphore::new(limit.max(PENDING_ANSWERS)),
            duplicates,
            tasks: TaskTracker::new(),
        })
    }

    /// Completes when nothing runs or waits any more. To be called when nothing new comes.
    pub(super) async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.server.counters
    }

    /// Starts a request that has its place.
    fn start(self: &Arc<Self>, incoming: IncomingRequest, place: OwnedSemaphorePermit) {
        let keep_alives = keep_alive::start(self, &incoming);
        let work = Arc::clone(self).serve(incoming, place, keep_alives);
        if self.server.executor != Executor::Inline {
            self.tasks.spawn(work);
            return;
        }
        let mut work: BoxFuture<'static, ()> = Box::pin(work);
        // What is not ready yet is polled again by its task, which then has a waker of its own.
        if work
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
        {
            self.tasks.spawn(work);
        }
    }

    /// Waits for a place, tells the broker that the request is taken, and runs it.
    async fn hold(self: Arc<Self>, incoming: IncomingRequest, keep_alives: KeepAlives) {
        let Some(place) = self.place(&incoming).await else {
            return;
        };
        let late = self.server.dispatcher.is_late(&incoming.request);
        if !late && let Err(error) = incoming.acknowledge() {
            // The broker will deliver it again, here or elsewhere; this copy must not run.
            self.counters().lost_before_start.increment();
            tracing::debug!(
                method = %incoming.request.method.escape_debug(),
                "a waiting request was lost: {error}"
            );
            return;
        }
        if self.is_new(&incoming) {
            self.serve(incoming, place, keep_alives).await;
        } else if late {
            // If the broker can't be told it delivers the copy again, to be dropped then.
            let _ = incoming.acknowledge();
        }
    }

    /// Waits for a place among the handlers, as long as anybody waits for the answer.
    async fn place(&self, incoming: &IncomingRequest) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).acquire_owned();
        let expired = async {
            match incoming.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let admitted = pin!(async {
            tokio::select! {
                biased;
                // The semaphore is never closed.
                place = place => place.ok(),
                () = expired => {
                    self.expired(incoming);
                    // If the broker can't be told it delivers the request again, to be dropped then.
                    let _ = incoming.acknowledge();
                    None
                }
                () = incoming.cancellation.cancelled() => {
                    self.cancelled_before_start(incoming);
                    None
                }
                // Else handlers that hang would gather one more copy of each with every connection that is lost.
                () = incoming.lost() => {
                    self.counters().lost_before_start.increment();
                    None
                }
            }
        });
        self.offering_cancel(incoming, admitted).await
    }

    /// Records the request as taken; false if one with its id was taken before.
    fn is_new(&self, incoming: &IncomingRequest) -> bool {
        let Some(id) = &incoming.request.unique_id else {
            return true;
        };
        let recorded = self.duplicates.record(id, Instant::now());
        self.counters().duplicate_evictions.add(recorded.evicted);
        if !recorded.is_new {
            self.duplicate(incoming);
        }
        recorded.is_new
    }

    fn was_taken(&self, incoming: &IncomingRequest) -> bool {
        let id = incoming.request.unique_id.as_ref();
        id.is_some_and(|id| self.duplicates.contains(id, Instant::now()))
    }

    fn duplicate(&self, incoming: &IncomingRequest) {
        self.counters().duplicates.increment();
        tracing::warn!(
            method = %incoming.request.method.escape_debug(),
            unique_id = ?incoming.request.unique_id,
            redelivered = incoming.redelivered,
            "dropped a request that was taken before"
        );
    }

    fn expired(&self, incoming: &IncomingRequest) {
        self.counters().expired.increment();
        tracing::warn!(
            method = %incoming.request.method.escape_debug(),
            waited = ?incoming.received.elapsed(),
            "dropped a request that expired before it could run"
        );
    }

    fn cancelled_before_start(&self, incoming: &IncomingRequest) {
        self.counters().cancelled_before_start.increment();
        tracing::debug!(
            method = %incoming.request.method.escape_debug(),
            "dropped a request whose caller gave up before it could run"
        );
        // Its copies are not to run either, also not the one that comes if the broker can't be told.
        if let Some(id) = &incoming.request.unique_id {
            self.duplicates.record(id, Instant::now());
        }
        let _ = incoming.acknowledge();
    }
}

/// The engine as the driver sees it.
pub(super) struct Admissions(pub(super) Arc<Engine>);

impl RequestSink for Admissions {
    fn request(&self, incoming: IncomingRequest) -> Admission {
        let engine = &self.0;
        engine.counters().received.increment();
        if incoming.redelivered {
            engine.counters().redelivered.increment();
        }
        if incoming.is_expired(Instant::now()) {
            engine.expired(&incoming);
            return Admission::Taken;
        }
        if let Ok(place) = Arc::clone(&engine.places).try_acquire_owned() {
            if !engine.is_new(&incoming) {
                return Admission::Taken;
            }
            let late = engine.server.dispatcher.is_late(&incoming.request);
            engine.start(incoming, place);
            return if late {
                Admission::Held
            } else {
                Admission::Taken
            };
        }
        if engine.was_taken(&incoming) {
            engine.duplicate(&incoming);
            return Admission::Taken;
        }
        engine.counters().held.increment();
        let keep_alives = keep_alive::start(engine, &incoming);
        engine
            .tasks
            .spawn(Arc::clone(engine).hold(incoming, keep_alives));
        Admission::Held
    }
}

/// Answers that may wait for the broker at once, if the limit of handlers is not larger.
const PENDING_ANSWERS: usize = 1024;
