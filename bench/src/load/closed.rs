//! So many calls in flight, each followed by the next as soon as it is answered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::tally::Tally;
use super::{Order, Outcome, duration};

pub(super) async fn run<Call, Answer, Failure>(
    order: &Order,
    call: Call,
    started: impl FnOnce(),
) -> Outcome
where
    Call: Fn() -> Answer + Clone + Send + 'static,
    Answer: Future<Output = Result<(), Failure>> + Send + 'static,
    Failure: std::fmt::Display + Send + 'static,
{
    let round = Arc::new(Round::default());
    let mut callers = JoinSet::new();
    for _ in 0..order.in_flight {
        callers.spawn(caller(call.clone(), Arc::clone(&round)));
    }
    tokio::time::sleep(duration(order.warm_up)).await;
    round.phase.store(MEASURE, Ordering::Relaxed);
    started();
    let begin = Instant::now();
    tokio::time::sleep(duration(order.seconds)).await;
    round.phase.store(STOP, Ordering::Relaxed);
    let seconds = begin.elapsed().as_secs_f64();
    while let Some(ended) = callers.join_next().await {
        if let Err(panic) = ended {
            round.tally.fail(panic);
        }
    }
    round.tally.outcome(seconds)
}

#[derive(Debug, Default)]
struct Round {
    phase: AtomicU8,
    tally: Tally,
}

// A round begins with phase 0, the warm-up.
const MEASURE: u8 = 1;
const STOP: u8 = 2;

/// After a failure: long enough that a broken contestant does not fill the time with failures alone.
const PAUSE: Duration = Duration::from_millis(10);

async fn caller<Call, Answer, Failure>(call: Call, round: Arc<Round>)
where
    Call: Fn() -> Answer,
    Answer: Future<Output = Result<(), Failure>>,
    Failure: std::fmt::Display,
{
    while round.phase.load(Ordering::Relaxed) != STOP {
        let start = Instant::now();
        let answer = call().await;
        // What was under way when the phase changed counts for the phase in which it ended.
        let measured = round.phase.load(Ordering::Relaxed) == MEASURE;
        match answer {
            Ok(()) if measured => {
                round.tally.done();
                round.tally.record(start.elapsed());
            }
            Ok(()) => {}
            Err(failure) => {
                if measured {
                    round.tally.fail(failure);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
