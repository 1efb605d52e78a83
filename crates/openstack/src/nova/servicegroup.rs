//! How services know of each other that they are up.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::wire::convert::DateTime;
use bergen_service::{StartOptions, TaskGroup};

use super::heartbeat::Heartbeat;
use super::{NovaSettings, ServiceRecord};
use crate::objects::nova::Service;

/// How services know of each other that they are up: nova's servicegroup drivers.
pub trait ServiceGroup: Send + Sync + 'static {
    /// Makes a service a member: starts its heartbeat among these tasks.
    fn join(&self, tasks: &TaskGroup, record: &Arc<ServiceRecord>);

    /// Whether a service is up.
    fn is_up(&self, service: &Service) -> bool;

    /// When something was last heard of a service.
    fn updated_time(&self, service: &Service) -> Option<DateTime>;
}

/// The driver `db`: heartbeats are counted in the service's record, and what counts is when the conductor saw the
/// last one.
///
/// The clocks that matter are the conductor's, which writes that time, and this machine's, which looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DbDriver {
    report_interval: Duration,
    service_down_time: Duration,
}

impl DbDriver {
    /// A driver by the settings `report_interval` and `service_down_time`. The latter is made longer, with a warning, if
    /// it is no longer than the former.
    pub fn new(settings: &NovaSettings) -> Self {
        Self {
            report_interval: settings.report_interval,
            service_down_time: settings.effective_down_time(),
        }
    }

    fn is_up_at(&self, service: &Service, now: DateTime) -> bool {
        let seen = |field: &crate::objects::Field<Option<DateTime>>| field.get().copied().flatten();
        let last = seen(&service.last_seen_up).or_else(|| seen(&service.created_at));
        let (false, Some(last)) = (service.forced_down.get() == Some(&true), last) else {
            return false;
        };
        // Either way: a clock that is ahead by so much is no sign of life.
        let elapsed = now.unix_micros().abs_diff(last.unix_micros());
        Duration::from_micros(elapsed) <= self.service_down_time
    }
}

impl ServiceGroup for DbDriver {
    /// The first heartbeat comes after 5 s, then one each `report_interval`; none if that is zero.
    fn join(&self, tasks: &TaskGroup, record: &Arc<ServiceRecord>) {
        if self.report_interval.is_zero() {
            return;
        }
        let heartbeat = Arc::new(Heartbeat::new(record));
        let options = StartOptions {
            initial_delay: INITIAL_DELAY,
            stop_on_exception: false,
        };
        tasks.add_timer("report_state", self.report_interval, options, move || {
            let heartbeat = Arc::clone(&heartbeat);
            async move {
                heartbeat.beat().await;
                Ok(ControlFlow::Continue(()))
            }
        });
    }

    /// It is not forced down, and its last heartbeat, or its creation before the first, is no longer ago than
    /// `service_down_time`.
    fn is_up(&self, service: &Service) -> bool {
        self.is_up_at(service, DateTime::now())
    }

    fn updated_time(&self, service: &Service) -> Option<DateTime> {
        service.updated_at.get().copied().flatten()
    }
}

/// What the service may need until it has settled.
const INITIAL_DELAY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
