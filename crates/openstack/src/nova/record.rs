//! The record of a running service.

use std::fmt;
use std::sync::Arc;

use bergen_messaging::rpc::TypedCallError;
use tokio::sync::watch;

use super::records::is_done_but_refused;
use super::{RecordError, ServiceRecords};
use crate::context::RequestContext;
use crate::objects::nova::{Service, ServiceError};

/// The record of a running service, as of its last heartbeat.
///
/// What others change in it comes back with a heartbeat: whether an operator has disabled the service, and whether
/// something outside of nova has said that it is down (`forced_down`).
pub struct ServiceRecord {
    records: Arc<dyn ServiceRecords>,
    service: watch::Sender<Service>,
}

impl ServiceRecord {
    /// The record of a service that is registered.
    pub fn new(records: &Arc<dyn ServiceRecords>, service: Service) -> Self {
        Self {
            records: Arc::clone(records),
            service: watch::Sender::new(service),
        }
    }

    /// The record as it is known now.
    pub fn service(&self) -> Service {
        self.service.borrow().clone()
    }

    /// The record, as heartbeats bring changes.
    pub fn watch(&self) -> watch::Receiver<Service> {
        self.service.subscribe()
    }

    /// Counts a heartbeat and has it written. The count grows even if that fails, since nova takes only a higher one for
    /// a sign of life.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn report(&self) -> Result<(), RecordError> {
        let before = self.service();
        let mut service = before.clone();
        let count = service.report_count.get().copied().unwrap_or(0);
        service.report_count.set(count.saturating_add(1));
        let ctxt = RequestContext::admin_nova().to_wire();
        let saved = self.records.save(&ctxt, &mut service).await;
        log_changes(&before, &service);
        self.service.send_replace(service);
        saved
    }

    /// Deletes the record, if it is still there: nova then does not know the service any more.
    ///
    /// # Errors
    /// See [`RecordError`]. The `ValueError` that nova gives for binaries of others, after the deed, is none.
    pub async fn destroy(&self) -> Result<(), RecordError> {
        let ctxt = RequestContext::admin_nova().to_wire();
        let mut service = self.service();
        match self.records.destroy(&ctxt, &mut service).await {
            Err(TypedCallError::Own(ServiceError::NotFound { .. })) => Ok(()),
            Err(error) if is_done_but_refused(&error) => Ok(()),
            destroyed => destroyed,
        }
    }
}

impl fmt::Debug for ServiceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServiceRecord")
            .field(&*self.service.borrow())
            .finish()
    }
}

fn log_changes(before: &Service, after: &Service) {
    if before.disabled.get() != after.disabled.get()
        && let Some(disabled) = after.disabled.get()
    {
        let reason = after.disabled_reason.get().and_then(Option::as_deref);
        tracing::info!(
            disabled,
            reason,
            "an operator has disabled or enabled this service"
        );
    }
    if before.forced_down.get() != after.forced_down.get()
        && let Some(forced_down) = after.forced_down.get()
    {
        tracing::info!(forced_down, "this service was forced down, or is no longer");
    }
}
