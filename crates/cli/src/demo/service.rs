//! The service of the demo: what nodes do with instances of machines.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bergen::rpc::{RpcError, rpc_api};
use tokio::sync::mpsc;

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, RpcError)]
#[rpc(module = "demo.exception")]
pub(super) enum ComputeError {
    /// Nobody knows the instance.
    #[rpc(
        class = "InstanceNotFound",
        message = "Instance {instance_id} could not be found.",
        expected
    )]
    NotFound {
        /// Which.
        instance_id: String,
    },
}

/// The API, of which the macro makes the client and the server's half.
#[rpc_api(version = "1.0")]
pub(super) trait ComputeApi {
    /// Starts an instance, and says where.
    async fn boot(&self, instance: &str) -> String;

    /// Stops an instance that runs here.
    async fn stop(&self, instance: &str) -> Result<(), ComputeError>;

    /// Moves an instance, which takes so long.
    async fn migrate(&self, instance: &str, seconds: f64) -> String;

    /// Looks again at what there is. Nobody waits for it.
    #[rpc(cast)]
    async fn refresh(&self, what: &str);
}

/// One server of the service.
pub(super) struct Node {
    name: String,
    instances: Mutex<BTreeSet<String>>,
    journal: mpsc::UnboundedSender<Entry>,
}

/// What a node has done.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Which one.
    pub(super) node: String,
    /// What.
    pub(super) deed: Deed,
    /// When.
    pub(super) at: Instant,
}

/// What nodes do without telling their caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// It looked again.
    Refreshed,
    /// It has begun to move an instance.
    MigrationBegan,
    /// It was told that nobody waits for that any more.
    MigrationDropped,
}

impl Node {
    pub(super) fn new(name: &str, journal: mpsc::UnboundedSender<Entry>) -> Self {
        Self {
            name: name.to_owned(),
            instances: Mutex::default(),
            journal,
        }
    }

    fn note(&self, deed: Deed) {
        let entry = Entry {
            node: self.name.clone(),
            deed,
            at: Instant::now(),
        };
        // With --keep nobody reads it any more.
        let _ = self.journal.send(entry);
    }
}

impl ComputeApi for Node {
    async fn boot(&self, instance: &str) -> String {
        let mut instances = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        instances.insert(instance.to_owned());
        self.name.clone()
    }

    async fn stop(&self, instance: &str) -> Result<(), ComputeError> {
        let mut instances = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if instances.remove(instance) {
            return Ok(());
        }
        Err(ComputeError::NotFound {
            instance_id: instance.to_owned(),
        })
    }

    async fn migrate(&self, _instance: &str, seconds: f64) -> String {
        self.note(Deed::MigrationBegan);
        let mut migration = Migration {
            node: self,
            done: false,
        };
        let duration = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        tokio::time::sleep(duration).await;
        migration.done = true;
        self.name.clone()
    }

    async fn refresh(&self, _what: &str) {
        self.note(Deed::Refreshed);
    }
}

/// A migration that runs. Dropped before it is done, it was given up.
struct Migration<'a> {
    node: &'a Node,
    done: bool,
}

impl Drop for Migration<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.node.note(Deed::MigrationDropped);
        }
    }
}
