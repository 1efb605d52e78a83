use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn order(in_flight: usize) -> Order {
    Order {
        mode: "call".to_owned(),
        in_flight,
        rate: None,
        warm_up: 0.5,
        seconds: 1.0,
        bytes: 0,
        events: None,
    }
}

/// Counts how many calls are under way at once.
#[derive(Clone, Default)]
struct Gauge {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Gauge {
    async fn call(self) -> Result<(), String> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_are_in_flight_as_ordered_and_only_the_measured_time_counts() {
    let gauge = Gauge::default();
    let calls = gauge.clone();
    let mut started = false;
    let outcome = run(&order(7), move || calls.clone().call(), || started = true).await;
    assert!(started);
    assert_eq!(gauge.most.load(Ordering::SeqCst), 7);
    assert_eq!(outcome.failed, 0);
    // 100 turns of 10 ms in the measured second; the first and the last may fall either side.
    assert!(
        (7 * 98..=7 * 101).contains(&outcome.done),
        "{}",
        outcome.done
    );
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_and_the_first_is_told() {
    let outcome = run(&order(1), || async { Err("refused") }, || {}).await;
    assert_eq!(outcome.done, 0);
    assert!(outcome.failed > 50, "{}", outcome.failed);
    assert_eq!(outcome.error.as_deref(), Some("refused"));
}

#[tokio::test]
async fn an_open_loop_begins_calls_when_they_are_due_and_times_them_from_there() {
    let order = Order {
        rate: Some(200.0),
        warm_up: 0.1,
        seconds: 0.5,
        ..order(0)
    };
    // The first call holds the line for longer than the window; those due meanwhile wait with it.
    let line = Arc::new(tokio::sync::Mutex::new(false));
    let call = move || {
        let line = Arc::clone(&line);
        async move {
            let mut stalled = line.lock().await;
            if !std::mem::replace(&mut *stalled, true) {
                tokio::time::sleep(Duration::from_millis(600)).await;
            }
            Ok::<_, String>(())
        }
    };
    let mut started = false;
    let outcome = run(&order, call, || started = true).await;
    assert!(started);
    assert_eq!(outcome.failed, 0, "{outcome:?}");
    // 100 calls were due at even intervals in the half second before the line moved.
    assert!(outcome.p50_us > 200_000.0, "{outcome:?}");
    assert!(outcome.p999_us > 450_000.0, "{outcome:?}");
}
