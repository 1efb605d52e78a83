//! The agent's life.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bergen::config::Options;
use bergen::openstack::context::RequestContext;
use bergen::openstack::neutron::l3::L3AgentEndpoint;
use bergen::openstack::neutron::{
    AGENT_NOTIFIER_PREFIX, Agent, MethodTimeouts, StateReportClient, StateReporter, TopicDetail,
    create_consumers,
};
use bergen::rpc::{Connection, Endpoint};
use bergen::service::{ServiceError, TaskGroup};
use bergen::transport::RpcTransport;
use bergen_examples::failed;

use super::desired::Desired;
use super::work::Work;

/// How long what runs may go on when the agent stops.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct L3Agent {
    work: Arc<Work>,
    reporter: StateReporter<Work>,
    /// How long it waits between two attempts to reach the server.
    pause: Duration,
    tasks: TaskGroup,
}

impl L3Agent {
    pub(crate) fn new(
        transport: &RpcTransport,
        options: &Options,
        state: PathBuf,
    ) -> Result<Self, ServiceError> {
        let timeouts = MethodTimeouts::from_options(options).map_err(failed)?;
        let interval = options.get("AGENT", "report_interval").map_err(failed)?;
        let pause = options
            .get("DEFAULT", "periodic_interval")
            .map_err(failed)?;
        let work = Arc::new(Work::new(
            transport,
            options,
            &timeouts,
            Desired::open(state)?,
        )?);
        let reports = StateReportClient::new(transport, &timeouts);
        Ok(Self {
            reporter: StateReporter::new(&reports, &work, interval),
            work,
            pause,
            tasks: TaskGroup::new(),
        })
    }
}

impl Agent for L3Agent {
    fn endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        vec![Arc::new(L3AgentEndpoint::new(Arc::clone(&self.work)))]
    }

    /// Waits for neutron-server; then the heartbeat begins, with the flag of a start.
    async fn init_host(&self) -> Result<(), ServiceError> {
        let context = RequestContext::admin_neutron().to_wire();
        let plugin = self.work.plugin();
        let count = plugin.wait_for_server(&context, Duration::from_secs(1));
        let count = count.await.map_err(failed)?;
        tracing::info!("neutron-server is there, this host has {count} highly available routers");
        self.reporter.start(&self.tasks);
        Ok(())
    }

    async fn initialize_service_hook(
        self: Arc<Self>,
        connection: &mut Connection,
    ) -> Result<(), ServiceError> {
        let network_update = [TopicDetail::new("network", "update")];
        let endpoints = self.endpoints();
        create_consumers(
            connection,
            &endpoints,
            AGENT_NOTIFIER_PREFIX,
            &network_update,
        );
        Ok(())
    }

    /// Works on updates from now on, and synchronises as soon as the server knows the agent.
    async fn after_start(&self) -> Result<(), ServiceError> {
        // A failure has been logged, and the next heartbeat tries again.
        let _ = self.reporter.report_now().await;
        let work = Arc::clone(&self.work);
        let updates = async move {
            work.clone().updates().await;
            Ok(())
        };
        self.tasks.spawn("updates", updates).await;
        let (work, pause) = (Arc::clone(&self.work), self.pause);
        let synchronising = async move {
            work.synchronise_when_told(pause).await;
            Ok(())
        };
        self.tasks.spawn("full sync", synchronising).await;
        Ok(())
    }

    async fn stop(&self) {
        self.work.stop();
        if tokio::time::timeout(PATIENCE, self.tasks.stop(true))
            .await
            .is_err()
        {
            self.tasks.stop(false).await;
        }
    }
}
