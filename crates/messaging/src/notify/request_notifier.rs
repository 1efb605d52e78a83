//! HTTP requests and responses as notifications.

mod description;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Method, Request, Response};
use serde_json::json;
use tower_layer::Layer;
use tower_service::Service;

use super::{Notifier, Outbox, OutboxOptions, Priority, WhenFull};
use description::{Environ, of_response};

#[cfg(test)]
mod tests;

/// A layer of `tower` that publishes `http.request` before and `http.response` after each request (the peer's
/// `RequestNotifier`, a filter of WSGI).
///
/// A request is never delayed and never fails because of it: events go to an [`Outbox`], which drops and counts what it
/// has no room for. Bodies are not touched.
///
/// The payload is an object with `request`: the keys that WSGI gives it, such as `REQUEST_METHOD`, `PATH_INFO` and
/// `HTTP_USER_AGENT`. An `http.response` has also `response`, with `status` and `headers`; or, if the service failed,
/// `exception`, with `value` (what the error says) and `traceback`, which is empty. A request that is given up has no
/// response.
///
/// Headers that carry secrets are left out, where the peer leaves out `X-Auth-Token` alone: those whose names have a word
/// such as `token` or `password`, `Authorization`, cookies. In query strings such values are blanked.
///
/// ```
/// use bergen_messaging::notify::drivers::TestDriver;
/// use bergen_messaging::notify::{Notifier, OutboxOptions, RequestNotifierLayer};
/// use http::{Method, Request, Response};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let seen = TestDriver::default();
/// let notifier = Notifier::with_drivers("placement-api", [seen.clone()]);
/// let layer = RequestNotifierLayer::new(&notifier, OutboxOptions::default())
///     .service_name("placement")
///     .ignore([Method::HEAD, Method::OPTIONS]);
/// let service = ServiceBuilder::new()
///     .layer(layer)
///     .service(service_fn(async |_: Request<()>| Ok::<_, std::io::Error>(Response::new("here"))));
/// service.oneshot(Request::get("http://api/resources").body(())?).await?;
/// seen.came(2).await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RequestNotifierLayer {
    settings: Arc<Settings>,
}

#[derive(Debug, Clone)]
struct Settings {
    outbox: Outbox,
    is_enabled: bool,
    service_name: Option<String>,
    ignored: Vec<Method>,
}

impl RequestNotifierLayer {
    /// Publishes through this notifier; the peer's publisher is the name of the program. Must be called in a runtime.
    ///
    /// [`WhenFull::Wait`] counts as [`WhenFull::DropNewest`], since no request waits.
    pub fn new(notifier: &Notifier, options: OutboxOptions) -> Self {
        let when_full = match options.when_full {
            WhenFull::Wait => WhenFull::DropNewest,
            drop => drop,
        };
        Self {
            settings: Arc::new(Settings {
                is_enabled: notifier.is_enabled(),
                outbox: notifier.outbox(OutboxOptions {
                    when_full,
                    ..options
                }),
                service_name: None,
                ignored: Vec::new(),
            }),
        }
    }

    /// What stands as `HTTP_X_SERVICE_NAME` (the peer's option `service_name`). Default: the host that was asked.
    #[must_use]
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.settings).service_name = Some(name.into());
        self
    }

    /// Says nothing of requests with these methods (the peer's option `ignore_req_list`). Default: none.
    #[must_use]
    pub fn ignore(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        Arc::make_mut(&mut self.settings).ignored = methods.into_iter().collect();
        self
    }

    /// Where the events wait to be sent: for its counts, and to flush it before the program ends.
    pub fn outbox(&self) -> &Outbox {
        &self.settings.outbox
    }
}

impl<S> Layer<S> for RequestNotifierLayer {
    type Service = RequestNotifier<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestNotifier {
            inner,
            settings: Arc::clone(&self.settings),
        }
    }
}

/// A service whose requests are published; see [`RequestNotifierLayer`].
#[derive(Debug, Clone)]
pub struct RequestNotifier<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, B, R> Service<Request<B>> for RequestNotifier<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Display,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let settings = &self.settings;
        let is_told = settings.is_enabled && !settings.ignored.contains(request.method());
        let told = is_told.then(|| {
            let environ = Environ::of(&request, settings.service_name.as_deref());
            settings.publish("http.request", &json!({"request": environ}));
            Told {
                environ,
                settings: Arc::clone(settings),
            }
        });
        ResponseFuture {
            inner: Box::pin(self.inner.call(request)),
            told,
        }
    }
}

/// The response to come; see [`RequestNotifier`].
#[derive(Debug)]
pub struct ResponseFuture<F> {
    inner: Pin<Box<F>>,
    told: Option<Told>,
}

/// A request that was published, and whose response will be.
#[derive(Debug)]
struct Told {
    environ: Environ,
    settings: Arc<Settings>,
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: fmt::Display,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.inner.as_mut().poll(cx));
        if let Some(Told { environ, settings }) = self.told.take() {
            let payload = match &result {
                Ok(response) => json!({"request": environ, "response": of_response(response)}),
                Err(error) => {
                    let exception = json!({"value": error.to_string(), "traceback": []});
                    json!({"request": environ, "exception": exception})
                }
            };
            settings.publish("http.response", &payload);
        }
        Poll::Ready(result)
    }
}

impl Settings {
    fn publish(&self, event_type: &str, payload: &serde_json::Value) {
        self.outbox
            .post_quietly(Priority::Info, event_type, payload);
    }
}
