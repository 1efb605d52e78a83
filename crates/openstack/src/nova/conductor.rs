//! What a service without access to the database asks the conductor for.

use std::time::Duration;

use bergen_messaging::driver::{BoxFuture, SendError};
use bergen_messaging::rpc::{CallError, RpcClient};
use bergen_messaging::target::{ClientTarget, Version};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Context;
use serde::de::DeserializeOwned;

use super::{BaseApi, NovaSettings, RecordError, ServiceRecords};
use crate::objects::nova::Service;
use crate::objects::{MethodArguments, ObjectClient};

/// The conductor, as a service without access to the database uses it: nova's `conductor.API`.
///
/// In a deployment with cells it is the conductor of the service's own cell, over that cell's transport.
#[derive(Debug, Clone)]
pub struct ConductorApi {
    base: BaseApi,
    objects: ObjectClient,
}

impl ConductorApi {
    /// A client with the version caps of these settings.
    pub fn new(transport: &RpcTransport, settings: &NovaSettings) -> Self {
        Self {
            base: BaseApi::new(transport, TOPIC).version_cap(settings.baseapi_cap),
            objects: ObjectClient::over(client(transport, settings.conductor_cap)),
        }
    }

    /// The methods of objects that run in the conductor.
    pub fn objects(&self) -> &ObjectClient {
        &self.objects
    }

    /// Pings until a conductor answers: ten times with a timeout of 10 s, then without end with
    /// `rpc_response_timeout`. A warning each time, and a line when it has answered after all.
    ///
    /// A broker that knows of no conductor says so at once; that counts as a try, and the next one comes a second later.
    ///
    /// # Errors
    /// Everything but a conductor that is not there.
    pub async fn wait_for_conductor(&self, ctxt: &Context) -> Result<(), CallError> {
        let early = self.base.timeout(EARLY_TIMEOUT);
        let mut attempts = 0;
        loop {
            let base = if attempts < EARLY_ATTEMPTS {
                &early
            } else {
                &self.base
            };
            attempts += 1;
            match base.ping(ctxt, "1.21 GigaWatts").await {
                Ok(_) if attempts > 1 => {
                    tracing::info!("nova-conductor connection established successfully");
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(CallError::Send(SendError::NoServer { .. })) => {
                    warn_of_absence();
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) if error.is_timeout() => warn_of_absence(),
                Err(error) => return Err(error),
            }
        }
    }

    async fn of_class<T: DeserializeOwned + 'static>(
        &self,
        ctxt: &Context,
        method: &str,
        arguments: MethodArguments,
    ) -> Result<T, RecordError> {
        let answer = self
            .objects
            .class_action::<Service, T>(ctxt, method, arguments);
        Ok(answer.await?)
    }

    async fn of_object(
        &self,
        ctxt: &Context,
        service: &mut Service,
        method: &str,
    ) -> Result<(), RecordError> {
        let arguments = MethodArguments::new();
        Ok(self
            .objects
            .action(ctxt, service, method, arguments)
            .await?)
    }
}

impl ServiceRecords for ConductorApi {
    fn find<'a>(
        &'a self,
        ctxt: &'a Context,
        host: &'a str,
        binary: &'a str,
    ) -> BoxFuture<'a, Result<Option<Service>, RecordError>> {
        let arguments = MethodArguments::new().arg(host).arg(binary);
        Box::pin(self.of_class(ctxt, "get_by_host_and_binary", arguments))
    }

    fn create<'a>(
        &'a self,
        ctxt: &'a Context,
        service: &'a mut Service,
    ) -> BoxFuture<'a, Result<(), RecordError>> {
        Box::pin(self.of_object(ctxt, service, "create"))
    }

    fn save<'a>(
        &'a self,
        ctxt: &'a Context,
        service: &'a mut Service,
    ) -> BoxFuture<'a, Result<(), RecordError>> {
        Box::pin(self.of_object(ctxt, service, "save"))
    }

    fn destroy<'a>(
        &'a self,
        ctxt: &'a Context,
        service: &'a mut Service,
    ) -> BoxFuture<'a, Result<(), RecordError>> {
        Box::pin(self.of_object(ctxt, service, "destroy"))
    }

    fn minimum_version<'a>(
        &'a self,
        ctxt: &'a Context,
        binary: &'a str,
    ) -> BoxFuture<'a, Result<i64, RecordError>> {
        let arguments = MethodArguments::new().arg(binary);
        Box::pin(self.of_class(ctxt, "get_minimum_version", arguments))
    }
}

fn client(transport: &RpcTransport, cap: Option<Version>) -> RpcClient {
    let target = ClientTarget::new(TOPIC).version((3, 0));
    let builder = RpcClient::builder(transport, target);
    match cap {
        Some(cap) => builder.version_cap(cap),
        None => builder,
    }
    .build()
}

fn warn_of_absence() {
    tracing::warn!(
        "Timed out waiting for nova-conductor. Is it running? Or did this service start before nova-conductor? \
         Trying again"
    );
}

const TOPIC: &str = "conductor";
const EARLY_ATTEMPTS: u32 = 10;
const EARLY_TIMEOUT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
