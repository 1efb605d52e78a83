//! Telling agents: the server's side.

use std::collections::BTreeMap;

use bergen_messaging::rpc::{CallError, RpcClient};
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Context;
use serde_json::json;

use super::{ResourceEvent, topic};
use crate::objects::{Envelope, Version};

/// Pushes resources to the agents that understand them: neutron's `ResourcesPushRpcApi`.
///
/// The peer pushes each version that a live agent has announced. Here the caller brings a resource to those versions
/// ([`backport`](crate::objects::backport)) and hands over all of them.
#[derive(Debug, Clone)]
pub struct ResourcesPushClient {
    transport: RpcTransport,
}

impl ResourcesPushClient {
    /// A client for the topics of all resources.
    pub fn new(transport: &RpcTransport) -> Self {
        Self {
            transport: transport.clone(),
        }
    }

    /// Tells what happened to resources, with one fanout for each class and version among them.
    ///
    /// # Errors
    /// The first fanout that could not be sent; see [`CallError`].
    pub async fn push(
        &self,
        ctxt: &Context,
        resource_list: &[Envelope],
        event_type: ResourceEvent,
    ) -> Result<(), CallError> {
        let mut kinds: BTreeMap<(&str, Version), Vec<&Envelope>> = BTreeMap::new();
        for resource in resource_list {
            let kind = (resource.name.as_str(), resource.version);
            kinds.entry(kind).or_default().push(resource);
        }
        for ((name, version), resources) in kinds {
            let target = ClientTarget::new(topic(name, version)).version((1, 1));
            let client = RpcClient::new(&self.transport, target);
            let arguments = json!({"resource_list": resources, "event_type": event_type});
            client.fanout(ctxt, "push", &arguments).await?;
        }
        Ok(())
    }
}
