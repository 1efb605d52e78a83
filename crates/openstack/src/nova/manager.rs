//! What a service of nova does at the points of its life.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::rpc::Endpoint;
use bergen_service::{BackdoorPort, PeriodicTasks, ServiceError};

use super::ServiceRecord;
use crate::context::RequestContext;
use crate::objects::nova::Service;

/// What a [`NovaService`](super::NovaService) runs: nova's `Manager`. Every hook may be left out.
///
/// The hooks run in the order in which they are listed here. An error in one ends the start.
pub trait Manager: Send + Sync + 'static {
    /// The name that a ping is answered with: `compute`, `conductor`, not the binary's.
    fn service_name(&self) -> &str;

    /// First of all, with the record that the service has from an earlier run. Whatever lives on the host is brought in
    /// order here; nobody sends anything yet.
    ///
    /// # Errors
    /// The service does not start.
    fn init_host(
        &self,
        record: Option<&Service>,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send {
        let _ = record;
        async { Ok(()) }
    }

    /// The service is registered, and serves nothing yet.
    ///
    /// # Errors
    /// The service does not start.
    fn pre_start_hook(
        &self,
        record: &Arc<ServiceRecord>,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send {
        let _ = record;
        async { Ok(()) }
    }

    /// Tells where the process's backdoor is, if it has one.
    fn set_backdoor_port(&self, port: Option<BackdoorPort>) {
        let _ = port;
    }

    /// What the manager itself serves. Asked once for each server, before it starts.
    fn endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>>;

    /// What is served behind the manager and the base API, such as the conductor's `compute_task`.
    fn additional_endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        Vec::new()
    }

    /// The servers consume.
    ///
    /// # Errors
    /// The service does not start.
    fn post_start_hook(&self) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }

    /// The periodic tasks, each pass of which gets an administrator's context. Asked once, at the end of the start, and
    /// not at all without `periodic_enable`.
    fn periodic_tasks(self: Arc<Self>) -> PeriodicTasks<RequestContext> {
        PeriodicTasks::new(std::any::type_name::<Self>())
    }

    /// The service takes no more requests on its main topic. Finishes, within the timeout, what goes on beside requests;
    /// on the alternative topic requests still come. It is dropped when the timeout is over.
    fn graceful_shutdown(&self, timeout: Duration) -> impl Future<Output = ()> + Send {
        let _ = timeout;
        async {}
    }

    /// The configuration has changed.
    fn reset(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}
