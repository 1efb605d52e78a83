//! The request that the current task is working on.

use std::future::Future;

use tokio::time::Instant;

use crate::driver::Cancellation;
use crate::wire::Context;

/// The request that the current task is working on: what it passes on to the calls it makes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CurrentRequest {
    /// The caller's context.
    pub context: Context,
    /// When nobody waits for the answer any more. Calls made meanwhile end no later.
    pub deadline: Option<Instant>,
    /// Whether the caller has given up. Calls made meanwhile are not ended by it, but by being dropped.
    pub cancellation: Cancellation,
}

impl CurrentRequest {
    /// A request with this context and deadline.
    pub fn new(context: Context, deadline: Option<Instant>) -> Self {
        Self {
            context,
            deadline,
            cancellation: Cancellation::never(),
        }
    }

    /// Sets what tells that the caller has given up.
    #[must_use]
    pub fn with_cancellation(mut self, cancellation: Cancellation) -> Self {
        self.cancellation = cancellation;
        self
    }

    /// The request that the current task works on; `None` outside of a method, and in tasks that a method spawned:
    /// those take it along with [`scope`](Self::scope).
    pub fn get() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Whether the caller of the request that the current task works on has given up, so that the work may as well
    /// stop. Cheap enough to be asked in a loop.
    pub fn is_cancelled() -> bool {
        CURRENT
            .try_with(|current| current.cancellation.is_cancelled())
            .unwrap_or(false)
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
