//! Handing events to the endpoints.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::poison::Failure;
use super::{Handled, ReceivedEvent, Shared, Subscriber};
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
pub(super) async fn handle(shared: &Shared, work: &mut Work) -> Vec<Verdict> {
    let mut refusals = Vec::new();
    for event in &mut work.events {
        refusals.push(shared.convert(event).await.err());
    }
    let mut cases: Vec<Case<'_>> = work.events.iter().map(Case::new).collect();
    for (case, refusal) in cases.iter_mut().zip(refusals) {
        if let Some(reason) = refusal {
            let failure = Failure {
                reason,
                attempts: 1,
            };
            case.verdict = Some(shared.give_up(case.event, &failure).await);
        }
    }
    for subscriber in &shared.subscribers {
        if !subscriber.priorities.contains(&work.priority) {
            continue;
        }
        let mut wanted: Vec<_> = cases
            .iter_mut()
            .filter(|case| case.verdict.is_none())
            .filter(|case| subscriber.wants(case.event))
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

impl Subscriber {
    /// An endpoint that panics here is asked, so that it can fail where failures count.
    fn wants(&self, event: &ReceivedEvent) -> bool {
        let wants = || {
            let filter = self.endpoint.filter();
            filter.is_none_or(|filter| filter.matches(event.notification()))
                && self.endpoint.wants(event)
        };
        catch_unwind(AssertUnwindSafe(wants)).unwrap_or(true)
    }
}

/// Why an attempt came to nothing.
enum Missed {
    /// The listener was stopped before the endpoint had a turn free.
    Stopped,
    /// The endpoint said so, or panicked.
    Failed(String),
}

impl Shared {
    async fn convert(&self, event: &mut ReceivedEvent) -> Result<(), String> {
        let Some(serializer) = &self.serializer else {
            return Ok(());
        };
        let converting = async { event.convert(&**serializer) };
        let refusal = match CatchPanic(Box::pin(converting)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("panic: {panic}"),
        };
        self.counters.failures.add();
        if let Some(held_back) = self.log.admit(Instant::now()) {
            tracing::warn!(
                error = refusal,
                held_back,
                "the serializer of a notification listener refused an event"
            );
        }
        Err(refusal)
    }

    /// Asks one endpoint. A batch that fails is taken apart, so that one bad event does not take others with it.
    async fn ask(&self, subscriber: &Subscriber, wanted: &mut [&mut Case<'_>]) {
        for case in &mut *wanted {
            case.wanted = true;
        }
        let events: Vec<_> = wanted.iter().map(|case| case.event).collect();
        if events.len() > 1 {
            match self.attempt(subscriber, &events).await {
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
            case.verdict = self.ask_until_done(subscriber, case.event).await;
        }
    }

    /// Asks as often as the policy allows. None: it is done.
    async fn ask_until_done(
        &self,
        subscriber: &Subscriber,
        event: &ReceivedEvent,
    ) -> Option<Verdict> {
        let mut failures = 0;
        loop {
            let reason = match self.attempt(subscriber, &[event]).await {
                Ok(Handled::Done) => return None,
                Ok(Handled::Requeue) => return Some(self.requeue()),
                // Whoever listens next tries it.
                Err(Missed::Stopped) => return Some(Verdict::Requeue),
                Err(Missed::Failed(reason)) => reason,
            };
            failures += 1;
            if failures >= self.poison.attempts {
                let failure = Failure {
                    reason,
                    attempts: failures,
                };
                return Some(self.give_up(event, &failure).await);
            }
            if !self.pause(self.poison.pause_after(failures)).await {
                // Whoever listens next tries it again.
                return Some(Verdict::Requeue);
            }
        }
    }

    async fn attempt(
        &self,
        subscriber: &Subscriber,
        events: &[&ReceivedEvent],
    ) -> Result<Handled, Missed> {
        let _turn = self.turn(subscriber).await.ok_or(Missed::Stopped)?;
        let endpoint = &subscriber.endpoint;
        let handling = async {
            let handled = match (events, self.batch) {
                ([event], None) => endpoint.notify(event).await,
                (events, _) => endpoint.notify_batch(events).await,
            };
            // The error is the program's, and so is what it says.
            handled.map_err(|error| error.to_string())
        };
        let failure = match CatchPanic(Box::pin(handling)).await {
            Ok(Ok(handled)) => return Ok(handled),
            Ok(Err(failure)) => failure,
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
        Err(Missed::Failed(failure))
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

    async fn give_up(&self, event: &ReceivedEvent, failure: &Failure) -> Verdict {
        match self.poison.bury(&self.transport, event, failure).await {
            Ok(true) => self.counters.dead_lettered.add(),
            Ok(false) => self.counters.dropped.add(),
            Err(error) => {
                self.counters.dead_letter_failures.add();
                if let Some(held_back) = self.log.admit(Instant::now()) {
                    tracing::error!(
                        %error,
                        held_back,
                        "a dead letter was not published; the event goes back to its queue"
                    );
                }
                // It comes again at once, and what keeps its letter from being published may last.
                let pause = self.poison.pause_after(failure.attempts);
                self.pause(pause.max(SHORTEST_PAUSE)).await;
                return Verdict::Requeue;
            }
        }
        Verdict::Acknowledge
    }

    /// None: the listener was stopped before the endpoint had a turn free.
    async fn turn<'a>(&self, subscriber: &'a Subscriber) -> Option<SemaphorePermit<'a>> {
        tokio::select! {
            biased;
            // Nobody closes it.
            turn = subscriber.turns.acquire() => turn.ok(),
            () = self.stop.cancelled() => None,
        }
    }

    /// False: the listener was stopped meanwhile.
    async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }
}

/// Before an event goes back whose dead letter could not be published.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
