//! The context of the request that is worked on.

use bergen_messaging::rpc::CurrentRequest;

use super::RequestContext;

impl RequestContext {
    /// The context of the request that the current task works on; `None` outside of a method. It is there for
    /// everything that a method calls, and gone afterwards; tasks that it spawns take it along with
    /// [`CurrentRequest::scope`].
    pub fn current() -> Option<Self> {
        CurrentRequest::get().map(|request| Self::from_wire(&request.context))
    }

    /// A request with this context, without a deadline: background work runs as a part of it, so that
    /// [`current`](Self::current) and log lines know it.
    pub fn into_request(self) -> CurrentRequest {
        CurrentRequest::new(self.to_wire(), None)
    }
}
