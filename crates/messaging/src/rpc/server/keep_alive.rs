//! Telling monitoring callers that their request is still worked on.

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval_at};
use tokio_util::task::AbortOnDropHandle;

use super::engine::Engine;
use crate::clock::later;
use crate::driver::{IncomingRequest, ReplyError};
use crate::wire::KeepAlive;

/// Sends keep-alives from receipt on, if the caller asks for them, until the handle is dropped or the caller is gone.
///
/// A task of its own, so that a handler that blocks its thread does not silence it.
pub(super) fn start(
    engine: &Arc<Engine>,
    incoming: &IncomingRequest,
) -> Option<AbortOnDropHandle<()>> {
    let interval = match incoming.request.keep_alive() {
        KeepAlive::NotAsked => return None,
        KeepAlive::Every(interval) => interval,
        KeepAlive::Unusable => {
            tracing::warn!(
                method = %incoming.request.method.escape_debug(),
                "the caller's monitor timeout is no number of at least 2 seconds: no keep-alives"
            );
            return None;
        }
    };
    let engine = Arc::clone(engine);
    let responder = Arc::clone(incoming.responder());
    let first = later(incoming.received, interval);
    Some(AbortOnDropHandle::new(tokio::spawn(async move {
        let mut ticks = interval_at(first, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match responder.keep_alive().await {
                Ok(()) => engine.counters().keep_alives.increment(),
                // Nobody waits any more.
                Err(ReplyError::NoRoute { .. }) => return,
                // The next one may get through; a lost one is not sent again.
                Err(error) => tracing::debug!("a keep-alive was not sent: {error}"),
            }
        }
    })))
}
