use std::cell::RefCell;

use tokio::time::Instant;

use super::*;

/// Fails with "busy" that many times, and writes down when it was tried.
async fn tries(retry: Retry, failures: usize) -> (Result<usize, &'static str>, Vec<u64>) {
    let start = Instant::now();
    let times = RefCell::new(Vec::new());
    let result = retry
        .run(
            |error| *error == "busy",
            || async {
                times.borrow_mut().push(start.elapsed().as_secs());
                let tried = times.borrow().len();
                if tried > failures {
                    Ok(tried)
                } else {
                    Err("busy")
                }
            },
        )
        .await;
    (result, times.into_inner())
}

#[tokio::test(start_paused = true)]
async fn sleeps_grow_up_to_the_maximum() {
    let (result, times) = tries(Retry::default(), 8).await;
    assert_eq!(result, Ok(9));
    assert_eq!(times, [0, 10, 30, 60, 100, 150, 210, 270, 330]);
}

#[tokio::test(start_paused = true)]
async fn after_the_last_retry_the_error_is_passed_on() {
    let retry = Retry {
        max_retry_count: Some(2),
        ..Retry::default()
    };
    // Twice: the counters are those of one run.
    for _ in 0..2 {
        let (result, times) = tries(retry, 9).await;
        assert_eq!(result, Err("busy"));
        assert_eq!(times, [0, 10, 30]);
    }
}

#[tokio::test(start_paused = true)]
async fn other_errors_are_passed_on_at_once() {
    let start = Instant::now();
    let mut tried = 0;
    let result = Retry::default()
        .run(
            |error| *error == "busy",
            || {
                tried += 1;
                async { Err::<(), _>("gone") }
            },
        )
        .await;
    assert_eq!((result, tried), (Err("gone"), 1));
    assert_eq!(start.elapsed(), Duration::ZERO);
}
