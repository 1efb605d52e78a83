//! One call, from publish to reply.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::message::{Class, Message};
use super::publisher::Delivered;
use super::route::Route;
use super::sender::Sender;
use super::waiters::{NoPlace, Waiter};
use crate::clock::later;
use crate::driver::{Bound, CallOptions, CallReply, Finding, SendError, Timeout};
use crate::wire::{CallIds, Charset, Id, OutgoingRequest, RequestIds, encode_request};

/// Between attempts to reach a server that is not there (yet).
const NO_SERVER_PAUSE: Duration = Duration::from_millis(250);

/// A call that is given up is remembered for as long at least, so that a server that has just begun with it can still
/// be told.
const LEAST_MEMORY: Duration = Duration::from_secs(5);

/// A call in flight.
struct Call<'a> {
    sender: &'a Sender,
    options: CallOptions,
    /// After this long without a sign of life a monitored call fails.
    monitor: Option<Duration>,
    id: Id,
    route: Route,
    start: Instant,
    /// How often the reply queue had been lost when the call was made.
    reply_queues_before: u64,
    progress: Progress,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing was attempted.
    New,
    /// Its reply queue must stand before it is published.
    Preparing,
    /// The broker has not confirmed it yet.
    Publishing,
    Confirmed,
}

impl Sender {
    /// Publishes a request and waits for its reply. The deadline covers connecting, declaring, a blocked broker, the
    /// publish and the reply; dropping the future gives the call up, and cancels it at a server that has said how.
    pub(super) async fn call(
        &self,
        route: Route,
        request: &OutgoingRequest,
        options: CallOptions,
    ) -> Result<CallReply, SendError> {
        self.counters.calls.increment();
        let deadline = options.deadline;
        let mut call = Call {
            sender: self,
            options,
            monitor: request.monitor,
            id: Id::new(),
            route,
            start: Instant::now(),
            reply_queues_before: self.counters.reply_queues_recreated.value(),
            progress: Progress::New,
        };
        if call.start >= deadline {
            return Err(call.timed_out(false));
        }
        // First of all, so that those who wait for a connection are bounded, too.
        let waiter = self.waiters.register(call.id, call.monitor.is_some());
        let mut waiter = waiter.map_err(no_place)?;
        if !self.replies.are_consumed() {
            call.progress = Progress::Preparing;
            // Both connections will be needed: they are opened side by side.
            self.publish_connection.start();
            let ready = Box::pin(self.replies.ready(call.options.retry));
            match timeout_at(deadline, ready).await {
                Ok(ready) => ready?,
                Err(_) => return Err(call.timed_out(false)),
            }
        }
        call.progress = Progress::Publishing;
        if call.sender.settings.tuning.cancel_calls {
            waiter.runs_until(deadline.max(later(call.start, LEAST_MEMORY)));
        }
        let message = call.message(request);
        call.run(&message, waiter).await
    }
}

