use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Instant, advance, sleep};

use super::*;
use crate::TaskGroup;

const SECOND: Duration = Duration::from_secs(1);

/// When a call's function ran, in milliseconds since the test's start.
#[derive(Clone)]
struct Log {
    start: Instant,
    runs: Arc<Mutex<Vec<u128>>>,
}

impl Log {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            runs: Arc::default(),
        }
    }

    /// Writes a run down, and says which one it is, from 1.
    fn run(&self) -> usize {
        let mut runs = self.runs.lock().unwrap();
        runs.push(self.start.elapsed().as_millis());
        runs.len()
    }

    fn runs(&self) -> Vec<u128> {
        self.runs.lock().unwrap().clone()
    }
}

fn delayed(seconds: u64) -> StartOptions {
    StartOptions {
        initial_delay: Duration::from_secs(seconds),
        ..StartOptions::default()
    }
}

fn going_on() -> StartOptions {
    StartOptions {
        stop_on_exception: false,
        ..StartOptions::default()
    }
}

/// A fixed-interval call each second whose runs take as many milliseconds as `took` says; done after the last.
fn fixed(log: &Log, took: &'static [u64]) -> LoopingCall<usize> {
    let log = log.clone();
    LoopingCall::fixed_interval("fixed", SECOND, move || {
        let run = log.run();
        async move {
            sleep(Duration::from_millis(took[run - 1])).await;
            Ok(if run == took.len() {
                ControlFlow::Break(run)
            } else {
                ControlFlow::Continue(())
            })
        }
    })
}

#[tokio::test(start_paused = true)]
async fn fixed_intervals_lie_between_starts_and_nothing_is_caught_up() {
    let log = Log::new();
    let call = fixed(&log, &[0, 300, 2500, 0, 0]);
    call.start(StartOptions::default()).unwrap();
    assert_eq!(call.wait().await, Ok(Ended::Done(5)));
    // The third takes 2.5 s; the fourth follows at once, and sets a new rhythm.
    assert_eq!(log.runs(), [0, 1000, 2000, 4500, 5500]);
}

