//! Small things that the tests share.

use std::time::Duration;

use tokio::time::Instant;

/// Asks until the answer is yes; fails naming `what` after ten seconds.
pub(crate) async fn eventually<F, R>(what: &str, mut ask: F)
where
    F: FnMut() -> R,
    R: Future<Output = bool>,
{
    let deadline = Instant::now() + Duration::from_secs(10);
    while !ask().await {
        assert!(
            Instant::now() < deadline,
            "{what} did not happen within 10 s"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
