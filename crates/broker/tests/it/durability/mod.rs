//! Brokers with a data directory, in processes of their own that die.

mod kill;
mod limits;
mod process;

use std::path::PathBuf;
use std::time::Duration;

use bergen_amqp::client::{Channel, Confirmed, Publish};
use bergen_amqp::codec::BasicProperties;
use tokio::time::timeout;

/// As long as anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A directory that goes with the test.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("durability-{name}-{}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    /// The log files, oldest first.
    fn log_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .collect();
        files.sort();
        files
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn persistent(exchange: &str, routing_key: &str, body: impl Into<bytes::Bytes>) -> Publish {
    Publish::new(exchange, routing_key, body)
        .mandatory()
        .with_properties(BasicProperties {
            delivery_mode: Some(2),
            ..BasicProperties::default()
        })
}

async fn publish(channel: &Channel, message: Publish) -> Confirmed {
    let confirmation = within(channel.publish(message)).await.unwrap();
    within(confirmation).await.unwrap()
}

/// The future, which has to be done in time.
fn within<F: IntoFuture>(future: F) -> impl Future<Output = F::Output> {
    Box::pin(async { timeout(PATIENCE, future).await.expect("too slow") })
}
