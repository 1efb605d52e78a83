//! The program's own code for one request.

use std::sync::Arc;

use super::Shared;
use super::in_flight::InFlight;
use crate::rpc::{Call, CurrentRequest, Endpoint, MethodResult};
use crate::wire::Text;

/// A method that was found. All code of the program's own runs in here, its serializer too: it may panic.
pub(super) struct Work {
    pub(super) server: Arc<Shared>,
    pub(super) endpoint: Arc<dyn Endpoint>,
    pub(super) method: Text,
}

impl Work {
    /// Runs the method.
    pub(super) async fn run(self, call: Call) -> MethodResult {
        let _running = InFlight::begin(&self.server, &self.method, &call.context);
        let call = self.server.deserialize(call)?;
        let context = call.context.clone();
        let current = CurrentRequest::new(context.clone(), call.deadline)
            .with_cancellation(call.cancellation.clone());
        let running = current.scope(async { self.endpoint.dispatch(&self.method, call).await });
        let result = running.await?;
        match &self.server.serializer {
            None => Ok(result),
            Some(serializer) => Ok(serializer.serialize_entity(&context, result)?),
        }
    }
}
