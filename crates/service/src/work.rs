//! What tasks and timers are both made of: a future that knows who it is, and whose panics are errors.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use crate::ServiceError;

#[cfg(test)]
mod tests;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

tokio::task_local! {
    static CURRENT: WorkId;
}

/// Tells one task or timer from all others of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct WorkId(u64);

impl WorkId {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether the code that asks runs as a part of this one. Such code must not wait for its own end.
    pub(crate) fn is_current(self) -> bool {
        CURRENT.try_with(|current| *current == self) == Ok(true)
    }

    /// Runs a future as this one.
    pub(crate) fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }
}

/// Runs a future to its end; a panic of it is an error like any other.
pub(crate) async fn caught<T>(
    future: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, ServiceError> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        // A future that panicked is not polled again, so that what it left half done is seen by nobody.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(Err(ServiceError::new(format!(
                "it panicked: {}",
                message(panic.as_ref())
            )))),
        }
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
