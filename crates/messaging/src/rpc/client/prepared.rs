//! A client with target and settings for some calls.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Shared;
use super::builder::Settings;
use crate::clock::later;
use crate::driver::{CallOptions, CastOptions, Retry};
use crate::mask::without_secrets;
use crate::rpc::serializer::convert_members;
use crate::rpc::{
    CallError, CurrentRequest, RpcError, RpcVersionCapError, SerializeError, TypedCallError,
};
use crate::target::{Target, Version};
use crate::wire::{Context, JsonKind, OutgoingRequest, RawJson, Text};

/// A client with target and settings for some calls. Made by [`RpcClient::prepare`](super::RpcClient::prepare), or by
/// [`prepare`](Self::prepare) from another one; what is not changed is inherited.
#[derive(Clone)]
pub struct PreparedClient {
    shared: Arc<Shared>,
    /// Shared with the calls in flight: each takes a copy of the client along.
    target: Arc<Target>,
    settings: Settings,
}

impl PreparedClient {
    pub(super) fn new(shared: Arc<Shared>, target: Target, settings: Settings) -> Self {
        Self {
            shared,
            target: Arc::new(target),
            settings,
        }
    }

    /// A copy to change further.
    #[must_use]
    pub fn prepare(&self) -> Self {
        self.clone()
    }

