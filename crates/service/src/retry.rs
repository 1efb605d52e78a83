//! Trying again what failed.

use std::future::Future;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Tries again what failed, with growing sleeps: oslo.service's `RetryDecorator`, with its names and defaults.
///
/// Counters belong to one [`run`](Self::run). The peer's are shared by all calls of a decorated function.
///
/// ```
/// # use bergen_service::Retry;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut tries = 0;
/// let retry = Retry { max_retry_count: Some(2), ..Retry::default() };
/// let answer = retry
///     .run(|error| *error == "busy", || {
///         tries += 1;
///         let answer = if tries < 3 { Err("busy") } else { Ok(tries) };
///         async move { answer }
///     })
///     .await;
/// assert_eq!(answer, Ok(3));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often to try again after the first time. Default: none, without end.
    pub max_retry_count: Option<u32>,
    /// By how much each sleep is longer than the one before; the first is this long. Default 10 s.
    pub inc_sleep_time: Duration,
    /// The longest sleep. Default 60 s.
    pub max_sleep_time: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_retry_count: None,
            inc_sleep_time: Duration::from_secs(10),
            max_sleep_time: Duration::from_mins(1),
        }
    }
}

impl Retry {
    /// Runs the function until it gives a value. Dropping the future ends it.
    ///
    /// # Errors
    /// The function's last error: one that is not `retriable`, or the one after the last retry.
    pub async fn run<T, E, F, Fut>(
        &self,
        retriable: impl Fn(&E) -> bool,
        mut function: F,
    ) -> Result<T, E>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut retries = 0u32;
        loop {
            match function().await {
                Err(error) if retriable(&error) && self.may_retry(retries) => {
                    retries = retries.saturating_add(1);
                }
                result => return result,
            }
            let sleep = self.inc_sleep_time.saturating_mul(retries);
            tokio::time::sleep(sleep.min(self.max_sleep_time)).await;
        }
    }

    fn may_retry(&self, retries: u32) -> bool {
        self.max_retry_count.is_none_or(|most| retries < most)
    }
}
