//! What the server pushes to an agent.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bergen_messaging::driver::BoxFuture;
use bergen_messaging::rpc::{Call, Endpoint, MethodError, MethodInfo, MethodResult, method_result};
use bergen_messaging::target::EndpointTarget;
use bergen_messaging::wire::{Context, RawJson};
use serde::de::DeserializeOwned;

use super::ResourceEvent;
use super::pull_client::unchanged;
use crate::objects::{Envelope, NEUTRON, ObjectError};

/// Who wants to hear what happened to resources. Served by a [`ResourcesPushEndpoint`].
pub trait ResourceConsumer: Send + Sync + 'static {
    /// This happened to these resources. They are of one class and version, at least one, and have no changes. A
    /// method that returns soon: it notes what is to be done, and does it elsewhere.
    fn push(
        &self,
        ctxt: &Context,
        resources: Vec<Envelope>,
        event: ResourceEvent,
    ) -> impl Future<Output = ()> + Send;
}

/// Serves a [`ResourceConsumer`] as version 1.1 in the null namespace: neutron's `ResourcesPushRpcCallback`. Made by
/// [`ResourceVersions::create_consumers`](super::ResourceVersions::create_consumers).
///
/// A push of nothing, of several classes at once, or of what are no objects of neutron is a failure and reaches nobody.
pub struct ResourcesPushEndpoint<C>(Arc<C>);

impl<C: ResourceConsumer> ResourcesPushEndpoint<C> {
    /// The endpoint of a consumer.
    pub fn new(consumer: Arc<C>) -> Self {
        Self(consumer)
    }

    async fn push(&self, call: &Call) -> Result<(), MethodError> {
        let pushed: Vec<RawJson> = argument(call, "resource_list")?;
        let event: ResourceEvent = argument(call, "event_type")?;
        let resources =
            read(&pushed).map_err(|error| MethodError::value_error(error.to_string()))?;
        self.0.push(&call.context, resources, event).await;
        Ok(())
    }
}

impl<C: ResourceConsumer> Endpoint for ResourcesPushEndpoint<C> {
    fn target(&self) -> EndpointTarget {
        EndpointTarget::new().version((1, 1))
    }

    fn methods(&self) -> &[MethodInfo] {
        METHODS
    }

    fn dispatch<'a>(&'a self, method: &'a str, call: Call) -> BoxFuture<'a, MethodResult> {
        Box::pin(async move {
            match method {
                "push" => method_result(method, self.push(&call).await),
                _ => Err(MethodError::no_such_method(method)),
            }
        })
    }
}

impl<C> fmt::Debug for ResourcesPushEndpoint<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourcesPushEndpoint")
            .finish_non_exhaustive()
    }
}

const METHODS: &[MethodInfo] = &[MethodInfo::new("push")];

/// Takes one argument. Others are ignored, as by the peer: a later server may have something to add.
fn argument<T: DeserializeOwned>(call: &Call, name: &str) -> Result<T, MethodError> {
    let value = call.arguments.member(name).ok_or_else(|| {
        MethodError::type_error(format!("push() missing 1 required argument: '{name}'"))
    })?;
    value
        .decode()
        .map_err(|error| MethodError::type_error(format!("push() argument '{name}': {error}")))
}

fn read(pushed: &[RawJson]) -> Result<Vec<Envelope>, ObjectError> {
    let resources = pushed
        .iter()
        .map(|json| Envelope::read(json, &NEUTRON).map(unchanged))
        .collect::<Result<Vec<_>, _>>()?;
    let kind = |resource: &Envelope| (resource.name.clone(), resource.version);
    match resources.first().map(kind) {
        Some(first) if resources.iter().all(|other| kind(other) == first) => Ok(resources),
        Some(_) => Err(ObjectError::Value(
            "the pushed resources are not of one class and version".to_owned(),
        )),
        None => Err(ObjectError::Value("nothing was pushed".to_owned())),
    }
}
