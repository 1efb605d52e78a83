//! The request that the current task is working on.

use std::future::Future;

use tokio::time::Instant;

use crate::wire::Context;

/// The request that the current task is working on: what it passes on to the calls it makes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CurrentRequest {
    /// The caller's context.
    pub context: Context,
    /// When nobody waits for the answer any more. Calls made meanwhile end no later.
    pub deadline: Option<Instant>,
}

impl CurrentRequest {
    /// A request with this context and deadline.
    pub fn new(context: Context, deadline: Option<Instant>) -> Self {
        Self { context, deadline }
    }

    /// The request that the current task works on; `None` outside of a method, and in tasks that a method spawned:
    /// those take it along with [`scope`](Self::scope).
    pub fn get() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The deadline of the request that the current task works on.
    pub(crate) fn deadline() -> Option<Instant> {
        CURRENT.try_with(|current| current.deadline).ok().flatten()
    }

    /// Runs `future` as a part of this request.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }
}

tokio::task_local! {
    static CURRENT: CurrentRequest;
}
