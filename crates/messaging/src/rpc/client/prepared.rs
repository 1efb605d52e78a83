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
use crate::driver::{CallOptions, CastOptions, Retry};
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
    target: Target,
    settings: Settings,
}

impl PreparedClient {
    pub(super) fn new(shared: Arc<Shared>, target: Target, settings: Settings) -> Self {
        Self {
            shared,
            target,
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
        self.target.exchange = Some(exchange.into());
        self
    }

    /// Sends to this topic.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.target.topic = Some(topic.into());
        self
    }

    /// Asks for methods of this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.target.namespace = Some(namespace.into());
        self
    }

    /// Asks for this version of the interface. A version from outside is parsed first: it has to be `major.minor` or
    /// `major.minor.revision`.
    #[must_use]
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        self.target.version = Some(version.into());
        self
    }

    /// Sends to this server only.
    #[must_use]
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.target.server = Some(server.into());
        self
    }

    /// Sends to every server of the topic, or back to one; casts only.
    #[must_use]
    pub fn fanout(mut self, fanout: bool) -> Self {
        self.target.fanout = fanout;
        self
    }

    /// Gives calls this long; zero fails them at once.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
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
    pub fn call<T: DeserializeOwned>(
        &self,
        ctxt: &Context,
        method: impl Into<Text>,
        arguments: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<T, CallError>> {
        // The clock starts and the arguments are encoded when the call is made, not when it is first polled.
        let started = Instant::now();
        let request = self.request(ctxt, method.into(), arguments);
        async move {
            let request = request?;
            let result = self.call_request(&request, ctxt, started).await?;
            result.decode().map_err(|cause| CallError::Result {
                method: request.method.as_str().to_owned(),
                cause,
            })
        }
    }

    /// As [`call`](Self::call), with remote failures as the program's own error type where `E` knows them.
    ///
    /// # Errors
    /// See [`TypedCallError`].
    pub fn call_typed<T: DeserializeOwned, E: RpcError>(
        &self,
        ctxt: &Context,
        method: impl Into<Text>,
        arguments: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<T, TypedCallError<E>>> {
        let call = self.call(ctxt, method, arguments);
        async move { Ok(call.await?) }
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
    ) -> impl Future<Output = Result<(), CallError>> {
        let request = self.request(ctxt, method.into(), arguments);
        async move { self.cast_request(request?).await }
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
        Ok(OutgoingRequest {
            method,
            args,
            namespace: self.target.namespace.as_deref().map(Text::copy),
            version: self.target.version,
            context,
            monitor: self.settings.monitor,
        })
    }

    pub(super) async fn cast_request(&self, request: OutgoingRequest) -> Result<(), CallError> {
        let options = CastOptions {
            retry: self.settings.retry,
            at_least_once: self.settings.at_least_once,
            ..CastOptions::default()
        };
        self.shared
            .transport
            .cast(&self.target, &request, options)
            .await
    }

    async fn call_request(
        &self,
        request: &OutgoingRequest,
        ctxt: &Context,
        started: Instant,
    ) -> Result<RawJson, CallError> {
        let transport = &self.shared.transport;
        let mut options = CallOptions::new(self.deadline(request, started)?);
        options.retry = self.settings.retry;
        options.at_least_once = self.settings.at_least_once;
        match transport.call(&self.target, request, options).await? {
            Ok(result) => match &self.shared.serializer {
                Some(serializer) => Ok(serializer.deserialize_entity(ctxt, result)?),
                None => Ok(result),
            },
            Err(failure) => Err(Box::new(transport.remote_error(*failure)).into()),
        }
    }

    /// The end of the call's own time or of the request's that it is made for, whichever comes first.
    fn deadline(&self, request: &OutgoingRequest, started: Instant) -> Result<Instant, CallError> {
        let own = started
            .checked_add(self.settings.timeout)
            .unwrap_or_else(|| started + LONGEST);
        let deadline = CurrentRequest::deadline().map_or(own, |inherited| inherited.min(own));
        if deadline <= Instant::now() {
            let method = request.method.as_str().to_owned();
            return Err(CallError::Expired { method });
        }
        Ok(deadline)
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

/// Arguments are an object; nothing stands for no arguments.
fn argument_object(arguments: RawJson) -> Result<RawJson, String> {
    match arguments.kind() {
        JsonKind::Object => Ok(arguments),
        JsonKind::Null => Ok(RawJson::empty_object()),
        kind => Err(format!("they must be an object by name, not {kind:?}")),
    }
}

/// What a timeout beyond the clock's range counts as: 30 years.
const LONGEST: Duration = Duration::from_hours(24 * 365 * 30);
