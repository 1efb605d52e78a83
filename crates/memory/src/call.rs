//! One call, from publish to answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bergen_broker::core::Message;
use bergen_messaging::driver::{CallOptions, CallReply, Finding, SendError, Timeout};
use bergen_messaging::wire::{Id, OutgoingRequest};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::caller::Caller;
use super::callers::Place;
use super::driver::MemoryDriver;
use super::parcel::Parcel;
use super::topology::Route;

/// A call in flight. Dropping it gives the call up.
struct Call<'a> {
    driver: &'a MemoryDriver,
    place: Place<'a>,
    route: Route,
    options: CallOptions,
    /// After this long without a sign of life a monitored call fails.
    monitor: Option<Duration>,
    id: Id,
    start: Instant,
}

impl MemoryDriver {
    /// Publishes a request and waits for its answer until the deadline.
    pub(crate) async fn call_on(
        &self,
        route: Route,
        request: &OutgoingRequest,
        options: CallOptions,
    ) -> Result<CallReply, SendError> {
        self.counters.calls.increment();
        let (id, start) = (Id::new(), Instant::now());
        if options.deadline <= start {
            return Err(Timeout::new(id.to_string(), Duration::ZERO).into());
        }
        let limit = self.options.max_waiting_calls;
        let place = self.callers.admit(Caller::new(start), limit)?;
        let message = self.request(
            &route,
            request,
            Some((id, Arc::clone(&place.caller), options.deadline)),
            start,
        );
        let call = Call {
            driver: self,
            place,
            route,
            options,
            monitor: request.monitor,
            id,
            start,
        };
        if !self.publish(&message, start)? {
            Box::pin(call.find_server(&message)).await?;
        }
        call.answer().await
    }
}

impl Call<'_> {
    /// Publishes again whenever a server comes, until the time for that is over.
    async fn find_server(&self, message: &Arc<Message<Parcel>>) -> Result<(), SendError> {
        let (exchange, routing_key) = (
            self.route.exchange.to_string(),
            self.route.routing_key.to_string(),
        );
        self.driver.counters.calls_returned.increment();
        if self.options.at_least_once {
            return Err(SendError::Undeliverable {
                exchange,
                routing_key,
            });
        }
        let half = self.options.deadline.duration_since(self.start) / 2;
        let end = self.start + self.driver.options.no_server_grace.min(half);
        loop {
            let mut listened = pin!(self.driver.bus.listened.notified());
            // Who comes from here on is not missed.
            listened.as_mut().enable();
            let now = Instant::now();
            if self.driver.publish(message, now)? {
                return Ok(());
            }
            if now >= end {
                return Err(SendError::NoServer {
                    exchange,
                    routing_key,
                });
            }
            self.driver.counters.calls_returned.increment();
            let _ = timeout_at(end, listened).await;
        }
    }

    async fn answer(self) -> Result<CallReply, SendError> {
        let caller = &self.place.caller;
        let mut answer = poll_fn(|context| caller.poll_answer(context.waker()));
        // What is answered at once costs no timer.
        let first = poll_fn(|context| Poll::Ready(Pin::new(&mut answer).poll(context)));
        if let Poll::Ready(answer) = first.await {
            return answer.ok_or(SendError::Closed);
        }
        let mut timer = pin!(sleep_until(self.end()));
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer.ok_or(SendError::Closed),
                () = &mut timer => {
                    let (now, end) = (Instant::now(), self.end());
                    if now >= end {
                        return Err(self.timed_out(end < self.options.deadline));
                    }
                    timer.as_mut().reset(end);
                }
            }
        }
    }

    /// When the call ends without an answer: at its deadline, or when a monitored one has been silent for too long.
    fn end(&self) -> Instant {
        let deadline = self.options.deadline;
        let silent = self
            .monitor
            .and_then(|monitor| self.place.caller.last_heard().checked_add(monitor));
        silent.map_or(deadline, |silent| silent.min(deadline))
    }

    fn timed_out(&self, keep_alives_stopped: bool) -> SendError {
        let mut timeout = Timeout::new(self.id.to_string(), self.start.elapsed());
        timeout.keep_alives_stopped = keep_alives_stopped;
        let queue = self.route.routing_key.to_string();
        match self.driver.queue(&queue) {
            None => timeout.findings.push(Finding::QueueMissing { queue }),
            Some(state) if state.consumers == 0 => {
                timeout.findings.push(Finding::NoConsumer { queue });
            }
            Some(_) => {}
        }
        timeout.into()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.place.caller.give_up() {
            self.driver.counters.cancels_sent.increment();
        }
    }
}
