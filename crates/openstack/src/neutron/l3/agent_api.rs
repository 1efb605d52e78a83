//! What the server tells an L3 agent.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bergen_messaging::driver::BoxFuture;
use bergen_messaging::rpc::{Call, Endpoint, MethodError, MethodInfo, MethodResult, method_result};
use bergen_messaging::target::EndpointTarget;
use bergen_messaging::wire::{Context, RawJson};
use serde::Deserialize;

use super::arguments::only;

/// What the server tells an L3 agent. Served by an [`L3AgentEndpoint`].
///
/// All but [`router_added_to_agent`](Self::router_added_to_agent) are casts. A method returns soon: it notes what is to
/// be done, in an [`UpdateQueue`](super::UpdateQueue), and does it elsewhere.
pub trait L3AgentApi: Send + Sync + 'static {
    /// The agent itself was changed by an operator: it synchronises everything.
    fn agent_updated(
        &self,
        ctxt: &Context,
        admin_state_up: bool,
    ) -> impl Future<Output = ()> + Send;

    /// These routers have changed.
    fn routers_updated(
        &self,
        ctxt: &Context,
        router_ids: Vec<String>,
    ) -> impl Future<Output = ()> + Send;

    /// The router is gone. A fanout: it may be one that this agent never had.
    fn router_deleted(&self, ctxt: &Context, router_id: String) -> impl Future<Output = ()> + Send;

    /// The router is another agent's from now on, or nobody's.
    fn router_removed_from_agent(
        &self,
        ctxt: &Context,
        router_id: String,
    ) -> impl Future<Output = ()> + Send;

    /// These routers are this agent's from now on. A call: somebody's request to neutron waits for its answer.
    fn router_added_to_agent(
        &self,
        ctxt: &Context,
        router_ids: Vec<String>,
    ) -> impl Future<Output = ()> + Send;

    /// A network has changed; `network` is all that is known of it, and has an `id`. Comes on a topic of its own,
    /// `q-agent-notifier-network-update`.
    fn network_update(
        &self,
        ctxt: &Context,
        network: serde_json::Value,
    ) -> impl Future<Output = ()> + Send {
        let _ = (ctxt, network);
        async {}
    }
}

/// Serves an [`L3AgentApi`] as version 1.4 in the null namespace.
///
/// Arguments that it does not know are ignored, where Python fails. Methods of distributed routers are not there:
/// `add_arp_entry`, `del_arp_entry` and `fipnamespace_delete_on_ext_net` are answered as methods that do not exist.
pub struct L3AgentEndpoint<A>(Arc<A>);

impl<A: L3AgentApi> L3AgentEndpoint<A> {
    /// The endpoint of an agent.
    pub fn new(agent: Arc<A>) -> Self {
        Self(agent)
    }

    async fn run(&self, method: &str, call: &Call) -> Result<(), MethodError> {
        let (agent, ctxt) = (&self.0, &call.context);
        match method {
            "agent_updated" => {
                let payload: AdminStateUp = only(call, method, "payload")?;
                agent.agent_updated(ctxt, payload.admin_state_up).await;
            }
            "routers_updated" => {
                let routers: Vec<RouterReference> = only(call, method, "routers")?;
                let ids = routers.into_iter().map(RouterReference::into_id);
                agent.routers_updated(ctxt, ids.collect()).await;
            }
            "router_deleted" => {
                let router_id = only(call, method, "router_id")?;
                agent.router_deleted(ctxt, router_id).await;
            }
            "router_removed_from_agent" => {
                let payload: Removed = only(call, method, "payload")?;
                agent
                    .router_removed_from_agent(ctxt, payload.router_id)
                    .await;
            }
            "router_added_to_agent" => {
                let router_ids = only(call, method, "payload")?;
                agent.router_added_to_agent(ctxt, router_ids).await;
            }
            "network_update" => {
                let network = only(call, method, "network")?;
                agent.network_update(ctxt, network).await;
            }
            _ => return Err(MethodError::no_such_method(method)),
        }
        Ok(())
    }
}

impl<A: L3AgentApi> Endpoint for L3AgentEndpoint<A> {
    fn target(&self) -> EndpointTarget {
        EndpointTarget::new().version((1, 4))
    }

    fn methods(&self) -> &[MethodInfo] {
        METHODS
    }

    fn dispatch<'a>(&'a self, method: &'a str, call: Call) -> BoxFuture<'a, MethodResult> {
        Box::pin(async move {
            let done = self.run(method, &call).await;
            method_result(method, done.map(|()| RawJson::null()))
        })
    }
}

impl<A> fmt::Debug for L3AgentEndpoint<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("L3AgentEndpoint").finish_non_exhaustive()
    }
}

const METHODS: &[MethodInfo] = &[
    MethodInfo::new("agent_updated"),
    MethodInfo::new("routers_updated"),
    MethodInfo::new("router_deleted"),
    MethodInfo::new("router_removed_from_agent"),
    MethodInfo::new("router_added_to_agent"),
    MethodInfo::new("network_update"),
];

#[derive(Deserialize)]
struct AdminStateUp {
    #[serde(default)]
    admin_state_up: bool,
}

#[derive(Deserialize)]
struct Removed {
    router_id: String,
}

/// A router in `routers_updated`: its id, from very old servers all of it.
#[derive(Deserialize)]
#[serde(untagged)]
enum RouterReference {
    Id(String),
    Whole { id: String },
}

impl RouterReference {
    fn into_id(self) -> String {
        match self {
            Self::Id(id) | Self::Whole { id } => id,
        }
    }
}

#[cfg(test)]
mod tests;