impl Call<'_> {
    fn message(&self, request: &OutgoingRequest) -> Message {
        let ids = RequestIds {
            unique_id: Id::new(),
            call: Some(CallIds {
                msg_id: self.id,
                reply_q: self.sender.replies.queue(),
                cancel: self.sender.settings.tuning.cancel_calls,
            }),
        };
        let mandatory = self.sender.settings.tuning.mandatory_calls || self.options.at_least_once;
        Message {
            class: Class::Call,
            needs: self.route.needs.clone(),
            exchange: self.route.exchange.clone(),
            routing_key: self.route.routing_key.clone(),
            return_id: mandatory.then(|| self.id.to_string()),
            deadline: Some(self.options.deadline),
            body: encode_request(request, &ids, Charset::default()),
        }
    }

    /// Publishing and waiting go on side by side: the reply may overtake the broker's confirmation.
    async fn run(mut self, message: &Message, mut waiter: Waiter) -> Result<CallReply, SendError> {
        let mut publishing = pin!(publish(self.sender, message, &self.options, self.start));
        let probe_after = self.sender.settings.tuning.probe_after;
        let mut probe_at = self.later(self.start, probe_after);
        let mut timer = pin!(sleep_until(self.wake_at(probe_at, &waiter)));
        loop {
            tokio::select! {
                biased;
                answer = waiter.answer() => return answer.ok_or(SendError::Closed),
                published = &mut publishing, if self.progress != Progress::Confirmed => {
                    published?;
                    self.progress = Progress::Confirmed;
                    if self.monitor.is_some() {
                        // Keep-alives can't be expected from earlier on.
                        waiter.heard();
                        timer.as_mut().reset(self.wake_at(probe_at, &waiter));
                    }
                }
                () = &mut timer => {
                    let now = Instant::now();
                    if now >= self.options.deadline {
                        return Err(self.timed_out(false));
                    }
                    if self.monitor_ends(&waiter).is_some_and(|end| now >= end) {
                        return Err(self.timed_out(true));
                    }
                    if now >= probe_at {
                        if self.progress == Progress::Confirmed {
                            self.sender.probes.ask(&self.route.routing_key);
                        }
                        // Twice the silence, then the next question.
                        let silence = now.duration_since(self.start);
                        probe_at = self.later(now, silence.max(probe_after));
                    }
                    timer.as_mut().reset(self.wake_at(probe_at, &waiter));
                }
            }
        }
    }

    fn wake_at(&self, probe_at: Instant, waiter: &Waiter) -> Instant {
        let end = self.options.deadline.min(probe_at);
        self.monitor_ends(waiter)
            .map_or(end, |monitor| end.min(monitor))
    }

    /// When a monitored call has been silent for too long; never while the broker does not have it.
    fn monitor_ends(&self, waiter: &Waiter) -> Option<Instant> {
        if self.progress != Progress::Confirmed {
            return None;
        }
        waiter.last_heard()?.checked_add(self.monitor?)
    }

    /// That much later; the deadline where no clock reaches, and for zero, which means never.
    fn later(&self, start: Instant, pause: Duration) -> Instant {
        start
            .checked_add(pause)
            .filter(|_| !pause.is_zero())
            .unwrap_or(self.options.deadline)
    }

    fn timed_out(&self, keep_alives_stopped: bool) -> SendError {
        let sender = self.sender;
        let mut timeout = Timeout::new(self.id.to_string(), self.start.elapsed());
        timeout.keep_alives_stopped = keep_alives_stopped;
        timeout.findings.extend(match self.progress {
            Progress::New | Progress::Confirmed => None,
            Progress::Preparing => Some(Finding::NotConnected {
                cause: sender.why_not_connected(),
            }),
            Progress::Publishing => match sender.publish_connection.current() {
                Some(epoch) => Some(match epoch.blocked_for() {
                    Some(reason) => Finding::Blocked {
                        reason: reason.to_string(),
                    },
                    None => Finding::NotConfirmed,
                }),
                None => Some(Finding::NotConnected {
                    cause: sender.why_not_connected(),
                }),
            },
        });
        timeout
            .findings
            .extend(sender.probes.finding(&self.route.routing_key, self.start));
        if sender.counters.reply_queues_recreated.value() > self.reply_queues_before {
            timeout.findings.push(Finding::ReplyQueueRecreated);
        }
        timeout.into()
    }
}

/// Publishes a call until a queue has taken it. A call that comes back ran nowhere, so it is published again, with the
/// same ids, until the grace time for a server to appear is over.
async fn publish(
    sender: &Sender,
    message: &Message,
    options: &CallOptions,
    start: Instant,
) -> Result<(), SendError> {
    let _place = sender.backlog.admit(message.body.len())?;
    let half = start + options.deadline.saturating_duration_since(start) / 2;
    let mut any_copy_lost = false;
    loop {
        let delivered = sender.publisher.publish(message, options.retry).await;
        match delivered.map_err(|failure| failure.into_send_error(&sender.hosts))? {
            Delivered::Confirmed => return Ok(()),
            Delivered::Returned { earlier_copy } => {
                sender.counters.calls_returned.increment();
                any_copy_lost |= earlier_copy;
            }
        }
        if options.at_least_once && !any_copy_lost {
            return Err(SendError::Undeliverable {
                exchange: message.exchange.to_string(),
                routing_key: message.routing_key.to_string(),
            });
        }
        let now = Instant::now();
        let grace_ends = grace_ends(sender, start, now).min(half);
        if now >= grace_ends {
            // A copy of unknown fate may be running: its reply may still come.
            if any_copy_lost {
                return Ok(());
            }
            return Err(SendError::NoServer {
                exchange: message.exchange.to_string(),
                routing_key: message.routing_key.to_string(),
            });
        }
        // The last attempt falls on the end of the grace time: where that is short, the pause would outlast the call.
        Box::pin(sleep_until(grace_ends.min(now + NO_SERVER_PAUSE))).await;
    }
}

/// When a call of `start` has waited long enough for a server to appear.
///
/// Servers lose the broker when we do, and what they declared may be lost with it. They come back as late as their
/// pauses between attempts allow, so that a call soon after a reconnect waits for them as long.
fn grace_ends(sender: &Sender, start: Instant, now: Instant) -> Instant {
    let after = |start: Instant, pause| start.checked_add(pause);
    let no_server_grace = sender.settings.tuning.no_server_grace;
    if no_server_grace.is_zero() {
        return start;
    }
    let grace = after(start, no_server_grace);
    let servers_return = match sender.publish_connection.current() {
        Some(epoch) if epoch.number > 1 => after(epoch.since, sender.settings.backoff.max),
        Some(_) => Some(start),
        // Lost just now.
        None => after(now, sender.settings.backoff.max),
    };
    // What no clock reaches is cut off by half of the deadline.
    let never = now + Duration::from_hours(24 * 365);
    grace.unwrap_or(never).max(servers_return.unwrap_or(never))
}

fn no_place(no_place: NoPlace) -> SendError {
    match no_place {
        NoPlace::Closed => SendError::Closed,
        NoPlace::Full { limit } => SendError::Overloaded(Bound::WaitingCalls(limit)),
    }
}
