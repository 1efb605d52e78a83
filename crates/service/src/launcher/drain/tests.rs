use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{DrainClock, Tick};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_stop_tells_its_progress_every_ten_seconds_until_it_is_over() {
    let mut clock = DrainClock::default();
    let start = Instant::now();
    clock.start(Some(seconds(25)));
    // The second request to stop does not start it again.
    tokio::time::advance(seconds(3)).await;
    clock.start(Some(seconds(25)));
    assert_eq!(clock.next().await, Tick::Progress(seconds(10)));
    assert_eq!(clock.next().await, Tick::Progress(seconds(20)));
    assert_eq!(clock.next().await, Tick::Over);
    assert_eq!(start.elapsed(), seconds(25));
}

#[tokio::test(start_paused = true)]
async fn without_a_timeout_it_is_never_over() {
    let mut clock = DrainClock::default();
    clock.start(None);
    for tens in 1..1000 {
        assert_eq!(clock.next().await, Tick::Progress(seconds(10 * tens)));
    }
}

#[tokio::test(start_paused = true)]
async fn before_the_stop_there_is_no_tick() {
    let mut clock = DrainClock::default();
    assert!(timeout(seconds(1_000_000), clock.next()).await.is_err());
}
