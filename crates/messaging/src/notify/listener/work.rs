//! Handing events to the endpoints.

use std::time::Duration;

use tokio::time::Instant;

use super::{Handled, NotificationEndpoint, ReceivedEvent, Shared, Subscriber};
use crate::notify::Priority;
use crate::rpc::CatchPanic;

/// Events that are handed over together: one, or what a batch has of one priority.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) priority: Priority,
    pub(super) events: Vec<ReceivedEvent>,
    /// Whose order is kept by running it; see [`ListenerBuilder::order_per_publisher`](super::ListenerBuilder).
    pub(super) lane: Option<String>,
}

/// What the broker is told of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Acknowledge,
    Requeue,
}

/// Has all endpoints handle the events; yields a verdict for each, in their order.
pub(super) async fn handle(shared: &Shared, work: &Work) -> Vec<Verdict> {
    let mut cases: Vec<Case<'_>> = work.events.iter().map(Case::new).collect();
    for subscriber in &shared.subscribers {
        if !subscriber.priorities.contains(&work.priority) {
            continue;
        }
        let filter = subscriber.endpoint.filter();
        let mut wanted: Vec<_> = cases
            .iter_mut()
            .filter(|case| case.verdict.is_none())
            .filter(|case| filter.is_none_or(|filter| filter.matches(case.event.notification())))
            .collect();
        if !wanted.is_empty() {
            shared.ask(subscriber, &mut wanted).await;
        }
    }
    cases.iter().map(|case| case.end(shared)).collect()
}

/// An event on its way through the endpoints.
struct Case<'a> {
    event: &'a ReceivedEvent,
    wanted: bool,
    /// Given when it goes to no further endpoint.
    verdict: Option<Verdict>,
}

impl<'a> Case<'a> {
    fn new(event: &'a ReceivedEvent) -> Self {
        Self {
            event,
            wanted: false,
            verdict: None,
        }
    }

    fn end(&self, shared: &Shared) -> Verdict {
        self.verdict.unwrap_or_else(|| {
            let counters = &shared.counters;
            let count = if self.wanted {
                &counters.handled
            } else {
                &counters.unwanted
            };
            count.add();
            Verdict::Acknowledge
        })
    }
}

impl Shared {
    /// Asks one endpoint. A batch that fails is taken apart, so that one bad event does not take others with it.
    async fn ask(&self, subscriber: &Subscriber, wanted: &mut [&mut Case<'_>]) {
        for case in &mut *wanted {
            case.wanted = true;
        }
        let endpoint = &*subscriber.endpoint;
        let events: Vec<_> = wanted.iter().map(|case| case.event).collect();
        if events.len() > 1 {
            match self.attempt(endpoint, &events).await {
                Ok(Handled::Done) => return,
                Ok(Handled::Requeue) => {
                    for case in wanted {
                        case.verdict = Some(self.requeue());
                    }
                    return;
                }
                Err(_) => {}
            }
        }
        for case in wanted {
            case.verdict = self.ask_until_done(endpoint, case.event).await;
        }
    }

    /// Asks as often as the policy allows. None: it is done.
    async fn ask_until_done(
        &self,
        endpoint: &dyn NotificationEndpoint,
        event: &ReceivedEvent,
    ) -> Option<Verdict> {
        let mut failures = 0;
        loop {
            let reason = match self.attempt(endpoint, &[event]).await {
                Ok(Handled::Done) => return None,
                Ok(Handled::Requeue) => return Some(self.requeue()),
                Err(reason) => reason,
            };
            failures += 1;
            if failures >= self.poison.attempts {
                return Some(self.give_up(event, &reason).await);
            }
            if !self.pause(self.poison.pause_after(failures)).await {
                // Whoever listens next tries it again.
                return Some(Verdict::Requeue);
            }
        }
    }

    async fn attempt(
        &self,
        endpoint: &dyn NotificationEndpoint,
        events: &[&ReceivedEvent],
    ) -> Result<Handled, String> {
        let handling = async {
            match (events, self.batch) {
                ([event], None) => endpoint.notify(event).await,
                (events, _) => endpoint.notify_batch(events).await,
            }
        };
        let failure = match CatchPanic(Box::pin(handling)).await {
            Ok(Ok(handled)) => return Ok(handled),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("panic: {panic}"),
        };
        self.counters.failures.add();
        if let Some(held_back) = self.log.admit(Instant::now()) {
            let event_type = events.first().map(|event| &event.notification().event_type);
            tracing::warn!(
                error = failure,
                ?event_type,
                events = events.len(),
                held_back,
                "a notification endpoint failed"
            );
        }
        Err(failure)
    }

    fn requeue(&self) -> Verdict {
        if self.allow_requeue {
            self.counters.requeued.add();
            Verdict::Requeue
        } else {
            self.counters.requeue_refused.add();
            Verdict::Acknowledge
        }
    }

    async fn give_up(&self, event: &ReceivedEvent, reason: &str) -> Verdict {
        match self.poison.bury(&self.transport, event, reason).await {
            Ok(true) => self.counters.dead_lettered.add(),
            Ok(false) => self.counters.dropped.add(),
            Err(error) => {
                tracing::error!(%error, "a dead letter was not published; the event goes back to its queue");
                self.counters.dead_letter_failures.add();
                return Verdict::Requeue;
            }
        }
        Verdict::Acknowledge
    }

    /// False: the listener was stopped meanwhile.
    async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }
}
