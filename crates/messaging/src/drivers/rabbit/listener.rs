//! The handle on one listener.

use std::sync::Arc;

use super::consumers::Consumers;
use super::supervisor::Supervisor;
use crate::driver::{BoxFuture, ListenError, Listener};

/// Consumers that recover by themselves from everything but the driver's end.
#[derive(Debug)]
pub(super) struct RabbitListener {
    consumers: Consumers,
}

impl RabbitListener {
    /// Waits until the consumers stand. On failure they take back by themselves what they have declared.
    pub(super) async fn start(
        consumers: Consumers,
        supervisor: &Arc<Supervisor>,
        hosts: &str,
        patience: std::time::Duration,
    ) -> Result<Self, ListenError> {
        let Ok(started) = tokio::time::timeout(patience, consumers.started()).await else {
            let cause = supervisor.trouble();
            return Err(ListenError::Unreachable {
                hosts: hosts.to_owned(),
                cause: cause.unwrap_or_else(|| format!("no answer within {patience:?}")),
            });
        };
        started.map(|()| Self { consumers })
    }
}

impl Listener for RabbitListener {
    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.consumers.stop())
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.consumers.close().await })
    }

    fn failed(&self) -> BoxFuture<'_, ListenError> {
        // A listener that has started is restored for as long as the driver lives.
        Box::pin(async move {
            self.consumers.ended().await;
            ListenError::Closed
        })
    }
}
