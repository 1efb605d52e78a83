//! Agents in the database.

use std::time::Duration;

use bergen::openstack::neutron::{AgentStore, ReceivedReport};
use bergen::rpc::MethodError;
use bergen::wire::convert::DateTime;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::database::Database;

/// The agents of a database.
pub(crate) struct Agents {
    database: Database,
    /// Whether agents that report for the first time are administratively up.
    enable_new: bool,
}

impl Agents {
    pub(crate) fn new(database: Database, enable_new: bool) -> Self {
        Self {
            database,
            enable_new,
        }
    }
}

impl AgentStore for Agents {
    async fn store(&self, received: &ReceivedReport) -> Result<Option<Duration>, MethodError> {
        let report = received.report.clone();
        let enable_new = self.enable_new;
        let before = self.database.run(move |connection| {
            // Begun as a writer, so that two workers do not both find nothing.
            let behaviour = TransactionBehavior::Immediate;
            let transaction = Transaction::new_unchecked(connection, behaviour)?;
            let (state, now) = (&report.state, DateTime::now().unix_micros());
            let configurations = serde_json::Value::Object(state.configurations.clone());
            let before: Option<i64> = transaction
                .query_row(
                    "SELECT heartbeat FROM agents WHERE agent_type = ?1 AND host = ?2",
                    params![state.agent_type, state.host],
                    |row| row.get(0),
                )
                .optional()?;
            transaction.execute(
                "INSERT INTO agents
                    (agent_type, host, binary, topic, availability_zone, configurations, heartbeat, started_at,
                     admin_state_up)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?9)
                 ON CONFLICT (agent_type, host) DO UPDATE SET
                    binary = ?3, topic = ?4, availability_zone = ?5, configurations = ?6, heartbeat = ?7,
                    started_at = CASE WHEN ?8 THEN ?7 ELSE started_at END",
                params![
                    state.agent_type,
                    state.host,
                    state.binary,
                    state.topic,
                    state.availability_zone.as_deref().unwrap_or("nova"),
                    configurations.to_string(),
                    now,
                    report.start_flag,
                    enable_new,
                ],
            )?;
            transaction.commit()?;
            let age = before.map(|before| u64::try_from(now - before).unwrap_or(0));
            Ok(age.map(Duration::from_micros))
        });
        before
            .await
            .map_err(|error| MethodError::runtime_error(error.to_string()))
    }

    async fn is_alive(&self) -> bool {
        let select = self
            .database
            .run(|connection| connection.query_row("SELECT 1", [], |row| row.get(0)));
        matches!(select.await, Ok(1))
    }
}

/// Whether the L3 agent of this host is administratively up; `None` if it has not reported yet.
pub(crate) fn l3_agent_is_up(
    connection: &Connection,
    host: &str,
) -> rusqlite::Result<Option<bool>> {
    let select = "SELECT admin_state_up FROM agents WHERE agent_type = 'L3 agent' AND host = ?1";
    connection
        .query_row(select, [host], |row| row.get(0))
        .optional()
}
