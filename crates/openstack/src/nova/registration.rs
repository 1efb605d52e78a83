//! How a service comes to its record.

use bergen_messaging::rpc::TypedCallError;
use bergen_messaging::wire::Context;

use super::records::is_done_but_refused;
use super::{RecordError, ServiceRecords};
use crate::objects::nova::{Service, ServiceError};

/// What a service registers as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) host: String,
    pub(super) binary: String,
    pub(super) topic: String,
    /// Never left out: nova stores 0 then, which is older than anything that it starts beside.
    pub(super) version: i64,
}

impl Identity {
    /// Brings the record that was found up to date, or makes one.
    pub(super) async fn register(
        &self,
        records: &dyn ServiceRecords,
        ctxt: &Context,
        found: Option<Service>,
    ) -> Result<Service, RecordError> {
        let Some(mut service) = found else {
            return self.create(records, ctxt).await;
        };
        if service.version.get() != Some(&self.version) {
            service.version.set(self.version);
            records.save(ctxt, &mut service).await?;
        }
        Ok(service)
    }

    async fn create(
        &self,
        records: &dyn ServiceRecords,
        ctxt: &Context,
    ) -> Result<Service, RecordError> {
        let mut service = Service::default();
        service.host.set(Some(self.host.clone()));
        service.binary.set(Some(self.binary.clone()));
        service.topic.set(Some(self.topic.clone()));
        service.report_count.set(0);
        service.version.set(self.version);
        match records.create(ctxt, &mut service).await {
            Ok(()) => Ok(service),
            Err(error) if may_exist(&error) => {
                let found = records.find(ctxt, &self.host, &self.binary).await?;
                found.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether there may be a record all the same: a worker beside this one was faster, or nova wrote it and then failed.
fn may_exist(error: &RecordError) -> bool {
    let sibling = matches!(
        error,
        TypedCallError::Own(ServiceError::BinaryExists { .. } | ServiceError::TopicExists { .. })
    );
    sibling || is_done_but_refused(error)
}

#[cfg(test)]
mod tests;
