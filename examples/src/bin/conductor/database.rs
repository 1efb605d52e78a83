//! The embedded database: the records of services.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bergen::driver::BoxFuture;
use bergen::openstack::nova::{RecordError, ServiceRecords};
use bergen::openstack::objects::nova::{Service, ServiceError, ServiceId};
use bergen::openstack::objects::{ObjectError, VersionedObject};
use bergen::rpc::TypedCallError;
use bergen::wire::convert::{DateTime, Uuid};
use bergen::wire::{Context, Id, RawJson};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

/// A record is kept as its object; what is looked for has columns, too.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS services (
        id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, binary TEXT NOT NULL, object TEXT NOT NULL,
        UNIQUE (host, binary)
    );
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

    /// Does something with the records as one, where it blocks nobody else.
    fn run<'a, T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failed> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, RecordError>> {
        let connection = Arc::clone(&self.connection);
        let done = tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            // Begun as a writer, so that two workers do not both find nothing.
            let behaviour = TransactionBehavior::Immediate;
            let transaction = Transaction::new_unchecked(&connection, behaviour)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        });
        Box::pin(async {
            let done: Result<T, Failed> = done.await.unwrap_or_else(|error| Err(broken(&error)));
            done.map_err(|Failed(error)| TypedCallError::Own(error))
        })
    }
}

impl ServiceRecords for Database {
    fn find<'a>(
        &'a self,
        _: &'a Context,
        host: &'a str,
        binary: &'a str,
    ) -> BoxFuture<'a, Result<Option<Service>, RecordError>> {
        let key = [host.to_owned(), binary.to_owned()];
        self.run(move |rows| {
            let select = "SELECT object FROM services WHERE host = ?1 AND binary = ?2";
            let found = rows.query_row(select, key, |row| row.get(0)).optional()?;
            found.map(|text: String| object(&text)).transpose()
        })
    }

    fn create<'a>(
        &'a self,
        _: &'a Context,
        service: &'a mut Service,
    ) -> BoxFuture<'a, Result<(), RecordError>> {
        let mut new = service.clone();
        let created = self.run(move |rows| {
            // Never one that was given out before: its service may still report.
            let next =
                "SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'services'";
            let id: i64 = rows.query_row(next, [], |row| row.get(0))?;
            new.id.set("id", id).map_err(ServiceError::Object)?;
            new.uuid.set(Uuid::from(Id::new()).to_string());
            new.disabled.set(false);
            new.disabled_reason.set(None);
            new.forced_down.set(false);
            new.last_seen_up.set(None);
            new.created_at.set(Some(DateTime::now()));
            new.updated_at.set(None);
            new.reset_changes();
            let text =
                |field: Option<&Option<String>>| field.cloned().flatten().unwrap_or_default();
            let (host, binary) = (text(new.host.get()), text(new.binary.get()));
            let inserted = rows.execute(
                "INSERT OR IGNORE INTO services (id, host, binary, object) VALUES (?1, ?2, ?3, ?4)",
                params![id, host, binary, written(&new)?],
            )?;
            match inserted {
                0 => Err(ServiceError::BinaryExists { host, binary }.into()),
                _ => Ok(new),
            }
        });
        Box::pin(async {
            *service = created.await?;
            Ok(())
        })
    }

    fn save<'a>(
        &'a self,
        _: &'a Context,
        service: &'a mut Service,
    ) -> BoxFuture<'a, Result<(), RecordError>> {
        let sent = service.clone();
        let saved = self.run(move |rows| {
            let id = sent.id.get().copied();
            let select = "SELECT object FROM services WHERE id = ?1";
            let found = rows.query_row(select, [id], |row| row.get(0)).optional()?;
            let text: String = found.ok_or_else(|| not_found(&sent))?;
            let mut stored = object(&text)?;
            // Only a higher count is a sign of life.
            if sent.report_count.get() > stored.report_count.get() {
                stored.last_seen_up.set(Some(DateTime::now()));
            }
            stored.updated_at.set(Some(DateTime::now()));
            stored
                .merge(&changes(&sent)?)
                .map_err(ServiceError::Object)?;
            let update = "UPDATE services SET object = ?2 WHERE id = ?1";
            rows.execute(update, params![id, written(&stored)?])?;
            Ok(stored)
        });
        Box::pin(async {
            *service = saved.await?;
            Ok(())
        })
    }

    fn destroy<'a>(
        &'a self,
        _: &'a Context,
        service: &'a mut Service,
    ) -> BoxFuture<'a, Result<(), RecordError>> {
        let gone = service.clone();
        self.run(move |rows| {
            let id = gone.id.get().copied();
            match rows.execute("DELETE FROM services WHERE id = ?1", [id])? {
                0 => Err(not_found(&gone).into()),
                _ => Ok(()),
            }
        })
    }

    fn minimum_version<'a>(
        &'a self,
        _: &'a Context,
        binary: &'a str,
    ) -> BoxFuture<'a, Result<i64, RecordError>> {
        let binary = binary.to_owned();
        self.run(move |rows| {
            let mut select = rows.prepare("SELECT object FROM services WHERE binary = ?1")?;
            let texts = select.query_map([binary], |row| row.get(0))?;
            let texts: Vec<String> = texts.collect::<rusqlite::Result<_>>()?;
            let mut versions = Vec::new();
            for text in texts {
                versions.push(object(&text)?.version.get().copied().unwrap_or(0));
            }
            Ok(versions.into_iter().min().unwrap_or(0))
        })
    }
}

/// What a caller is told when something with a record went wrong.
struct Failed(ServiceError);

impl From<ServiceError> for Failed {
    fn from(error: ServiceError) -> Self {
        Self(error)
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        broken(&error)
    }
}

fn broken(error: &dyn std::error::Error) -> Failed {
    Failed(ServiceError::Action {
        action: "query".to_owned(),
        reason: error.to_string(),
    })
}

fn not_found(service: &Service) -> ServiceError {
    ServiceError::NotFound {
        service_id: ServiceId::Id(service.id.get().copied().unwrap_or_default()),
    }
}

fn object(text: &str) -> Result<Service, Failed> {
    serde_json::from_str(text).map_err(|error| broken(&error))
}

fn written(service: &Service) -> Result<String, Failed> {
    serde_json::to_string(service).map_err(|error| broken(&error))
}

/// The fields of an object that a `save` writes.
fn changes(service: &Service) -> Result<RawJson, ServiceError> {
    let envelope = service.to_envelope().map_err(ServiceError::Object)?;
    let mut data = envelope.data;
    data.retain(|name, _| envelope.changes.contains(name));
    RawJson::encode(&data)
        .map_err(|error| ServiceError::Object(ObjectError::Value(error.to_string())))
}
