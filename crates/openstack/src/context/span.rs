//! Request ids in every log line.

use bergen_messaging::driver::BoxFuture;
use bergen_messaging::rpc::{Call, Endpoint, MethodInfo, MethodResult};
use bergen_messaging::target::EndpointTarget;
use bergen_messaging::wire::{Context, Text};
use tracing::{Instrument, Span};

use super::RequestContext;

/// An endpoint whose methods run in a span with the request's ids, user and project, so that each log line of theirs
/// has them: what oslo.log does with `logging_context_format_string`.
///
/// A span that no subscriber wants costs nothing.
#[derive(Debug, Clone)]
pub struct WithRequestSpan<E>(pub E);

impl<E: Endpoint> Endpoint for WithRequestSpan<E> {
    fn target(&self) -> EndpointTarget {
        self.0.target()
    }

    fn methods(&self) -> &[MethodInfo] {
        self.0.methods()
    }

    fn dispatch<'a>(&'a self, method: &'a str, call: Call) -> BoxFuture<'a, MethodResult> {
        let span = span_of(&call.context);
        if span.is_disabled() {
            return self.0.dispatch(method, call);
        }
        // What the endpoint does before its future is polled belongs to the request, too.
        let running = span.in_scope(|| self.0.dispatch(method, call));
        Box::pin(running.instrument(span))
    }
}

impl RequestContext {
    /// A span with the ids, user and project of this request, for work that is not a method's.
    pub fn span(&self) -> Span {
        tracing::info_span!(
            "request",
            request_id = self.request_id,
            global_request_id = self.global_request_id,
            user_id = self.user_id,
            project_id = self.project_id,
        )
    }
}

/// The same from what came, of which only these keys are read, and only if somebody wants the span.
fn span_of(context: &Context) -> Span {
    let text = |key: &str| -> Option<Text> { context.raw(key)?.as_text() };
    let user = || text("user_id").or_else(|| text("user"));
    tracing::info_span!(
        "request",
        request_id = text("request_id").as_deref(),
        global_request_id = text("global_request_id").as_deref(),
        user_id = user().as_deref(),
        project_id = text("project_id").as_deref(),
    )
}

#[cfg(test)]
mod tests;
