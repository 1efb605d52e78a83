//! Events go nowhere.

use std::future::ready;

use super::super::{Event, NotifyDriver, NotifyError};
use crate::driver::BoxFuture;

/// Drops every event (the peer's driver `noop`).
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopDriver;

impl NotifyDriver for NoopDriver {
    fn name(&self) -> &'static str {
        "noop"
    }

    fn notify<'a>(&'a self, _event: &'a Event) -> BoxFuture<'a, Result<(), NotifyError>> {
        Box::pin(ready(Ok(())))
    }

    fn is_enabled(&self) -> bool {
        false
    }
}
