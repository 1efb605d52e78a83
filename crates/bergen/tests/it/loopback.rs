//! A driver that hands each request to an endpoint of the same process and remembers it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bergen::driver::{
    BoxFuture, CallOptions, CallReply, Capabilities, CastOptions, Driver, DriverConfig,
    DriverError, DriverRegistry, ListenError, ListenOptions, Listener, NotificationSink,
    NotifyOptions, RequestSink, SendError,
};
use bergen::notify::Notification;
use bergen::rpc::{Call, Endpoint, MethodError};
use bergen::target::Target;
use bergen::transport::{RpcTransport, TransportOptions};
use bergen::wire::OutgoingRequest;
use tokio::time::Instant;

#[derive(Clone)]
pub(crate) struct Loopback(Arc<Inner>);

struct Inner {
    endpoint: Box<dyn Endpoint>,
    sent: Mutex<Vec<Sent>>,
}

/// One request that went out.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) target: Target,
    pub(crate) request: OutgoingRequest,
    /// What a call was given to end in; `None` for a cast.
    pub(crate) timeout: Option<Duration>,
}

impl Loopback {
    pub(crate) fn new(endpoint: impl Endpoint) -> Self {
        Self(Arc::new(Inner {
            endpoint: Box::new(endpoint),
            sent: Mutex::default(),
        }))
    }

    pub(crate) fn transport(&self) -> RpcTransport {
        let mut registry = DriverRegistry::empty();
        let driver: Arc<dyn Driver> = Arc::new(self.clone());
        registry.register("loopback", move |_: DriverConfig| {
            Ok::<_, DriverError>(Arc::clone(&driver))
        });
        let options = TransportOptions::default()
            .url("loopback://localhost/".parse().unwrap())
            .registry(registry);
        RpcTransport::new(options).unwrap()
    }

    /// The requests since the last time it was asked.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.0.sent.lock().unwrap())
    }

    fn note(&self, target: &Target, request: &OutgoingRequest, timeout: Option<Duration>) {
        let sent = Sent {
            target: target.clone(),
            request: request.clone(),
            timeout,
        };
        self.0.sent.lock().unwrap().push(sent);
    }

    async fn dispatch(&self, request: &OutgoingRequest) -> CallReply {
        let call = Call::new(request.context.clone(), request.args.clone());
        let result = self.0.endpoint.dispatch(&request.method, call).await;
        result.map_err(MethodError::into_failure)
    }
}

impl Driver for Loopback {
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    fn call<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<CallReply, SendError>> {
        let timeout = options.deadline.duration_since(Instant::now());
        self.note(target, request, Some(timeout));
        Box::pin(async move { Ok(self.dispatch(request).await) })
    }

    fn cast<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        _: CastOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        self.note(target, request, None);
        Box::pin(async move {
            let _ = self.dispatch(request).await;
            Ok(())
        })
    }

    fn send_notification<'a>(
        &'a self,
        _: &'a Target,
        _: &'a str,
        _: &'a Notification,
        _: NotifyOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async { Err(SendError::Closed) })
    }

    fn listen<'a>(
        &'a self,
        _: &'a Target,
        _: ListenOptions,
        _: Arc<dyn RequestSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async { Err(ListenError::Closed) })
    }

    fn listen_for_notifications<'a>(
        &'a self,
        _: &'a [(Target, String)],
        _: Option<&'a str>,
        _: ListenOptions,
        _: Arc<dyn NotificationSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async { Err(ListenError::Closed) })
    }

    fn close(&self, _: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
