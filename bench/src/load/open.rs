//! So many calls a second, begun when they are due whether or not those before are answered, each
//! timed from when it was due: what a slow answer makes others wait is not left out.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::tally::Tally;
use super::{Order, Outcome, duration};

/// Calls that may wait for an answer; what is due beyond them fails.
const OPEN_LIMIT: usize = 20_000;

/// How long answers are waited for when no more calls are due.
const GRACE: Duration = Duration::from_secs(2);

pub(super) async fn run<Call, Answer, Failure>(
    order: &Order,
    rate: f64,
    call: Call,
    started: impl FnOnce(),
) -> Outcome
where
    Call: Fn() -> Answer + Clone + Send + 'static,
    Answer: Future<Output = Result<(), Failure>> + Send + 'static,
    Failure: std::fmt::Display + Send + 'static,
{
    let (due, mut dues) = unbounded_channel();
    let begin = Instant::now();
    let window = Window {
        from: begin + duration(order.warm_up),
        to: begin + duration(order.warm_up + order.seconds),
    };
    let pacer = std::thread::spawn(move || pace(begin, window.to, rate, &due));
    let tally = Arc::new(Tally::default());
    let mut open = JoinSet::new();
    let mut started = Some(started);
    while let Some(due) = dues.recv().await {
        if due >= window.from
            && let Some(started) = started.take()
        {
            started();
        }
        while open.try_join_next().is_some() {}
        if open.len() < OPEN_LIMIT {
            open.spawn(one(call(), due, window, Arc::clone(&tally)));
        } else if window.holds(due) {
            tally.fail("too many calls wait for an answer");
        }
    }
    if let Some(started) = started {
        started();
    }
    let rest = timeout(GRACE, async { while open.join_next().await.is_some() {} });
    if rest.await.is_err() {
        for _ in 0..open.len() {
            tally.fail(format!("no answer within {GRACE:?} of the end"));
        }
        // Whoever was not answered has waited at least this long.
        for _ in 0..open.len() {
            tally.record(GRACE);
        }
    }
    // It ends by itself when the window does.
    let _ = pacer.join();
    tally.outcome(order.seconds)
}

/// The measured time.
#[derive(Clone, Copy)]
struct Window {
    from: Instant,
    to: Instant,
}

impl Window {
    fn holds(self, instant: Instant) -> bool {
        self.from <= instant && instant < self.to
    }
}

async fn one<Failure: std::fmt::Display>(
    call: impl Future<Output = Result<(), Failure>>,
    due: Instant,
    window: Window,
    tally: Arc<Tally>,
) {
    let answer = call.await;
    let now = Instant::now();
    if window.holds(now) && answer.is_ok() {
        tally.done();
    }
    if window.holds(due) {
        match answer {
            Ok(()) => tally.record(now - due),
            Err(failure) => tally.fail(failure),
        }
    }
}

/// Says when calls are due. A thread of its own: a sleeping thread wakes within some ten microseconds,
/// the timers of a runtime within a millisecond.
fn pace(begin: Instant, end: Instant, rate: f64, due: &UnboundedSender<Instant>) {
    let mut number = 0.0;
    loop {
        let next = begin + duration(number / rate);
        if next >= end {
            return;
        }
        let wait = next.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        if due.send(next).is_err() {
            return;
        }
        number += 1.0;
    }
}
