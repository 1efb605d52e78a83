//! The service that runs a manager.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bergen_messaging::rpc::{RpcServer, ServerError};
use bergen_messaging::target::ServerTarget;
use bergen_messaging::transport::RpcTransport;
use bergen_service::{
    Introspection, LoopingCall, MessagingSnapshot, RpcServerSnapshot, Service, ServiceError,
    TaskGroup,
};

use super::registration::Identity;
use super::{
    BaseRpcApi, InFlight, Manager, NovaServiceBuilder, RecordError, ServiceGroup, ServiceRecord,
    ServiceRecords,
};
use crate::context::{RequestContext, WithRequestSpan};
use crate::objects::{ObjectSerializer, WithObjects};

/// Runs a [`Manager`]: nova's `Service`, with the order of its start and its end.
///
/// Making one ([`NovaServiceBuilder::create`]) waits for a conductor. The start:
///
/// 1. the record of an earlier run is looked up, and [`init_host`](Manager::init_host) gets it;
/// 2. the record gets this program's version, or is created;
/// 3. [`pre_start_hook`](Manager::pre_start_hook);
/// 4. a server for the topic, named by the option `host`, with the endpoints of the manager, the base API and the
///    additional endpoints, in this order; then one for the alternative topic, if there is one;
/// 5. [`post_start_hook`](Manager::post_start_hook);
/// 6. the heartbeat, and the periodic tasks.
///
/// An error on the way ends the start; what was started by then is stopped.
///
/// The end: no more periodic tasks; the server takes no more requests; while it finishes those that it has, which are
/// logged every 10 s, the manager has `manager_shutdown_timeout` for [its own end](Manager::graceful_shutdown); then the
/// alternative server ends, and the heartbeat. The record stays.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use bergen_messaging::{rpc::Endpoint, transport::RpcTransport};
/// use bergen_openstack::nova::{CreateError, Manager, NovaService};
///
/// struct ComputeManager;
///
/// impl Manager for ComputeManager {
///     fn service_name(&self) -> &str {
///         "compute"
///     }
///
///     fn endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
///         Vec::new()
///     }
/// }
///
/// # async fn example(transport: &RpcTransport) -> Result<(), CreateError> {
/// let service = NovaService::builder(transport, "nova-compute")
///     .alternative_topic("compute-alt")
///     .create(|_host| ComputeManager)
///     .await?;
/// assert_eq!(service.topic(), "compute");
/// # Ok(())
/// # }
/// ```
pub struct NovaService<M> {
    pub(super) manager: Arc<M>,
    pub(super) identity: Identity,
    pub(super) settings: NovaServiceBuilder,
    pub(super) records: Arc<dyn ServiceRecords>,
    pub(super) servicegroup: Arc<dyn ServiceGroup>,
    pub(super) serializer: ObjectSerializer,
    pub(super) in_flight: InFlight,
    pub(super) tasks: TaskGroup,
    pub(super) record: OnceLock<Arc<ServiceRecord>>,
    /// These are set when they have started.
    pub(super) server: OnceLock<RpcServer>,
    pub(super) alternative: OnceLock<RpcServer>,
    pub(super) periodic: OnceLock<LoopingCall>,
}

impl NovaService<()> {
    /// A service of this binary, as `nova-compute`, named by the option `host` of the transport.
    pub fn builder(transport: &RpcTransport, binary: impl Into<String>) -> NovaServiceBuilder {
        NovaServiceBuilder::new(transport, binary.into())
    }
}

impl<M> NovaService<M> {
    /// The manager.
    pub fn manager(&self) -> &Arc<M> {
        &self.manager
    }

    /// The name of the program.
    pub fn binary(&self) -> &str {
        &self.identity.binary
    }

    /// The host that the service stands for.
    pub fn host(&self) -> &str {
        &self.identity.host
    }

    /// The topic that it serves.
    pub fn topic(&self) -> &str {
        &self.identity.topic
    }

    /// Its record, once it is registered.
    pub fn record(&self) -> Option<&Arc<ServiceRecord>> {
        self.record.get()
    }

    /// How it knows of other services that they are up.
    pub fn servicegroup(&self) -> &Arc<dyn ServiceGroup> {
        &self.servicegroup
    }

    /// The requests that it works on.
    pub fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// The tasks and timers of the service.
    pub fn tasks(&self) -> &TaskGroup {
        &self.tasks
    }

    /// Shows its tasks and requests to those who look into the process.
    pub fn show_in(&self, introspection: &Introspection) {
        introspection.add_tasks(self.binary(), &self.tasks);
        let in_flight = self.in_flight.clone();
        let name = format!("{} {}", self.topic(), self.host());
        introspection.add_messaging(self.binary(), move || {
            let mut server = RpcServerSnapshot::new(&name);
            server.calls = in_flight.snapshot().into_iter().map(Into::into).collect();
            MessagingSnapshot {
                servers: vec![server],
                ..MessagingSnapshot::default()
            }
        });
    }

    /// Ends what was started, but for the manager. Again it has no effect.
    async fn release(&self) {
        for server in [&self.server, &self.alternative] {
            if let Some(server) = server.get() {
                ended(server.stop().await);
                self.in_flight.log_while(finished(server)).await;
            }
        }
        self.tasks.stop(false).await;
    }
}