    /// Sends to this exchange.
    #[must_use]
    pub fn exchange(mut self, exchange: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.target).exchange = Some(exchange.into());
        self
    }

    /// Sends to this topic.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.target).topic = Some(topic.into());
        self
    }

    /// Asks for methods of this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.target).namespace = Some(namespace.into());
        self
    }

    /// Asks for this version of the interface. A version from outside is parsed first: it has to be `major.minor` or
    /// `major.minor.revision`.
    #[must_use]
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        Arc::make_mut(&mut self.target).version = Some(version.into());
        self
    }

    /// Sends to this server only.
    #[must_use]
    pub fn server(mut self, server: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.target).server = Some(server.into());
        self
    }

    /// Sends to every server of the topic, or back to one; casts only.
    #[must_use]
    pub fn fanout(mut self, fanout: bool) -> Self {
        Arc::make_mut(&mut self.target).fanout = fanout;
        self
    }

    /// Gives calls this long; zero fails them at once.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Gives casts this long to be confirmed; `None` as long as [`retry`](Self::retry) allows.
    #[must_use]
    pub fn cast_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.settings.cast_timeout = timeout;
        self
    }

    /// Refuses newer versions; `None` lifts the cap.
    #[must_use]
    pub fn version_cap(mut self, cap: Option<Version>) -> Self {
        self.settings.version_cap = cap;
        self
    }

    /// Tries connecting or publishing this often again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// Asks for keep-alives and fails a call after this long without one; `None` does not monitor.
    #[must_use]
    pub fn call_monitor_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.settings.monitor = timeout;
        self
    }

    /// Fails at once if no queue takes the message.
    #[must_use]
    pub fn at_least_once(mut self, at_least_once: bool) -> Self {
        self.settings.at_least_once = at_least_once;
        self
    }

    /// The target that calls go to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whether a message of this version may be sent under the version cap. `None` asks for a message without a
    /// version, which no cap allows.
    pub fn can_send_version(&self, version: Option<Version>) -> bool {
        match (self.settings.version_cap, version) {
            (None, _) => true,
            (Some(cap), Some(version)) => cap.accepts(version),
            (Some(_), None) => false,
        }
    }

    /// Calls a method of one server and waits for its result; see [`RpcClient::call`](super::RpcClient::call).
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn call<T: DeserializeOwned + 'static>(
        &self,
        ctxt: &Context,
        method: impl Into<Text>,
        arguments: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<T, CallError>> + Send + 'static {
        let call = self.begin(ctxt, method.into(), arguments);
        async move { call?.result().await }
    }

    /// As [`call`](Self::call), with remote failures as the program's own error type where `E` knows them.
    ///
    /// # Errors
    /// See [`TypedCallError`].
    pub fn call_typed<T: DeserializeOwned + 'static, E: RpcError + 'static>(
        &self,
        ctxt: &Context,
        method: impl Into<Text>,
        arguments: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<T, TypedCallError<E>>> + Send + 'static {
        let call = self.begin(ctxt, method.into(), arguments);
        async move { Ok(call?.result().await?) }
    }

    /// Sends a request without waiting for an answer; see [`RpcClient::cast`](super::RpcClient::cast).
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn cast(
        &self,
        ctxt: &Context,
        method: impl Into<Text>,
        arguments: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<(), CallError>> + Send + 'static {
        let request = self.request(ctxt, method.into(), arguments);
        self.clone().cast_request(request)
    }

    /// Starts the clock of a call and encodes its arguments: when it is made, not when its future is first polled,
    /// which may be in a task that knows nothing of the current request.
    fn begin(
        &self,
        ctxt: &Context,
        method: Text,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<Calling, CallError> {
        let deadline = self.deadline();
        Ok(Calling {
            request: self.request(ctxt, method, arguments)?,
            client: self.clone(),
            ctxt: ctxt.clone(),
            deadline,
        })
    }

    /// Encodes a request, after the checks that need no transport.
    pub(super) fn request(
        &self,
        ctxt: &Context,
        method: Text,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<OutgoingRequest, CallError> {
        self.check_version()?;
        let encoded = RawJson::encode(arguments).map_err(|error| error.to_string());
        let args = encoded
            .and_then(argument_object)
            .map_err(|cause| CallError::Arguments {
                method: method.as_str().to_owned(),
                cause,
            })?;
        let (args, context) = match &self.shared.serializer {
            None => (args, ctxt.clone()),
            Some(serializer) => {
                let args =
                    convert_members(&args, |value| serializer.serialize_entity(ctxt, value))?;
                let args = RawJson::encode(&args)
                    .map_err(|error| SerializeError::new(error.to_string()))?;
                (args, serializer.serialize_context(ctxt)?)
            }
        };
        let context = if self.settings.redact_context {
            without_secrets(&context)
        } else {
            context
        };
        Ok(OutgoingRequest {
            method,
            args,
            namespace: self.target.namespace.as_deref().map(Text::copy),
            version: self.target.version,
            context,
            monitor: self.settings.monitor,
        })
    }

    /// Starts the clock of a cast.
    pub(super) fn cast_request(
        self,
        request: Result<OutgoingRequest, CallError>,
    ) -> impl Future<Output = Result<(), CallError>> + Send + 'static {
        let timeout = self.settings.cast_timeout;
        let options = CastOptions {
            retry: self.settings.retry,
            at_least_once: self.settings.at_least_once,
            deadline: timeout.map(|timeout| later(Instant::now(), timeout)),
        };
        async move {
            let transport = &self.shared.transport;
            transport.cast(&self.target, &request?, options).await
        }
    }

    /// The end of the call's own time or of the request's that it is made for, whichever comes first.
    fn deadline(&self) -> Instant {
        let own = later(Instant::now(), self.settings.timeout);
        CurrentRequest::deadline().map_or(own, |inherited| inherited.min(own))
    }

    fn check_version(&self) -> Result<(), RpcVersionCapError> {
        match self.settings.version_cap {
            Some(version_cap) if !self.can_send_version(self.target.version) => {
                Err(RpcVersionCapError {
                    version: self.target.version,
                    version_cap,
                })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for PreparedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedClient")
            .field("target", &self.target)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A call that has been made. It owns what it needs, so that its future borrows nothing.
struct Calling {
    client: PreparedClient,
    request: OutgoingRequest,
    ctxt: Context,
    deadline: Instant,
}

impl Calling {
    async fn result<T: DeserializeOwned>(self) -> Result<T, CallError> {
        let result = self.send().await?;
        result.decode().map_err(|cause| CallError::Result {
            method: self.method(),
            cause,
        })
    }

    async fn send(&self) -> Result<RawJson, CallError> {
        if self.deadline <= Instant::now() {
            return Err(CallError::Expired {
                method: self.method(),
            });
        }
        let PreparedClient {
            shared,
            target,
            settings,
        } = &self.client;
        let mut options = CallOptions::new(self.deadline);
        options.retry = settings.retry;
        options.at_least_once = settings.at_least_once;
        let transport = &shared.transport;
        match transport.call(target, &self.request, options).await? {
            Ok(result) => match &shared.serializer {
                Some(serializer) => Ok(serializer.deserialize_entity(&self.ctxt, result)?),
                None => Ok(result),
            },
            Err(failure) => Err(Box::new(transport.remote_error(*failure)).into()),
        }
    }

    fn method(&self) -> String {
        self.request.method.as_str().to_owned()
    }
}

/// Arguments are an object; nothing stands for no arguments.
fn argument_object(arguments: RawJson) -> Result<RawJson, String> {
    match arguments.kind() {
        JsonKind::Object => Ok(arguments),
        JsonKind::Null => Ok(RawJson::empty_object()),
        kind => Err(format!("they must be an object by name, not {kind:?}")),
    }
}