#[tokio::test(start_paused = true)]
async fn an_initial_delay_is_slept_first() {
    let log = Log::new();
    let call = fixed(&log, &[0, 0]);
    call.start(delayed(7)).unwrap();
    call.wait().await.unwrap();
    assert_eq!(log.runs(), [7000, 8000]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_sleep_at_once() {
    let log = Log::new();
    let call = fixed(&log, &[0, 0]);
    call.start(delayed(7)).unwrap();
    sleep(SECOND).await;
    call.stop();
    assert_eq!(call.wait().await, Ok(Ended::Stopped));
    assert_eq!(log.start.elapsed(), SECOND);
    assert_eq!(log.runs(), []);

    call.start(StartOptions::default()).unwrap();
    sleep(SECOND / 2).await;
    call.stop();
    assert_eq!(call.wait().await, Ok(Ended::Stopped));
    assert_eq!(log.runs(), [1000]);
    assert_eq!(log.start.elapsed(), SECOND * 3 / 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_the_run_in_progress_finish() {
    let log = Log::new();
    let call = fixed(&log, &[5000, 0]);
    call.start(StartOptions::default()).unwrap();
    sleep(SECOND).await;
    call.stop();
    assert!(call.is_running());
    assert_eq!(call.wait().await, Ok(Ended::Stopped));
    assert_eq!(log.start.elapsed(), SECOND * 5);
    assert_eq!(log.runs(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_running_call_is_not_started_again_but_one_that_ended_is() {
    let log = Log::new();
    let call = fixed(&log, &[0]);
    let name = "fixed".to_owned();
    assert_eq!(
        call.wait().await,
        Err(LoopingCallError::NotStarted { name: name.clone() })
    );
    call.start(delayed(1)).unwrap();
    assert_eq!(
        call.start(StartOptions::default()),
        Err(AlreadyRunning { name })
    );
    call.stop();
    call.wait().await.unwrap();
    call.start(StartOptions::default()).unwrap();
    assert_eq!(call.wait().await, Ok(Ended::Done(1)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_ends_the_loop_and_a_panic_is_one() {
    let call: LoopingCall = LoopingCall::fixed_interval("bad", SECOND, || async {
        Err(ServiceError::new("no disk"))
    });
    call.start(StartOptions::default()).unwrap();
    let failed = |reason| {
        Err(LoopingCallError::Failed {
            name: "bad".to_owned(),
            error: ServiceError::new(reason),
        })
    };
    assert_eq!(call.wait().await, failed("no disk"));

    let log = Log::new();
    let call: LoopingCall = LoopingCall::fixed_interval("bad", SECOND, move || {
        // Outside of the future, too.
        assert!(log.run() != 2, "second");
        async { Ok(ControlFlow::Continue(())) }
    });
    call.start(StartOptions::default()).unwrap();
    assert_eq!(call.wait().await, failed("it panicked: second"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_does_not_end_the_loop_keeps_the_schedule() {
    let log = Log::new();
    let runs = log.clone();
    let call = LoopingCall::fixed_interval("bad", SECOND, move || {
        let run = runs.run();
        async move {
            if run == 3 {
                Ok(ControlFlow::Break(run))
            } else {
                Err(ServiceError::new("no disk"))
            }
        }
    });
    call.start(going_on()).unwrap();
    assert_eq!(call.wait().await, Ok(Ended::Done(3)));
    assert_eq!(log.runs(), [0, 1000, 2000]);
    assert_eq!(call.snapshot().failures, 2);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_looked_at_after_a_run() {
    let log = Log::new();
    let runs = log.clone();
    let call: LoopingCall =
        LoopingCall::fixed_interval_with_timeout("slow", SECOND, SECOND * 2, move || {
            runs.run();
            async {
                sleep(Duration::from_millis(600)).await;
                Ok(ControlFlow::Continue(()))
            }
        });
    call.start(StartOptions::default()).unwrap();
    let error = call.wait().await.unwrap_err();
    // The run from 1 s is within the time, the one from 2 s is not.
    assert_eq!(log.runs(), [0, 1000, 2000]);
    assert_eq!(
        error.to_string(),
        "looping call slow timed out after 2.60 seconds"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dynamic_call_sleeps_what_its_function_says() {
    let log = Log::new();
    let runs = log.clone();
    let call = LoopingCall::dynamic("dynamic", Some(SECOND * 10), move || {
        let run = runs.run();
        async move {
            sleep(SECOND).await;
            match run {
                1 => Ok(ControlFlow::Continue(Some(SECOND * 3))),
                2 => Ok(ControlFlow::Continue(Some(SECOND * 99))),
                3 => Ok(ControlFlow::Continue(None)),
                4 => Ok(ControlFlow::Continue(Some(Duration::ZERO))),
                5 => Err(ServiceError::new("after no sleep")),
                6 => Ok(ControlFlow::Continue(Some(SECOND * 4))),
                7 => Err(ServiceError::new("after a sleep of 4 s")),
                _ => Ok(ControlFlow::Break(())),
            }
        }
    });
    call.start(going_on()).unwrap();
    assert_eq!(call.wait().await, Ok(Ended::Done(())));
    let seconds: Vec<u128> = log.runs().iter().map(|run| run / 1000).collect();
    assert_eq!(seconds, [0, 4, 15, 26, 27, 29, 34, 39]);
}

#[tokio::test(start_paused = true)]
async fn a_dynamic_call_without_any_interval_fails() {
    let call: LoopingCall = LoopingCall::dynamic("dynamic", None, || async {
        Ok(ControlFlow::Continue(None))
    });
    // Whether failures end it or not: this is no failure of the function.
    call.start(going_on()).unwrap();
    let name = "dynamic".to_owned();
    assert_eq!(
        call.wait().await,
        Err(LoopingCallError::NoInterval { name })
    );
}

#[tokio::test(start_paused = true)]
async fn a_back_off_call_gives_up_when_it_would_sleep_too_long() {
    let log = Log::new();
    let runs = log.clone();
    let call: LoopingCall = LoopingCall::back_off("back off", BackOff::default(), move || {
        runs.run();
        async { Ok(ControlFlow::Continue(false)) }
    });
    call.start(StartOptions::default()).unwrap();
    let error = call.wait().await.unwrap_err();
    assert!(matches!(error, LoopingCallError::TimedOut { after, .. } if after > SECOND * 300));
    assert!(log.start.elapsed() <= SECOND * 301);
    assert!(log.runs().len() > 5, "{:?}", log.runs());
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_says_what_the_call_does() {
    let log = Log::new();
    let call = fixed(&log, &[250, 250, 250]);
    assert!(!call.snapshot().running);
    call.start(delayed(2)).unwrap();
    sleep(SECOND).await;
    let sleeping = call.snapshot();
    assert!(sleeping.running);
    assert_eq!(sleeping.until_next_run, Some(SECOND));
    assert_eq!(sleeping.since_last_run, None);
    // At 2.1 s the first run is in progress, at 2.5 s it has ended.
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(call.snapshot().until_next_run, None);
    sleep(Duration::from_millis(400)).await;
    let slept = call.snapshot();
    assert_eq!((slept.runs, slept.failures), (1, 0));
    assert_eq!(slept.last_duration, Some(Duration::from_millis(250)));
    assert_eq!(slept.since_last_run, Some(Duration::from_millis(500)));
    assert_eq!(slept.until_next_run, Some(Duration::from_millis(500)));
    call.wait().await.unwrap();
    assert!(!call.snapshot().running);
}

/// On this one thread the test would hang.
#[tokio::test(start_paused = true)]
async fn a_call_without_a_sleep_lets_others_run() {
    let runs = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&runs);
    let group = TaskGroup::new();
    let busy = group.add_timer("busy", Duration::ZERO, StartOptions::default(), move || {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Ok(ControlFlow::Continue(())) }
    });
    advance(SECOND).await;
    busy.stop();
    busy.wait().await.unwrap();
    assert!(runs.load(Ordering::Relaxed) > 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_outlasts_its_interval_is_warned_about() {
    // With one subscriber, another thread could settle for all whether the line is wanted.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let _subscriber = tracing::subscriber::set_default(subscriber.finish());
    let call = fixed(&Log::new(), &[1000, 2500, 0]);
    call.start(StartOptions::default()).unwrap();
    call.wait().await.unwrap();
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(lines.matches("WARN").count(), 1, "{lines}");
    assert!(lines.contains("by 1.50 seconds"), "{lines}");
    assert!(lines.contains("name=\"fixed\""), "{lines}");
}

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
