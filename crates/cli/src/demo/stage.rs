//! Who plays: three servers and a client.

use std::time::{Duration, Instant};

use bergen::driver::Retry;
use bergen::rpc::{RpcClient, RpcServer};
use bergen::target::{ClientTarget, ServerTarget};
use bergen::transport::{RpcTransport, TransportOptions};
use tokio::sync::mpsc;

use super::service::{ComputeApiClient, ComputeApiEndpoint, Deed, Entry, Node};
use crate::exit::Failed;

/// The topic of the service.
pub(super) const TOPIC: &str = "compute";
/// The names of its servers.
pub(super) const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
/// What ought to happen happens within this.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon a request can be cancelled. The default of 250 ms spares a message for all that are faster.
const CANCEL_AFTER: Duration = Duration::from_millis(50);
/// Servers get 3 s to come back before a call fails that found none. In the demo none will come.
const NO_GRACE: &str = "bergen_no_server_grace=0";
/// How long closing may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// The service and a way to call it.
pub(super) struct Stage {
    transport: RpcTransport,
    servers: Vec<RpcServer>,
    journal: mpsc::UnboundedReceiver<Entry>,
}

impl Stage {
    /// Starts the servers.
    pub(super) async fn set(url: &str) -> Result<Self, Failed> {
        let url = format!("{url}?{NO_GRACE}");
        let url = url
            .parse()
            .map_err(|error| Failed::System(format!("{url}: {error}")))?;
        let transport = RpcTransport::new(TransportOptions::default().url(url))
            .map_err(|error| Failed::System(error.to_string()))?;
        let (sender, journal) = mpsc::unbounded_channel();
        let mut servers = Vec::new();
        for name in NODES {
            let node = Node::new(name, sender.clone());
            let server = RpcServer::builder(&transport, ServerTarget::new(TOPIC, name))
                .endpoint(ComputeApiEndpoint::new(node))
                .drop_cancelled(true)
                .cancel_after(CANCEL_AFTER)
                .ping(true)
                .build();
            server.start().await?;
            servers.push(server);
        }
        Ok(Self {
            transport,
            servers,
            journal,
        })
    }

    /// A client that does not try again when nobody listens.
    pub(super) fn client(&self) -> ComputeApiClient {
        let client = RpcClient::builder(&self.transport, ClientTarget::new(TOPIC))
            .timeout(PATIENCE)
            .retry(Retry::Times(0))
            .build();
        ComputeApiClient::new(&client)
    }

    /// Waits until as many nodes have done it; which, and when the last of them did.
    pub(super) async fn deeds(
        &mut self,
        deed: Deed,
        count: usize,
    ) -> Result<(Vec<String>, Instant), Failed> {
        let mut nodes = Vec::new();
        let wait = async {
            let mut last = Instant::now();
            while nodes.len() < count {
                let Some(entry) = self.journal.recv().await else {
                    break;
                };
                if entry.deed == deed {
                    nodes.push(entry.node);
                    last = entry.at;
                }
            }
            last
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(last) => {
                nodes.sort_unstable();
                Ok((nodes, last))
            }
            Err(_) => Err(Failed::System(format!(
                "not as told: {deed:?} happened on {nodes:?}, and nowhere else"
            ))),
        }
    }

    /// Stops one server in order: it answers what it has taken.
    pub(super) async fn stop_one(&mut self) -> Result<(), Failed> {
        let Some(server) = self.servers.pop() else {
            return Ok(());
        };
        server.stop().await?;
        server.wait().await?;
        Ok(())
    }

    /// Stops all and says goodbye.
    pub(super) async fn close(mut self) -> Result<(), Failed> {
        while !self.servers.is_empty() {
            self.stop_one().await?;
        }
        self.transport.close(GOODBYE).await;
        Ok(())
    }
}
