//! How the suite reaches the driver under test.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use bergen_messaging::transport::{NotificationTransport, RpcTransport, TransportOptions};

/// How the suite reaches the driver under test.
pub struct Subject {
    make: Box<dyn Fn() -> TransportOptions + Send + Sync>,
    kept: Vec<Box<dyn Any + Send>>,
}

impl Subject {
    /// `make` yields options that lead to one broker, the same each time it is called, and to one where nothing else
    /// goes on. Each call stands for another process: the transports need not share connections.
    pub fn new(make: impl Fn() -> TransportOptions + Send + Sync + 'static) -> Self {
        Self {
            make: Box::new(make),
            kept: Vec::new(),
        }
    }

    /// Keeps something until the test is over, for example the broker.
    #[must_use]
    pub fn keeping(mut self, what: impl Any + Send) -> Self {
        self.kept.push(Box::new(what));
        self
    }

    /// A transport of another process.
    pub(crate) fn rpc(&self) -> RpcTransport {
        RpcTransport::new((self.make)()).expect("no transport")
    }

    /// A transport of another process, for notifications.
    pub(crate) fn notifications(&self) -> NotificationTransport {
        NotificationTransport::new((self.make)()).expect("no transport")
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}

/// Runs one test on a runtime of its own, for a minute at most.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("no runtime");
    runtime.block_on(async {
        let ended = tokio::time::timeout(Duration::from_mins(1), test).await;
        ended.expect("the test took more than a minute");
    });
}
