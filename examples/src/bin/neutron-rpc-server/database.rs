//! The embedded database.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bergen::service::ServiceError;
use bergen_examples::failed;
use rusqlite::Connection;

/// A row of `routers` without a `host` is nobody's; the first L3 agent that asks gets it. `told` says whether the agent
/// knows of it.
const SCHEMA: &str = "
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS agents (
        agent_type TEXT NOT NULL, host TEXT NOT NULL, binary TEXT NOT NULL, topic TEXT NOT NULL,
        availability_zone TEXT NOT NULL, configurations TEXT NOT NULL,
        heartbeat INTEGER NOT NULL, started_at INTEGER NOT NULL, admin_state_up INTEGER NOT NULL,
        PRIMARY KEY (agent_type, host)
    );
    CREATE TABLE IF NOT EXISTS routers (
        id TEXT PRIMARY KEY, body TEXT NOT NULL, host TEXT, told INTEGER NOT NULL DEFAULT 0
    );
    INSERT INTO routers (id, body)
        SELECT 'b4d1c9d0-0000-4000-8000-000000000001',
            '{\"id\": \"b4d1c9d0-0000-4000-8000-000000000001\", \"name\": \"first\", \"admin_state_up\": true}'
        WHERE NOT EXISTS (SELECT 1 FROM routers);
    COMMIT;
";

/// The database of this worker. Each worker opens it for itself, and one writes at a time.
#[derive(Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
}

impl Database {
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Runs queries where they block nobody else.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        queries: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let connection = Arc::clone(&self.connection);
        let ran = tokio::task::spawn_blocking(move || {
            queries(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        ran.await.map_err(failed)?.map_err(failed)
    }

    /// The routers, by host, that their agents were not told of.
    pub(crate) async fn untold(&self) -> Result<BTreeMap<String, Vec<String>>, ServiceError> {
        let rows = self.run(|connection| {
            let mut select = connection
                .prepare("SELECT host, id FROM routers WHERE host IS NOT NULL AND NOT told")?;
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, String)>>>()
        });
        let mut hosts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (host, id) in rows.await? {
            hosts.entry(host).or_default().push(id);
        }
        Ok(hosts)
    }

    /// These routers' agents know of them.
    pub(crate) async fn told(&self, ids: Vec<String>) -> Result<(), ServiceError> {
        let update = self.run(move |connection| {
            let mut update = connection.prepare("UPDATE routers SET told = 1 WHERE id = ?1")?;
            for id in ids {
                update.execute([id])?;
            }
            Ok(())
        });
        update.await
    }
}
