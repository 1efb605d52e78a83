//! One periodic task: how it is declared, and when it is due.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::PeriodicTasks;
use crate::ServiceError;
use crate::work::BoxFuture;

#[cfg(test)]
mod tests;

/// A task to declare on a manager: the arguments of oslo.service's `periodic_task` decorator.
#[must_use]
pub struct PeriodicTask<C> {
    name: String,
    /// None is negative.
    spacing: Option<Duration>,
    run_immediately: bool,
    external_process_ok: bool,
    enabled: bool,
    function: Function<C>,
}

impl<C> PeriodicTask<C> {
    /// Spaced by a minute, first run one spacing after the service's start.
    pub fn new<F, Fut>(name: impl Into<String>, function: F) -> Self
    where
        F: Fn(C) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        Self {
            name: name.into(),
            spacing: Some(Duration::ZERO),
            run_immediately: false,
            external_process_ok: false,
            enabled: true,
            function: Box::new(move |context| Box::pin(function(context))),
        }
    }

    /// The time between two runs. Zero: a minute.
    pub fn spacing(mut self, spacing: Duration) -> Self {
        self.spacing = Some(spacing);
        self
    }

    /// The spacing as options have it: seconds, 0 for the default of a minute, negative to disable the task.
    pub fn spacing_seconds(mut self, seconds: i64) -> Self {
        self.spacing = u64::try_from(seconds).ok().map(Duration::from_secs);
        self
    }

    /// Whether it runs in the first pass. Default: false.
    pub fn run_immediately(mut self, run: bool) -> Self {
        self.run_immediately = run;
        self
    }

    /// Whether a process beside the service may run it; then option `run_external_periodic_tasks` decides. Default:
    /// false.
    pub fn external_process_ok(mut self, ok: bool) -> Self {
        self.external_process_ok = ok;
        self
    }

    /// Whether it runs at all. Default: true.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    pub(super) fn declare(self, now: Instant) -> Result<Declared<C>, Skipped> {
        let name = self.name;
        let Some(spacing) = self.spacing else {
            let reason = "its spacing is negative";
            return Err(Skipped { name, reason });
        };
        if !self.enabled {
            let reason = "it is disabled";
            return Err(Skipped { name, reason });
        }
        let spacing = if spacing.is_zero() {
            PeriodicTasks::<()>::DEFAULT_INTERVAL
        } else {
            spacing
        };
        Ok(Declared {
            name,
            spacing,
            external: self.external_process_ok,
            last_run: if self.run_immediately {
                LastRun::Never
            } else {
                LastRun::Preset(now)
            },
            function: self.function,
        })
    }
}

impl<C> fmt::Debug for PeriodicTask<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeriodicTask")
            .field("name", &self.name)
            .field("spacing", &self.spacing)
            .field("run_immediately", &self.run_immediately)
            .finish_non_exhaustive()
    }
}

/// A task that is not among those of its manager.
pub(super) struct Skipped {
    pub(super) name: String,
    pub(super) reason: &'static str,
}

/// A task of a manager.
pub(super) struct Declared<C> {
    pub(super) name: String,
    pub(super) spacing: Duration,
    pub(super) external: bool,
    last_run: LastRun,
    function: Function<C>,
}

impl<C> Declared<C> {
    /// The service starts now.
    pub(super) fn preset(&mut self, now: Instant) {
        if let LastRun::Preset(last_run) = &mut self.last_run {
            *last_run = now;
        }
    }

    /// What is left until it is due.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let last_run = match self.last_run {
            LastRun::Never => return Duration::ZERO,
            LastRun::Preset(last_run) | LastRun::At(last_run) => last_run,
        };
        // Of a last run in the future, by jitter, more than a spacing is left.
        let ahead = last_run.saturating_duration_since(now);
        let since = now.saturating_duration_since(last_run);
        (self.spacing + ahead).saturating_sub(since)
    }

    /// It runs now. `random`: uniform in [0, 1).
    pub(super) fn ran(&mut self, now: Instant, random: f64) {
        self.last_run = LastRun::At(match self.last_run {
            LastRun::Never => now,
            LastRun::Preset(last_run) | LastRun::At(last_run) => {
                let since = now.saturating_duration_since(last_run);
                now - off_grid(since, self.spacing) + jitter(self.spacing, random)
            }
        });
    }

    pub(super) fn call(&self, context: C) -> BoxFuture<'static, Result<(), ServiceError>> {
        (self.function)(context)
    }
}

type Function<C> = Box<dyn Fn(C) -> BoxFuture<'static, Result<(), ServiceError>> + Send + Sync>;

/// The start of the spacing that a task waits for.
#[derive(Debug, Clone, Copy)]
enum LastRun {
    Never,
    /// When the service started; there was no run yet.
    Preset(Instant),
    At(Instant),
}

/// How far past the last point of its grid a task is.
fn off_grid(since_last_run: Duration, spacing: Duration) -> Duration {
    let nanos = since_last_run.as_nanos() % spacing.as_nanos().max(1);
    u64::try_from(nanos).map_or(Duration::ZERO, Duration::from_nanos)
}

/// Up to a twentieth of the spacing, in whole seconds: none below a spacing of 20 s. It keeps the services of many hosts
/// from working in step.
fn jitter(spacing: Duration, random: f64) -> Duration {
    let jitter = spacing.mul_f64(random / 20.0);
    Duration::from_secs(jitter.as_secs())
}
