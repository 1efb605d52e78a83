//! RPC servers as services.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use bergen_messaging::rpc::{Connection, RpcServer};

use crate::{
    CallInFlight, Introspection, MessagingSnapshot, RpcServerSnapshot, Service, ServiceError,
};

/// RPC servers that are one service: started in their order, stopped together, and waited for until each request that
/// was taken is answered. The peer's servers are services by themselves (`MessageHandlingServer`); here several may be
/// one. A reset does nothing, as in the peer.
///
/// ```
/// use bergen_config::Configuration;
/// use bergen_messaging::rpc::RpcServer;
/// use bergen_messaging::target::ServerTarget;
/// use bergen_messaging::transport::{RpcTransport, TransportOptions};
/// use bergen_service::{Launcher, RpcServers, ServiceError, ServiceSpec};
///
/// fn launcher(configuration: Configuration) -> Launcher {
///     // The factory runs in the process that serves, so the transport belongs to it alone.
///     let service = ServiceSpec::new("compute", |context| async move {
///         let options = context.configuration().options().as_ref().clone();
///         let transport = RpcTransport::new(TransportOptions::default().options(options))
///             .map_err(|error| ServiceError::from_error(&error))?;
///         let target = ServerTarget::new("compute", transport.host());
///         Ok(RpcServers::from(RpcServer::builder(&transport, target).build()))
///     });
///     Launcher::new(configuration).service(service.workers(2))
/// }
/// ```
#[derive(Debug)]
pub struct RpcServers {
    servers: Vec<Arc<RpcServer>>,
    /// How many have been told to start: a stop waits for a start, so the others must not be told to stop.
    begun: AtomicUsize,
}

impl RpcServers {
    /// These servers, started in this order.
    pub fn new(servers: impl IntoIterator<Item = Arc<RpcServer>>) -> Self {
        Self {
            servers: servers.into_iter().collect(),
            begun: AtomicUsize::new(0),
        }
    }

    /// Shows the servers and what they run, under the name of the service, to the report, the backdoor, `bergen status`
    /// and `bergen drain`: method, request id and age of each request. They keep track of their requests from then on,
    /// so call it before the start.
    pub fn show_in(&self, name: impl Into<String>, introspection: &Introspection) {
        for server in &self.servers {
            server.track_requests();
        }
        // Servers that are gone show nothing, and are not kept by who looks.
        let servers: Vec<_> = self.servers.iter().map(Arc::downgrade).collect();
        introspection.add_messaging(name, move || {
            let servers = servers.iter().filter_map(Weak::upgrade);
            MessagingSnapshot {
                servers: servers.map(|server| snapshot(&server)).collect(),
                ..MessagingSnapshot::default()
            }
        });
    }

    /// Those that were told to start.
    fn begun(&self) -> impl Iterator<Item = &Arc<RpcServer>> {
        self.servers.iter().take(self.begun.load(Ordering::Acquire))
    }
}

impl From<RpcServer> for RpcServers {
    fn from(server: RpcServer) -> Self {
        Self::new([Arc::new(server)])
    }
}

/// The servers of a set that does not consume yet.
impl From<Connection> for RpcServers {
    fn from(connection: Connection) -> Self {
        Self::new(connection.servers().iter().cloned())
    }
}

impl Service for RpcServers {
    async fn start(&self) -> Result<(), ServiceError> {
        for server in &self.servers {
            self.begun.fetch_add(1, Ordering::AcqRel);
            let started = server.start().await;
            started.map_err(|error| ServiceError::from_error(&error))?;
        }
        Ok(())
    }

    async fn stop(&self) {
        for server in self.begun() {
            if let Err(error) = server.stop().await {
                tracing::warn!(target_ = %server.target(), %error, "the server was not stopped");
            }
        }
    }

    async fn wait(&self) {
        for server in self.begun() {
            if let Err(error) = server.wait().await {
                tracing::warn!(target_ = %server.target(), %error, "the server was not waited for");
            }
        }
    }
}

fn snapshot(server: &RpcServer) -> RpcServerSnapshot {
    let mut snapshot = RpcServerSnapshot::new(server.target().to_string());
    let running = server.running_requests().into_iter();
    snapshot.calls = running
        .map(|request| {
            CallInFlight::new(&request.method, request.request_id.as_deref(), request.age)
        })
        .collect();
    snapshot
}
