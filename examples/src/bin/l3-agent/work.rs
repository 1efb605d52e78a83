//! What the agent does about routers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bergen::config::Options;
use bergen::openstack::context::RequestContext;
use bergen::openstack::neutron::l3::{
    Action, FullSync, L3AgentApi, L3PluginClient, Priority, Processed, RouterProcessor,
    RouterUpdate, SyncError, UpdateQueue,
};
use bergen::openstack::neutron::{AgentState, MethodTimeouts, ReportOutcome, Reporting};
use bergen::rpc::Context;
use bergen::service::ServiceError;
use bergen::transport::RpcTransport;
use bergen_examples::failed;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::desired::Desired;

/// Everything that the parts of the agent share: it is what is reported, what hears of changes, and what works on them.
pub(crate) struct Work {
    plugin: L3PluginClient,
    queue: UpdateQueue,
    desired: Mutex<Desired>,
    state: AgentState,
    /// Everything has to be synchronised.
    resync: Notify,
    stop: CancellationToken,
}

impl Work {
    pub(crate) fn new(
        transport: &RpcTransport,
        options: &Options,
        timeouts: &MethodTimeouts,
        desired: Desired,
    ) -> Result<Self, ServiceError> {
        let log_heartbeats: bool = options
            .get("AGENT", "log_agent_heartbeats")
            .map_err(failed)?;
        let mut state = AgentState::l3(transport.host());
        state.availability_zone = options.get("AGENT", "availability_zone").map_err(failed)?;
        state.configurations = [
            ("agent_mode", json!("legacy")),
            ("handle_internal_only_routers", json!(true)),
            ("interface_driver", json!("none")),
            ("log_agent_heartbeats", json!(log_heartbeats)),
            ("extensions", json!([])),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
        let work = Self {
            plugin: L3PluginClient::new(transport, timeouts),
            queue: UpdateQueue::new(),
            desired: Mutex::new(desired),
            state,
            resync: Notify::new(),
            stop: CancellationToken::new(),
        };
        // What happened while the agent was not there, nobody told it.
        work.resync.notify_one();
        Ok(work)
    }

    pub(crate) fn plugin(&self) -> &L3PluginClient {
        &self.plugin
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn updates(self: Arc<Self>) {
        let (queue, stop) = (self.queue.clone(), self.stop.clone());
        queue.run(self, stop).await;
    }

    /// Synchronises everything when told to; after a failure again, when `pause` is over.
    pub(crate) async fn synchronise_when_told(&self, pause: Duration) {
        let told = async {
            let mut sync = FullSync::new();
            loop {
                self.resync.notified().await;
                if let Err(error) = self.synchronise(&mut sync).await {
                    tracing::warn!(%error, "not synchronised");
                    tokio::time::sleep(pause).await;
                    self.resync.notify_one();
                }
            }
        };
        self.stop.run_until_cancelled(told).await;
    }

    async fn synchronise(&self, sync: &mut FullSync) -> Result<(), SyncError> {
        let context = RequestContext::admin_neutron().to_wire();
        let began = Instant::now();
        let ids = sync
            .run(&self.plugin, &context, |routers, asked| {
                for router in routers {
                    self.add(RouterUpdate::fetched(router, asked));
                }
            })
            .await?;
        for gone in self.desired(|desired| desired.except(&ids)) {
            let mut update = RouterUpdate::new(gone, Priority::FullSync, Action::Delete);
            update.timestamp = began;
            self.add(update);
        }
        tracing::info!("synchronised, this host is to have {} routers", ids.len());
        Ok(())
    }

    fn told(&self, router_id: String, action: Action) {
        self.add(RouterUpdate::new(router_id, Priority::Rpc, action));
    }

    fn add(&self, update: RouterUpdate) {
        if self.queue.add(update).is_err() {
            tracing::warn!("more routers than an agent can have: synchronising later");
            self.resync.notify_one();
        }
    }

    fn desired<T>(&self, look: impl FnOnce(&mut Desired) -> T) -> T {
        look(&mut self.desired.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reporting for Work {
    fn agent_state(&self) -> AgentState {
        let mut state = self.state.clone();
        let counts = self.desired(|desired| desired.counts());
        for (name, count) in counts {
            state.configurations.insert(name.to_owned(), count.into());
        }
        state
    }

    fn reported(&self, outcome: ReportOutcome) {
        if outcome == ReportOutcome::Revived {
            self.resync.notify_one();
        }
    }
}

impl L3AgentApi for Work {
    async fn agent_updated(&self, _: &Context, admin_state_up: bool) {
        tracing::info!(admin_state_up, "the agent was changed, synchronising");
        self.resync.notify_one();
    }

    async fn routers_updated(&self, _: &Context, router_ids: Vec<String>) {
        for id in router_ids {
            self.told(id, Action::AddUpdate);
        }
    }

    async fn router_deleted(&self, _: &Context, router_id: String) {
        self.told(router_id, Action::Delete);
    }

    async fn router_removed_from_agent(&self, _: &Context, router_id: String) {
        self.told(router_id, Action::Delete);
    }

    async fn router_added_to_agent(&self, _: &Context, router_ids: Vec<String>) {
        for id in router_ids {
            self.told(id, Action::AddUpdate);
        }
    }

    async fn network_update(&self, _: &Context, network: Value) {
        let Some(id) = network.get("id").and_then(Value::as_str) else {
            return;
        };
        for router in self.desired(|desired| desired.on_network(id)) {
            self.told(router, Action::AddUpdate);
        }
    }
}

impl RouterProcessor for Work {
    async fn process(&self, update: &RouterUpdate) -> Result<Processed, ServiceError> {
        let id = &update.router_id;
        let (router, asked) = match (&update.router, update.action) {
            (_, Action::Delete) => (None, update.timestamp),
            (Some(router), Action::AddUpdate) => (Some(router.clone()), update.timestamp),
            (None, Action::AddUpdate) => {
                let asked = Instant::now();
                let context = RequestContext::admin_neutron().to_wire();
                let ids = std::slice::from_ref(id);
                let routers = self.plugin.sync_routers(&context, Some(ids)).await;
                let router = routers
                    .map_err(failed)?
                    .into_iter()
                    .find(|router| router.id == *id);
                (router, asked)
            }
        };
        let Some(router) = router else {
            self.desired(|desired| desired.remove(id))?;
            return Ok(Processed::Gone);
        };
        self.desired(|desired| desired.set(router))?;
        Ok(Processed::UpToDate(asked))
    }

    fn given_up(&self, _: &RouterUpdate) {
        self.resync.notify_one();
    }
}
