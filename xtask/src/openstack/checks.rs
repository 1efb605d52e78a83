use std::time::Instant;

use crate::Error;

/// The account of what was asserted, a line each.
#[derive(Default)]
pub(super) struct Checks {
    passed: u32,
    failed: u32,
}

impl Checks {
    /// Waits for what is asserted, says how it ended and after how long, and counts it. What comes
    /// of it is for later assertions, which have nothing to go on if this one failed.
    pub(super) async fn check<T>(
        &mut self,
        name: &str,
        assertion: impl Future<Output = Result<T, Error>>,
    ) -> Option<T> {
        let start = Instant::now();
        let done = assertion.await;
        let seconds = start.elapsed().as_secs_f64();
        match done {
            Ok(found) => {
                println!("ok      {seconds:5.1} s  {name}");
                self.passed += 1;
                Some(found)
            }
            Err(error) => {
                println!("FAILED  {seconds:5.1} s  {name}\n    {error}");
                self.failed += 1;
                None
            }
        }
    }

    /// The summary, which is an error if anything failed.
    pub(super) fn result(&self, start: Instant) -> Result<(), Error> {
        let Self { passed, failed } = self;
        let seconds = start.elapsed().as_secs();
        println!("{passed} passed, {failed} failed ({seconds} s)");
        match failed {
            0 => Ok(()),
            _ => Err(Error::Wrong(format!("{failed} checks failed"))),
        }
    }
}
