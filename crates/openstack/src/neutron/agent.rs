//! What an agent does at the points of its service's life.

use std::future::Future;
use std::sync::Arc;

use bergen_messaging::rpc::{Connection, Endpoint};
use bergen_service::{PeriodicTasks, ServiceError};

use crate::context::RequestContext;

/// An agent: neutron's manager, the object whose methods are the RPC API and whose hooks a
/// [`NeutronService`](super::NeutronService) runs, in the order in which they stand here.
///
/// Every hook has a default that does nothing.
pub trait Agent: Send + Sync + 'static {
    /// What is served on the agent's topic: usually the agent itself, under `#[endpoint]` or wrapped in an
    /// [`L3AgentEndpoint`](super::l3::L3AgentEndpoint).
    fn endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>>;

    /// Before any server of the service exists. Today's agents make their clients here, wait for neutron-server, and
    /// start their heartbeat.
    ///
    /// # Errors
    /// The service does not start.
    fn init_host(&self) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }

    /// After the server for the agent's topic was created and before it consumes; more consumers may join it in the
    /// connection ([`create_consumers`](super::create_consumers)).
    ///
    /// # Errors
    /// The service does not start.
    fn initialize_service_hook(
        self: Arc<Self>,
        connection: &mut Connection,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send {
        let _ = connection;
        async { Ok(()) }
    }

    /// Every `report_interval` of the service, first after one. The service's own timer: in neutron, too, nothing
    /// happens there today. Heartbeats are a [`StateReporter`](super::StateReporter)'s.
    fn report_state(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The periodic tasks, each pass of which gets an administrator's context. Asked once.
    fn periodic_tasks(self: Arc<Self>) -> PeriodicTasks<RequestContext> {
        PeriodicTasks::new(std::any::type_name::<Self>())
    }

    /// When servers consume and timers run. The L3 agent sends its first report here.
    ///
    /// # Errors
    /// The service does not start.
    fn after_start(&self) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }

    /// When the servers are closed and the timers are stopped: ends what the agent itself has started.
    fn stop(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The configuration has changed.
    fn reset(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}