impl<M: Manager> NovaService<M> {
    /// [Stops](Service::stop) the service, and deletes its record: nova does not list it any more.
    ///
    /// # Errors
    /// The record could not be deleted.
    pub async fn kill(&self) -> Result<(), RecordError> {
        self.stop().await;
        // A heartbeat in progress would find its record gone.
        self.tasks.wait().await;
        match self.record.get() {
            Some(record) => record.destroy().await,
            None => Ok(()),
        }
    }

    async fn begin(&self) -> Result<(), ServiceError> {
        tracing::info!(
            "Starting {} node (version {})",
            self.topic(),
            self.identity.version
        );
        check_temporary_directory(self.binary())?;
        let record = self.register().await?;
        self.manager.pre_start_hook(&record).await?;
        self.manager
            .set_backdoor_port(self.settings.backdoor_port.clone());
        self.serve(self.topic(), &self.server).await?;
        if let Some(topic) = &self.settings.alternative_topic {
            self.serve(topic, &self.alternative).await?;
        }
        self.manager.post_start_hook().await?;
        self.servicegroup.join(&self.tasks, &record);
        self.start_periodic_tasks();
        Ok(())
    }

    async fn register(&self) -> Result<Arc<ServiceRecord>, ServiceError> {
        let ctxt = RequestContext::admin_nova().to_wire();
        let identity = &self.identity;
        let records = &self.records;
        let found = records.find(&ctxt, &identity.host, &identity.binary).await;
        let found = found.map_err(|error| unregistered(&error))?;
        self.manager.init_host(found.as_ref()).await?;
        let service = identity.register(&**records, &ctxt, found).await;
        let service = service.map_err(|error| unregistered(&error))?;
        let record = Arc::new(ServiceRecord::new(records, service));
        Ok(Arc::clone(self.record.get_or_init(|| record)))
    }

    /// Starts a server for a topic, and keeps it.
    async fn serve(&self, topic: &str, kept: &OnceLock<RpcServer>) -> Result<(), ServiceError> {
        let base = BaseRpcApi::new(
            self.manager.service_name(),
            self.settings.backdoor_port.clone(),
        );
        let mut endpoints = Arc::clone(&self.manager).endpoints();
        endpoints.push(Arc::new(base));
        endpoints.extend(Arc::clone(&self.manager).additional_endpoints());
        let target = ServerTarget::new(topic, self.host());
        let mut builder = RpcServer::builder(&self.settings.transport, target);
        for endpoint in endpoints {
            let tracked = self.in_flight.track(endpoint);
            let with_objects = WithObjects::new(tracked, self.serializer.clone());
            builder = builder.endpoint(WithRequestSpan(with_objects));
        }
        let server = builder.build();
        let started = server.start().await;
        started.map_err(|error| ServiceError::from_error(&error))?;
        let _ = kept.set(server);
        Ok(())
    }

    fn start_periodic_tasks(&self) {
        let passes = self.settings.settings.periodic;
        if passes.periodic_enable {
            let tasks = Arc::clone(&self.manager).periodic_tasks();
            let timer = tasks.drive_dynamic(&self.tasks, passes, RequestContext::admin_nova);
            if let Some(timer) = timer {
                let _ = self.periodic.set(timer);
            }
        }
    }

    async fn shut_manager_down(&self) {
        let timeout = self.settings.settings.effective_manager_timeout();
        let ending = self.manager.graceful_shutdown(timeout);
        if tokio::time::timeout(timeout, ending).await.is_err() {
            tracing::warn!(
                "the manager has not shut down within {} s; going on without",
                timeout.as_secs()
            );
        }
    }
}

impl<M: Manager> Service for NovaService<M> {
    async fn start(&self) -> Result<(), ServiceError> {
        let started = self.begin().await;
        if started.is_err() {
            self.release().await;
        }
        started
    }

    async fn stop(&self) {
        if let Some(periodic) = self.periodic.get() {
            periodic.stop();
        }
        if let Some(server) = self.server.get() {
            ended(server.stop().await);
            let finished = self.in_flight.log_while(finished(server));
            tokio::join!(self.shut_manager_down(), finished);
        }
        self.release().await;
    }

    async fn wait(&self) {
        self.tasks.wait().await;
    }

    async fn reset(&self) {
        self.manager.reset().await;
    }
}

impl<M> fmt::Debug for NovaService<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NovaService")
            .field("host", &self.host())
            .field("binary", &self.binary())
            .field("topic", &self.topic())
            .finish_non_exhaustive()
    }
}

async fn finished(server: &RpcServer) {
    ended(server.wait().await);
}

fn ended(end: Result<(), ServerError>) {
    if let Err(error) = end {
        tracing::debug!(%error, "ending a server failed");
    }
}

fn unregistered(error: &RecordError) -> ServiceError {
    ServiceError::new(format!("the service could not be registered: {error}"))
}

/// A host whose temporary folder is full or gone is found out here, and not by the first request that needs it.
fn check_temporary_directory(binary: &str) -> Result<(), ServiceError> {
    let name = format!("{binary}-{}", bergen_messaging::wire::Id::new());
    let folder = std::env::temp_dir().join(name);
    let made = std::fs::create_dir(&folder).and_then(|()| std::fs::remove_dir(&folder));
    made.map_err(|error| {
        let folder = folder.display();
        ServiceError::new(format!(
            "no temporary directory can be made, as {folder}: {error}; make room there, or set TMPDIR"
        ))
    })
}

#[cfg(test)]
mod tests;
