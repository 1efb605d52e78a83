//! Telling monitoring callers that their request is still worked on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::task::AbortOnDropHandle;

use super::engine::Engine;
use crate::clock::later;
use crate::driver::{IncomingRequest, ReplyError};
use crate::wire::KeepAlive;

/// Sends keep-alives from receipt on, if the caller asks for them, until the handle is dropped or the caller has been
/// gone for a minute.
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
        let mut gone_since = None;
        loop {
            ticks.tick().await;
            match responder.keep_alive().await {
                Ok(()) => {
                    gone_since = None;
                    engine.counters().keep_alives.increment();
                }
                // It may be reconnecting, and wants to hear of us when it is back.
                Err(ReplyError::NoRoute { .. }) => {
                    let now = Instant::now();
                    let since = *gone_since.get_or_insert(now);
                    if now.duration_since(since) >= CALLER_MAY_RETURN {
                        return;
                    }
                }
                // The next one may get through; a lost one is not sent again.
                Err(error) => tracing::debug!("a keep-alive was not sent: {error}"),
            }
        }
    })))
}

/// As long as answers are tried again while their reply queue is missing; the peer stops at the first one.
const CALLER_MAY_RETURN: Duration = Duration::from_mins(1);
