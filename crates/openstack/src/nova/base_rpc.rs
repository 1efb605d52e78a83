//! The base API, which every service of nova serves.

use std::time::Duration;

use bergen_messaging::driver::BoxFuture;
use bergen_messaging::rpc::{
    Call, CallError, Endpoint, MethodError, MethodInfo, MethodResult, NoArguments, Parameter,
    PreparedClient, RpcClient, method_result,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, Version};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::{Context, RawJson};
use bergen_service::BackdoorPort;
use serde::{Deserialize, Serialize};

/// Serves the base API, namespace `baseapi`, version 1.1: nova's `BaseRPCAPI`.
///
/// | method | since | |
/// |---|---|---|
/// | `ping(arg)` | 1.0 | gives back `arg`, whatever it is, and the service's name |
/// | `get_backdoor_port()` | 1.1 | where the backdoor of the process that answers is: a port, a path, or null |
#[derive(Debug, Clone)]
pub struct BaseRpcApi {
    service_name: String,
    backdoor_port: Option<BackdoorPort>,
}

impl BaseRpcApi {
    /// For a service of this name, as `compute`.
    pub fn new(service_name: impl Into<String>, backdoor_port: Option<BackdoorPort>) -> Self {
        Self {
            service_name: service_name.into(),
            backdoor_port,
        }
    }

    fn ping(&self, call: &Call) -> Result<Pong, MethodError> {
        let mut arguments = call.bind("ping", PING)?;
        Ok(Pong {
            service: self.service_name.clone(),
            arg: arguments.take("arg")?,
        })
    }

    fn port(&self, call: &Call) -> Result<Option<&BackdoorPort>, MethodError> {
        call.bind("get_backdoor_port", &[])?;
        Ok(self.backdoor_port.as_ref())
    }
}

impl Endpoint for BaseRpcApi {
    fn target(&self) -> EndpointTarget {
        EndpointTarget::new().namespace(NAMESPACE).version((1, 1))
    }

    fn methods(&self) -> &[MethodInfo] {
        const {
            &[
                MethodInfo::new("ping"),
                MethodInfo::new("get_backdoor_port"),
            ]
        }
    }

    fn dispatch<'a>(&'a self, method: &'a str, call: Call) -> BoxFuture<'a, MethodResult> {
        Box::pin(async move {
            match method {
                "ping" => method_result(method, self.ping(&call)),
                "get_backdoor_port" => method_result(method, self.port(&call)),
                _ => Err(MethodError::no_such_method(method)),
            }
        })
    }
}

/// What a ping is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The name of the service, as `conductor`.
    pub service: String,
    /// What was sent.
    pub arg: RawJson,
}

/// Asks any service of nova what each of them answers: nova's `BaseAPI`.
#[derive(Debug, Clone)]
pub struct BaseApi {
    client: PreparedClient,
}

impl BaseApi {
    /// A client of the services of a topic, without a version cap.
    pub fn new(transport: &RpcTransport, topic: impl Into<String>) -> Self {
        let target = ClientTarget::new(topic)
            .namespace(NAMESPACE)
            .version((1, 0));
        Self {
            client: RpcClient::new(transport, target).prepare(),
        }
    }

    /// A copy that sends nothing newer, as `[upgrade_levels] baseapi` says.
    #[must_use]
    pub fn version_cap(&self, cap: Option<Version>) -> Self {
        Self::over(self.client.prepare().version_cap(cap))
    }

    /// A copy with another timeout. Default: `rpc_response_timeout`.
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        Self::over(self.client.prepare().timeout(timeout))
    }

    /// A copy that asks the service of this host, and not any of the topic.
    #[must_use]
    pub fn server(&self, host: impl Into<String>) -> Self {
        Self::over(self.client.prepare().server(host))
    }

    /// Whether a service is there, and its name.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn ping<T: Serialize + ?Sized>(
        &self,
        ctxt: &Context,
        arg: &T,
    ) -> Result<Pong, CallError> {
        let arguments = NoArguments.with("arg", arg);
        self.client.call(ctxt, "ping", &arguments).await
    }

    /// Where the backdoor of the process that answers is; `None` if it has none.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn backdoor_port(&self, ctxt: &Context) -> Result<Option<BackdoorPort>, CallError> {
        let client = self.client.prepare().version((1, 1));
        client.call(ctxt, "get_backdoor_port", &()).await
    }

    const fn over(client: PreparedClient) -> Self {
        Self { client }
    }
}

const NAMESPACE: &str = "baseapi";

const PING: &[Parameter] = &[Parameter::required("arg")];

#[cfg(test)]
mod tests;
