//! The service that runs an agent.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bergen_config::{OptionError, Options};
use bergen_messaging::rpc::Connection;
use bergen_messaging::transport::RpcTransport;
use bergen_service::{
    FixedPasses, Introspection, RpcServers, Service, ServiceError, StartOptions, TaskGroup,
};
use tokio::sync::Mutex;

use super::Agent;
use crate::context::RequestContext;

/// Runs an [`Agent`]: neutron's `Service`, with the order of its start and its end.
///
/// 1. [`init_host`](Agent::init_host);
/// 2. a server for the topic, named by the option `host`, with the agent's endpoints;
///    [`initialize_service_hook`](Agent::initialize_service_hook); then all servers of the connection consume;
/// 3. the timer of [`report_state`](Agent::report_state), if there is a `report_interval`;
/// 4. periodic tasks, if there is a `periodic_interval`;
/// 5. [`after_start`](Agent::after_start).
///
/// An error on the way ends the start; what was started by then is stopped.
///
/// At the end all servers stop, then finish what they took; then tasks and timers, then the agent.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use bergen_messaging::{rpc::Endpoint, transport::RpcTransport};
/// use bergen_openstack::neutron::{Agent, NeutronService};
///
/// # struct L3Agent;
/// # impl Agent for L3Agent {
/// #     fn endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> { Vec::new() }
/// # }
/// # fn example(transport: &RpcTransport) {
/// let service = NeutronService::builder(transport, "neutron-l3-agent").build(Arc::new(L3Agent));
/// assert_eq!(service.topic(), "l3_agent");
/// # }
/// ```
pub struct NeutronService<A> {
    agent: Arc<A>,
    settings: NeutronServiceBuilder,
    connection: Mutex<Connection>,
    tasks: TaskGroup,
}

/// The settings of a [`NeutronService`]. Its defaults are neutron's.
#[derive(Clone)]
pub struct NeutronServiceBuilder {
    transport: RpcTransport,
    binary: String,
    topic: String,
    report_interval: Option<Duration>,
    periodic_interval: Option<Duration>,
    periodic_fuzzy_delay: u32,
    introspection: Option<Introspection>,
}

impl NeutronService<()> {
    /// A service of this binary, as `neutron-l3-agent`. Its topic is the name after `neutron-`, with `_` for `-`.
    pub fn builder(transport: &RpcTransport, binary: impl Into<String>) -> NeutronServiceBuilder {
        let binary = binary.into();
        let name = binary.strip_prefix("neutron-").unwrap_or(&binary);
        let passes = FixedPasses::default();
        NeutronServiceBuilder {
            transport: transport.clone(),
            topic: name.replace('-', "_"),
            binary,
            report_interval: None,
            periodic_interval: Some(passes.periodic_interval),
            periodic_fuzzy_delay: passes.periodic_fuzzy_delay,
            introspection: None,
        }
    }
}

impl NeutronServiceBuilder {
    /// Takes `periodic_interval` and `periodic_fuzzy_delay` from the configuration, which declares
    /// [`SERVICE_OPTIONS`](super::SERVICE_OPTIONS).
    ///
    /// # Errors
    /// One of them is not declared.
    pub fn options(self, options: &Options) -> Result<Self, OptionError> {
        let interval: Duration = options.get("DEFAULT", "periodic_interval")?;
        let fuzzy_delay = options.get("DEFAULT", "periodic_fuzzy_delay")?;
        let interval = (!interval.is_zero()).then_some(interval);
        Ok(self
            .periodic_interval(interval)
            .periodic_fuzzy_delay(fuzzy_delay))
    }

    /// Serves this topic instead of the one that the binary's name says.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }

    /// The time between two runs of [`Agent::report_state`]. Default: `None`, it never runs.
    #[must_use]
    pub fn report_interval(mut self, interval: Option<Duration>) -> Self {
        self.report_interval = interval;
        self
    }

    /// The time between two passes of periodic tasks; `None` for none. Default: 40 s.
    #[must_use]
    pub fn periodic_interval(mut self, interval: Option<Duration>) -> Self {
        self.periodic_interval = interval;
        self
    }

