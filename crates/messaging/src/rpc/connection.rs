//! The servers of one program as a set: consumed together, closed together.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

use super::{Endpoint, RpcServer, ServerError};
use crate::target::Target;
use crate::transport::RpcTransport;

/// A set of RPC servers that start and end together. The counterpart of neutron's `Connection`, and like that no
/// connection to the broker: its servers share those of the transport.
///
/// ```no_run
/// use std::sync::Arc;
/// use bergen_messaging::rpc::{Connection, Endpoint, ServerError};
/// use bergen_messaging::transport::RpcTransport;
///
/// # async fn example(transport: RpcTransport, agent: Arc<dyn Endpoint>) -> Result<(), ServerError> {
/// let mut connection = Connection::new(&transport);
/// connection.create_consumer("l3_agent", [Arc::clone(&agent)], false);
/// connection.create_consumer("router-update", [agent], true);
/// connection.consume_in_threads().await?;
/// // ...
/// connection.close().await
/// # }
/// ```
#[derive(Default)]
pub struct Connection {
    transport: Option<RpcTransport>,
    servers: Vec<Arc<RpcServer>>,
    /// How many of the servers have been told to start.
    started: usize,
}

impl Connection {
    /// A set without servers. Nothing touches the network before [`consume_in_threads`](Self::consume_in_threads).
    pub fn new(transport: &RpcTransport) -> Self {
        Self {
            transport: Some(transport.clone()),
            ..Self::default()
        }
    }

    /// A set that stays empty, for processes that must not listen, such as the API workers of neutron: consumers can
    /// be created all the same, and have no effect.
    pub fn void() -> Self {
        Self::default()
    }

    /// Adds a server with the default settings for `topic`, named by the option `host`
    /// ([`RpcTransport::host`]).
    ///
    /// `fanout` is part of its target and has no effect on what is received, as in the peer: every server gets the
    /// messages of its topic, those for it alone, and the fanouts.
    pub fn create_consumer(
        &mut self,
        topic: &str,
        endpoints: impl IntoIterator<Item = Arc<dyn Endpoint>>,
        fanout: bool,
    ) {
        let Some(transport) = &self.transport else {
            return;
        };
        let target = Target::default()
            .with_topic(topic)
            .with_server(transport.host())
            .with_fanout(fanout);
        let builder = RpcServer::builder_unchecked(transport, target);
        let server = endpoints
            .into_iter()
            .fold(builder, super::RpcServerBuilder::shared_endpoint)
            .build();
        self.add(server);
    }

    /// Adds a server that was built with other settings. A [void](Self::void) set drops it.
    pub fn add(&mut self, server: RpcServer) {
        if self.transport.is_some() {
            self.servers.push(Arc::new(server));
        }
    }

    /// The servers, in the order in which they were added.
    pub fn servers(&self) -> &[Arc<RpcServer>] {
        &self.servers
    }

    /// Starts all servers at the same time, except those that an earlier call has started; returns all of them once
    /// the broker has confirmed that each consumes. The name is the peer's; there are no threads.
    ///
    /// # Errors
    /// The first failure in the order of the servers. The others have been stopped by then and have finished what
    /// they took; servers do not start again, so a new set is needed to try again.
    pub async fn consume_in_threads(&mut self) -> Result<&[Arc<RpcServer>], ServerError> {
        let fresh = self.servers.get(self.started..).unwrap_or_default();
        let started = each(fresh, |server| async move { server.start().await }).await;
        self.started = self.servers.len();
        if let Err(error) = started {
            self.close().await?;
            return Err(error);
        }
        Ok(&self.servers)
    }

    /// Stops all servers, and only then waits for all to finish and answer what they took. Idempotent.
    ///
    /// # Errors
    /// None today: stopping and waiting without a time limit do not fail.
    pub async fn close(&mut self) -> Result<(), ServerError> {
        // One that was never started has nothing to stop, and would be waited for.
        let started = self.servers.get(..self.started).unwrap_or_default();
        each(started, |server| async move { server.stop().await }).await?;
        each(started, |server| async move { server.wait().await }).await
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}

/// Does one step with all servers at the same time and waits for all; the first failure in the order of the servers.
async fn each<F>(
    servers: &[Arc<RpcServer>],
    step: impl Fn(Arc<RpcServer>) -> F,
) -> Result<(), ServerError>
where
    F: Future<Output = Result<(), ServerError>> + Send + 'static,
{
    let steps: Vec<_> = servers
        .iter()
        .map(|server| tokio::spawn(step(Arc::clone(server))))
        .collect();
    let mut all = Ok(());
    for step in steps {
        match step.await {
            Ok(outcome) => all = all.and(outcome),
            // Nothing aborts these tasks but the end of the runtime, and then nobody is left to be told.
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    resume_unwind(panic);
                }
            }
        }
    }
    all
}
