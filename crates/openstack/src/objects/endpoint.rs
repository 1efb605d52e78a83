//! Endpoints whose arguments hold objects.

use bergen_messaging::driver::BoxFuture;
use bergen_messaging::rpc::{Call, Endpoint, MethodInfo, MethodResult};
use bergen_messaging::target::EndpointTarget;

use super::ObjectSerializer;

/// An endpoint that gets only objects it can read: newer ones are backported before its methods run, others are
/// answered with `UnsupportedObjectError` and `IncompatibleObjectVersion`, as Python callers know them.
#[derive(Debug, Clone)]
pub struct WithObjects<E> {
    endpoint: E,
    serializer: ObjectSerializer,
}

impl<E: Endpoint> WithObjects<E> {
    /// The same endpoint behind a serializer.
    pub const fn new(endpoint: E, serializer: ObjectSerializer) -> Self {
        Self {
            endpoint,
            serializer,
        }
    }
}

impl<E: Endpoint> Endpoint for WithObjects<E> {
    fn target(&self) -> EndpointTarget {
        self.endpoint.target()
    }

    fn methods(&self) -> &[MethodInfo] {
        self.endpoint.methods()
    }

    fn dispatch<'a>(&'a self, method: &'a str, mut call: Call) -> BoxFuture<'a, MethodResult> {
        Box::pin(async move {
            let received = self.serializer.receive(&call.context, call.arguments);
            call.arguments = received.await?;
            self.endpoint.dispatch(method, call).await
        })
    }
}
