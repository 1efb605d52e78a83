//! The task that lives a server's life: listen, stay listening, stop, finish.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::engine::{Admissions, Engine};
use super::lifecycle::Phase;
use super::{ServerListenError, Shared};
use crate::driver::{ListenError, ListenOptions, Listener};

/// Runs from the start of a server until it is done.
pub(super) async fn live(server: Arc<Shared>, limit: usize) {
    let engine = Engine::new(Arc::clone(&server), limit);
    let listener = match listen(&server, &engine, limit).await {
        Ok(listener) => listener,
        Err(cause) => {
            let target = Box::new(server.target.clone());
            server
                .lifecycle
                .set(Phase::StartFailed(ServerListenError { target, cause }));
            return;
        }
    };
    server.lifecycle.set(Phase::Running);

    let listener = stay_listening(&server, &engine, limit, listener).await;
    server.stop.cancelled().await;
    if let Some(listener) = &listener {
        listener.stop().await;
    }
    server.lifecycle.set(Phase::Stopped);

    server.finish.cancelled().await;
    engine.drain().await;
    if let Some(listener) = listener {
        listener.close().await;
    }
    server.lifecycle.set(Phase::Done);
}

async fn listen(
    server: &Shared,
    engine: &Arc<Engine>,
    limit: usize,
) -> Result<Box<dyn Listener>, ListenError> {
    let options = ListenOptions::new(prefetch(limit));
    let sink = Arc::new(Admissions(Arc::clone(engine)));
    server
        .transport
        .listen_with(&server.target, options, sink)
        .await
}

/// Twice the limit: while one batch is handled the next is on its way, and memory stays bounded.
fn prefetch(limit: usize) -> u16 {
    u16::try_from(limit.saturating_mul(2)).unwrap_or(u16::MAX)
}

/// Listens until the server is to stop; listens anew whenever the driver gives up, unless the transport was closed.
/// Yields the listener that stands at the end, if one does.
async fn stay_listening(
    server: &Shared,
    engine: &Arc<Engine>,
    limit: usize,
    first: Box<dyn Listener>,
) -> Option<Box<dyn Listener>> {
    let mut log = FailureLog::default();
    let mut listener = first;
    loop {
        let failure = tokio::select! {
            biased;
            () = server.stop.cancelled() => return Some(listener),
            failure = listener.failed() => failure,
        };
        drop(listener);
        if failure == ListenError::Closed {
            // By the program itself, and for good.
            return None;
        }
        log.failed(server, &failure);
        listener = loop {
            let attempt = async {
                tokio::time::sleep(LISTEN_PAUSE).await;
                listen(server, engine, limit).await
            };
            tokio::select! {
                biased;
                () = server.stop.cancelled() => return None,
                attempt = attempt => match attempt {
                    Ok(listener) => break listener,
                    Err(ListenError::Closed) => return None,
                    Err(failure) => log.failed(server, &failure),
                },
            }
        };
        server.counters.listener_restarts.increment();
    }
}

/// Logs failures, the same one at most once a minute.
#[derive(Default)]
struct FailureLog {
    last: Option<(String, Instant)>,
    unlogged: u64,
}

impl FailureLog {
    fn failed(&mut self, server: &Shared, failure: &ListenError) {
        let failure = failure.to_string();
        let now = Instant::now();
        let repeated = self
            .last
            .as_ref()
            .is_some_and(|(last, at)| *last == failure && now.duration_since(*at) < LOG_INTERVAL);
        if repeated {
            self.unlogged += 1;
            return;
        }
        tracing::error!(
            target_ = %server.target,
            unlogged = std::mem::take(&mut self.unlogged),
            "listening failed, trying again: {failure}"
        );
        self.last = Some((failure, now));
    }
}

/// Between two attempts to listen; the peer's.
const LISTEN_PAUSE: Duration = Duration::from_secs(1);
const LOG_INTERVAL: Duration = Duration::from_mins(1);
