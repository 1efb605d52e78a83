//! Which requests a service works on.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bergen_messaging::driver::BoxFuture;
use bergen_messaging::rpc::{Call, Endpoint, MethodInfo, MethodResult};
use bergen_messaging::target::EndpointTarget;
use bergen_messaging::wire::{Context, RawJson};
use bergen_service::CallInFlight;
use tokio::time::{Instant, interval_at};

/// The requests that a service works on now. Clones show the same.
#[derive(Clone, Default)]
pub struct InFlight {
    running: Arc<Mutex<Running>>,
}

/// A request that is worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InFlightCall {
    /// The method.
    pub method: String,
    /// The UUID of the instance that is its argument, if one is.
    pub instance: Option<String>,
    /// The request's id, by its context.
    pub request_id: Option<String>,
    /// Since the method was called.
    pub age: Duration,
}

impl InFlight {
    /// What runs now, the oldest first.
    pub fn snapshot(&self) -> Vec<InFlightCall> {
        let running = self.running();
        running.calls.values().map(Running::show).collect()
    }

    /// An endpoint whose requests are seen here while they run.
    pub(super) fn track(&self, endpoint: Arc<dyn Endpoint>) -> Tracked {
        Tracked {
            endpoint,
            in_flight: self.clone(),
        }
    }

    /// Waits, and logs every 10 s what is waited for, the first time at once.
    pub(super) async fn log_while<T>(&self, waiting: impl Future<Output = T>) -> T {
        let mut ticks = interval_at(Instant::now(), LOG_INTERVAL);
        tokio::pin!(waiting);
        loop {
            tokio::select! {
                biased;
                done = &mut waiting => return done,
                _ = ticks.tick() => self.log(),
            }
        }
    }

    fn log(&self) {
        for call in self.snapshot() {
            tracing::info!(
                method = call.method,
                instance = call.instance,
                request_id = call.request_id,
                seconds = call.age.as_secs(),
                "a request is still worked on"
            );
        }
    }

    fn begin(&self, method: &str, call: &Call) -> Membership {
        let mut running = self.running();
        let id = running.next;
        running.next = running.next.wrapping_add(1);
        let begun = Begun {
            method: method.to_owned(),
            context: call.context.clone(),
            arguments: call.arguments.clone(),
            at: Instant::now(),
        };
        running.calls.insert(id, begun);
        Membership {
            id,
            in_flight: self.clone(),
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without arguments and contexts, which may hold secrets.
impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InFlight").field(&self.snapshot()).finish()
    }
}

impl From<InFlightCall> for CallInFlight {
    fn from(call: InFlightCall) -> Self {
        Self::new(&call.method, call.request_id.as_deref(), call.age)
    }
}

/// An endpoint whose requests are seen while they run.
pub(super) struct Tracked {
    endpoint: Arc<dyn Endpoint>,
    in_flight: InFlight,
}

impl Endpoint for Tracked {
    fn target(&self) -> EndpointTarget {
        self.endpoint.target()
    }

    fn methods(&self) -> &[MethodInfo] {
        self.endpoint.methods()
    }

    fn dispatch<'a>(&'a self, method: &'a str, call: Call) -> BoxFuture<'a, MethodResult> {
        let membership = self.in_flight.begin(method, &call);
        let running = self.endpoint.dispatch(method, call);
        Box::pin(async move {
            let _membership = membership;
            running.await
        })
    }
}

#[derive(Default)]
struct Running {
    next: u64,
    calls: BTreeMap<u64, Begun>,
}

impl Running {
    fn show(begun: &Begun) -> InFlightCall {
        let text = |json: Option<RawJson>| Some(json?.as_text()?.as_str().to_owned());
        let instance = begun.arguments.member("instance");
        let data = instance.and_then(|instance| instance.member("nova_object.data"));
        InFlightCall {
            method: begun.method.clone(),
            instance: text(data.and_then(|data| data.member("uuid"))),
            request_id: text(begun.context.raw("request_id").cloned()),
            age: begun.at.elapsed(),
        }
    }
}

/// What is kept of a request; looked into only when somebody asks.
struct Begun {
    method: String,
    context: Context,
    arguments: RawJson,
    at: Instant,
}

/// Takes a request off when its future is dropped, however it ended.
struct Membership {
    id: u64,
    in_flight: InFlight,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.in_flight.running().calls.remove(&self.id);
    }
}

const LOG_INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
