//! Telling callers how to cancel what takes long.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use super::engine::Engine;
use crate::clock::later;
use crate::driver::IncomingRequest;

impl Engine {
    /// Does `work` for a request. If that takes so long that it is worth to be stopped, the caller is told meanwhile how
    /// to do so.
    pub(super) async fn offering_cancel<T>(
        &self,
        incoming: &IncomingRequest,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        if !incoming.cancellation.is_possible() {
            return work.await;
        }
        // What is done at once costs no timer.
        if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await
        {
            return done;
        }
        let offer = Box::pin(async {
            tokio::time::sleep_until(later(incoming.received, self.server.cancel_after)).await;
            if let Err(error) = incoming.offer_cancel().await {
                tracing::debug!("a caller was not told how to cancel: {error}");
            }
        });
        tokio::select! {
            biased;
            done = &mut work => done,
            () = offer => work.await,
        }
    }
}
