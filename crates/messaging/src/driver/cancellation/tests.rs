use std::time::Duration;

use tokio::time::timeout;

use super::Cancellation;

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_woken_and_whoever_comes_later_knows() {
    let cancellation = Cancellation::new();
    let waiting = tokio::spawn({
        let cancellation = cancellation.clone();
        async move { cancellation.cancelled().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished() && !cancellation.is_cancelled());
    cancellation.cancel();
    waiting.await.unwrap();
    assert!(cancellation.is_cancelled());
    cancellation.cancelled().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_cancel_never_is() {
    let never = Cancellation::never();
    never.cancel();
    assert!(!never.is_possible() && !never.is_cancelled());
    let waited = timeout(Duration::from_hours(1), never.cancelled()).await;
    assert!(waited.is_err());
}
