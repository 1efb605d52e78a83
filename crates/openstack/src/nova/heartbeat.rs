//! The heartbeat of a service, and what is said about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bergen_messaging::driver::SendError;
use bergen_messaging::rpc::{CallError, TypedCallError};

use super::{RecordError, ServiceRecord};
use crate::objects::nova::ServiceError;

/// Reports a record again and again; one task at a time.
#[derive(Debug)]
pub(super) struct Heartbeat {
    record: Arc<ServiceRecord>,
    disconnected: AtomicBool,
}

impl Heartbeat {
    pub(super) fn new(record: &Arc<ServiceRecord>) -> Self {
        Self {
            record: Arc::clone(record),
            disconnected: AtomicBool::new(false),
        }
    }

    /// One heartbeat. Its failure is logged, and nothing else: the next one is the next attempt.
    pub(super) async fn beat(&self) {
        match self.record.report().await {
            Ok(()) => {
                if self.disconnected.swap(false, Ordering::Relaxed) {
                    tracing::info!("Recovered from being unable to report status.");
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &RecordError) {
        match error {
            // Conductors that are being replaced answer nothing, or are not there, for a while: said once.
            TypedCallError::Call(error) if error.is_timeout() || is_absence(error) => {
                if !self.disconnected.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "Lost connection to nova-conductor for reporting service status."
                    );
                }
            }
            TypedCallError::Own(ServiceError::NotFound { .. }) => tracing::error!(
                "Service's record is gone: an operator has deleted it. Stop this service, or start it again to \
                 register it anew"
            ),
            error => {
                tracing::error!(%error, "Unexpected error while reporting service status");
                self.disconnected.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// The broker knows no conductor. Python peers would wait until they time out.
fn is_absence(error: &CallError) -> bool {
    matches!(error, CallError::Send(SendError::NoServer { .. }))
}

#[cfg(test)]
mod tests;
