//! How many come in at once.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// How many connections a socket serves at once. Nobody needs more to look into a service, and what a socket costs the
/// service stays bounded.
const CONNECTIONS: usize = 8;

/// Lets connections in, each into a task of its own. Those beyond the limit are closed at once.
#[derive(Debug)]
pub(crate) struct Door {
    permits: Arc<Semaphore>,
}

impl Door {
    pub(crate) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Serves for ever.
    pub(crate) async fn serve<C, A, S>(self, accept: impl Fn() -> A, serve: impl Fn(C) -> S)
    where
        A: Future<Output = io::Result<C>>,
        S: Future<Output = ()> + Send + 'static,
    {
        loop {
            let connection = match accept().await {
                Ok(connection) => connection,
                Err(error) => {
                    // Such as: too many open files. It comes again at once if it comes again.
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                let served = serve(connection);
                tokio::spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
        }
    }
}
