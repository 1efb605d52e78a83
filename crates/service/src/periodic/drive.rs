//! Who runs the passes.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::PeriodicTasks;
use crate::{LoopingCall, StartOptions, TaskGroup};

/// Passes as nova runs them: each says when the next one should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicPasses {
    /// Option `periodic_enable`: whether there are passes at all. Default: true.
    pub periodic_enable: bool,
    /// Option `periodic_fuzzy_delay`, seconds: the first pass comes after a random number of whole seconds up to this,
    /// so that services that start together do not work together. Default 60; 0: at once.
    pub periodic_fuzzy_delay: u32,
    /// The longest time between two passes. Default: none.
    pub periodic_interval_max: Option<Duration>,
}

impl Default for DynamicPasses {
    fn default() -> Self {
        Self {
            periodic_enable: true,
            periodic_fuzzy_delay: 60,
            periodic_interval_max: None,
        }
    }
}

/// Passes as neutron runs them: one each `periodic_interval`, so that a task of a shorter spacing waits for it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedPasses {
    /// Option `periodic_interval`. Default 40 s.
    pub periodic_interval: Duration,
    /// Option `periodic_fuzzy_delay`, seconds, as in [`DynamicPasses`]. Default 5.
    pub periodic_fuzzy_delay: u32,
}

impl Default for FixedPasses {
    fn default() -> Self {
        Self {
            periodic_interval: Duration::from_secs(40),
            periodic_fuzzy_delay: 5,
        }
    }
}

impl<C: Clone + Send + Sync + 'static> PeriodicTasks<C> {
    /// Runs passes on a dynamic timer of the group; the service starts now. Each pass gets a new context. Stopping the
    /// group's timers cancels it; a pass in progress is finished.
    ///
    /// None if `periodic_enable` is not set.
    pub fn drive_dynamic(
        mut self,
        group: &TaskGroup,
        passes: DynamicPasses,
        context: impl Fn() -> C + Send + Sync + 'static,
    ) -> Option<LoopingCall> {
        if !passes.periodic_enable {
            return None;
        }
        let options = self.begin(passes.periodic_fuzzy_delay);
        let name = self.timer_name();
        let driven = Arc::new(Driven::new(self, context));
        let max = passes.periodic_interval_max;
        Some(group.add_dynamic_timer(name, max, options, move || {
            let driven = Arc::clone(&driven);
            async move { Ok(ControlFlow::Continue(Some(driven.pass().await))) }
        }))
    }

    /// Runs passes on a fixed-interval timer of the group; the service starts now. Otherwise as
    /// [`drive_dynamic`](Self::drive_dynamic).
    pub fn drive_fixed(
        mut self,
        group: &TaskGroup,
        passes: FixedPasses,
        context: impl Fn() -> C + Send + Sync + 'static,
    ) -> LoopingCall {
        let options = self.begin(passes.periodic_fuzzy_delay);
        let name = self.timer_name();
        let driven = Arc::new(Driven::new(self, context));
        group.add_timer(name, passes.periodic_interval, options, move || {
            let driven = Arc::clone(&driven);
            async move {
                driven.pass().await;
                Ok(ControlFlow::Continue(()))
            }
        })
    }

    fn begin(&mut self, fuzzy_delay: u32) -> StartOptions {
        self.service_started();
        StartOptions {
            initial_delay: Duration::from_secs(self.rng.u32(0..=fuzzy_delay).into()),
            // Tasks' failures do not come here; a context that can not be made must not end all periodic work.
            stop_on_exception: false,
        }
    }

    fn timer_name(&self) -> String {
        format!("{}.periodic_tasks", self.manager)
    }
}

struct Driven<C, F> {
    /// Only the timer's run in progress locks it.
    tasks: Mutex<PeriodicTasks<C>>,
    context: F,
}

impl<C: Clone, F: Fn() -> C> Driven<C, F> {
    fn new(tasks: PeriodicTasks<C>, context: F) -> Self {
        Self {
            tasks: Mutex::new(tasks),
            context,
        }
    }

    async fn pass(&self) -> Duration {
        let context = (self.context)();
        self.tasks.lock().await.run(&context).await
    }
}
