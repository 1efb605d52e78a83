//! What the service is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bergen::openstack::context::RequestContext;
use bergen::openstack::nova::{Manager, ServiceRecord};
use bergen::rpc::{Endpoint, endpoint};
use bergen::service::{PeriodicTask, PeriodicTasks, ServiceError};
use tokio::time::Instant;

/// A host without a hypervisor.
pub(crate) struct ComputeManager {
    api: Arc<ComputeApi>,
}

impl ComputeManager {
    /// `slow` is how long it takes to enable or disable the host.
    pub(crate) fn new(host: &str, slow: Duration) -> Self {
        Self {
            api: Arc::new(ComputeApi {
                host: host.to_owned(),
                enabled: AtomicBool::new(true),
                slow,
                since: Instant::now(),
            }),
        }
    }
}

impl Manager for ComputeManager {
    fn service_name(&self) -> &'static str {
        "compute"
    }

    /// An operator may have disabled the host before this start.
    async fn pre_start_hook(&self, record: &Arc<ServiceRecord>) -> Result<(), ServiceError> {
        let disabled = record.service().disabled.get() == Some(&true);
        self.api.enabled.store(!disabled, Ordering::Relaxed);
        Ok(())
    }

    fn endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        vec![Arc::clone(&self.api) as Arc<dyn Endpoint>]
    }

    fn periodic_tasks(self: Arc<Self>) -> PeriodicTasks<RequestContext> {
        let mut tasks = PeriodicTasks::new("ComputeManager");
        let look = PeriodicTask::new("update_available_resource", move |ctxt: RequestContext| {
            let manager = Arc::clone(&self);
            async move {
                let enabled = manager.api.enabled.load(Ordering::Relaxed);
                tracing::debug!(request_id = ctxt.request_id, enabled, "nothing runs here");
                Ok(())
            }
        });
        tasks.add(look);
        tasks
    }
}

/// The part of nova's compute API that needs no instance.
struct ComputeApi {
    host: String,
    enabled: AtomicBool,
    slow: Duration,
    since: Instant,
}

#[endpoint(version = "6.4")]
impl ComputeApi {
    /// Lets instances be placed here, or not; says which.
    #[rpc]
    async fn set_host_enabled(&self, enabled: bool) -> &'static str {
        tokio::time::sleep(self.slow).await;
        self.enabled.store(enabled, Ordering::Relaxed);
        tracing::info!(
            host = self.host,
            enabled,
            "the host was enabled or disabled"
        );
        if enabled { "enabled" } else { "disabled" }
    }

    /// How long the host is up, in the words of uptime(1).
    #[rpc]
    async fn get_host_uptime(&self) -> String {
        let minutes = self.since.elapsed().as_secs() / 60;
        let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
        format!(
            " up {days} days, {hours:2}:{minutes:02},  0 users,  load average: 0.00, 0.00, 0.00"
        )
    }
}
