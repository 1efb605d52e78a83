//! A worker: its servers, and what it tells agents by itself.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bergen::openstack::context::RequestContext;
use bergen::openstack::neutron::l3::{L3AgentClient, PLUGIN_TOPIC};
use bergen::openstack::neutron::{MethodTimeouts, StateReportEndpoint};
use bergen::rpc::{Connection, Endpoint, RpcServer};
use bergen::service::{
    Introspection, RpcServers, Service, ServiceContext, ServiceError, StartOptions, TaskGroup,
};
use bergen_examples::{failed, transport};
use tokio::sync::Mutex;

use super::agents::Agents;
use super::database::Database;
use super::l3_plugin::L3Plugin;

/// How often the first worker looks for routers that an agent was not told of.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a worker serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topics {
    /// Everything.
    All,
    /// State reports alone, so that heartbeats have a worker even if the others are busy.
    Reports,
}

pub(crate) struct Worker {
    servers: Vec<Arc<RpcServer>>,
    connection: Mutex<Connection>,
    database: Database,
    agents: L3AgentClient,
    /// Whether this is the one that tells agents about their routers.
    notifies: bool,
    tasks: TaskGroup,
}

impl Worker {
    pub(crate) fn new(
        context: &ServiceContext,
        topics: Topics,
        database: &Path,
    ) -> Result<Self, ServiceError> {
        let options = context.configuration().options();
        let transport = transport(context.configuration())?;
        let database = Database::open(database).map_err(failed)?;
        let down_time = options.get("DEFAULT", "agent_down_time").map_err(failed)?;
        let timeouts = MethodTimeouts::from_options(&options).map_err(failed)?;
        let enable_new = options
            .get("DEFAULT", "enable_new_agents")
            .map_err(failed)?;
        let agents = Arc::new(Agents::new(database.clone(), enable_new));
        let reports = StateReportEndpoint::new(agents, down_time);
        let reports: Arc<dyn Endpoint> = Arc::new(reports);
        let mut connection = Connection::new(&transport);
        connection.create_consumer(StateReportEndpoint::<Agents>::TOPIC, [reports], false);
        if topics == Topics::All {
            let plugin: Arc<dyn Endpoint> = Arc::new(L3Plugin::new(database.clone()));
            connection.create_consumer(PLUGIN_TOPIC, [plugin], false);
        }
        Ok(Self {
            servers: connection.servers().to_vec(),
            connection: Mutex::new(connection),
            database,
            agents: L3AgentClient::new(&transport, &timeouts),
            notifies: topics == Topics::All && context.index() == 0,
            tasks: TaskGroup::new(),
        })
    }

    /// Shows what it works on, under the name of its service.
    pub(crate) fn show_in(&self, name: &str, introspection: &Introspection) {
        introspection.add_tasks(name, &self.tasks);
        RpcServers::new(self.servers.iter().cloned()).show_in(name, introspection);
    }

    /// Tells agents of routers that became theirs by other ways than a request of theirs.
    fn notify_agents(&self) {
        let (database, agents) = (self.database.clone(), self.agents.clone());
        let options = StartOptions {
            stop_on_exception: false,
            ..StartOptions::default()
        };
        self.tasks
            .add_timer("notify agents", LOOK_EVERY, options, move || {
                let (database, agents) = (database.clone(), agents.clone());
                async move {
                    let context = RequestContext::admin_neutron().to_wire();
                    for (host, ids) in database.untold().await? {
                        match agents.router_added_to_agent(&context, &host, &ids).await {
                            Ok(()) => database.told(ids).await?,
                            Err(error) => tracing::warn!(host, %error, "an agent was not told"),
                        }
                    }
                    Ok(ControlFlow::Continue(()))
                }
            });
    }
}

impl Service for Worker {
    async fn start(&self) -> Result<(), ServiceError> {
        let mut connection = self.connection.lock().await;
        connection.consume_in_threads().await.map_err(failed)?;
        if self.notifies {
            self.notify_agents();
        }
        Ok(())
    }

    async fn stop(&self) {
        if let Err(error) = self.connection.lock().await.close().await {
            tracing::warn!(%error, "closing the servers failed");
        }
        // A call to an agent may take long, and the next start makes it again.
        self.tasks.stop(false).await;
    }

    async fn wait(&self) {
        self.tasks.wait().await;
    }
}