    /// The longest random delay before the first pass, in seconds. Default: 5.
    #[must_use]
    pub fn periodic_fuzzy_delay(mut self, seconds: u32) -> Self {
        self.periodic_fuzzy_delay = seconds;
        self
    }

    /// Where its tasks, timers, servers and the requests that they work on are shown, from its start on. Default:
    /// nowhere.
    #[must_use]
    pub fn introspection(mut self, introspection: &Introspection) -> Self {
        self.introspection = Some(introspection.clone());
        self
    }

    /// The service of this agent.
    pub fn build<A: Agent>(self, agent: Arc<A>) -> NeutronService<A> {
        NeutronService {
            agent,
            connection: Mutex::new(Connection::new(&self.transport)),
            tasks: TaskGroup::new(),
            settings: self,
        }
    }

    /// The service of an agent that is made now, for the host that its servers are named by.
    pub fn build_with<A: Agent>(self, agent: impl FnOnce(&str) -> A) -> NeutronService<A> {
        let agent = agent(self.transport.host());
        self.build(Arc::new(agent))
    }
}

impl<A> NeutronService<A> {
    /// The agent.
    pub fn agent(&self) -> &Arc<A> {
        &self.agent
    }

    /// The name of the program.
    pub fn binary(&self) -> &str {
        &self.settings.binary
    }

    /// The topic that the agent serves.
    pub fn topic(&self) -> &str {
        &self.settings.topic
    }

    /// The tasks and timers of the service.
    pub fn tasks(&self) -> &TaskGroup {
        &self.tasks
    }
}

impl<A: Agent> NeutronService<A> {
    async fn serve(&self) -> Result<(), ServiceError> {
        let mut connection = self.connection.lock().await;
        let endpoints = Arc::clone(&self.agent).endpoints();
        connection.create_consumer(self.topic(), endpoints, false);
        Arc::clone(&self.agent)
            .initialize_service_hook(&mut connection)
            .await?;
        if let Some(introspection) = &self.settings.introspection {
            introspection.add_tasks(self.binary(), &self.tasks);
            let servers = connection.servers().iter().cloned();
            RpcServers::new(servers).show_in(self.binary(), introspection);
        }
        let consuming = connection.consume_in_threads().await;
        consuming.map_err(|error| ServiceError::from_error(&error))?;
        Ok(())
    }

    fn start_timers(&self) {
        if let Some(interval) = self.settings.report_interval {
            let agent = Arc::clone(&self.agent);
            let options = StartOptions {
                initial_delay: interval,
                ..StartOptions::default()
            };
            self.tasks
                .add_timer("report_state", interval, options, move || {
                    let agent = Arc::clone(&agent);
                    async move {
                        agent.report_state().await;
                        Ok(ControlFlow::Continue(()))
                    }
                });
        }
        if let Some(periodic_interval) = self.settings.periodic_interval {
            let passes = FixedPasses {
                periodic_interval,
                periodic_fuzzy_delay: self.settings.periodic_fuzzy_delay,
            };
            let tasks = Arc::clone(&self.agent).periodic_tasks();
            tasks.drive_fixed(&self.tasks, passes, RequestContext::admin_neutron);
        }
    }
}

impl<A: Agent> Service for NeutronService<A> {
    async fn start(&self) -> Result<(), ServiceError> {
        let started = async {
            self.agent.init_host().await?;
            self.serve().await?;
            self.start_timers();
            self.agent.after_start().await
        }
        .await;
        if started.is_err() {
            self.stop().await;
        }
        started
    }

    async fn stop(&self) {
        if let Err(error) = self.connection.lock().await.close().await {
            tracing::debug!(%error, "closing the servers failed");
        }
        self.tasks.stop(false).await;
        self.agent.stop().await;
    }

    async fn wait(&self) {
        self.tasks.wait().await;
    }

    async fn reset(&self) {
        self.agent.reset().await;
    }
}

impl<A> fmt::Debug for NeutronService<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NeutronService")
            .field("binary", &self.binary())
            .field("topic", &self.topic())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NeutronServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NeutronServiceBuilder")
            .field("binary", &self.binary)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
