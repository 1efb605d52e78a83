//! The periodic tasks of a manager.

mod drive;
mod task;

use std::fmt;
use std::time::Duration;

use bergen_config::{Kind, OptionDef};
use tokio::time::Instant;

pub use drive::{DynamicPasses, FixedPasses};
pub use task::PeriodicTask;

use crate::ServiceError;
use crate::work::caught;
use task::Declared;

#[cfg(test)]
mod tests;

/// The option that oslo.service has for periodic tasks. A program declares it beside its own, and hands its value to
/// [`PeriodicTasks::run_external_periodic_tasks`].
pub static PERIODIC_OPTIONS: &[OptionDef] =
    &[
        OptionDef::new("DEFAULT", "run_external_periodic_tasks", Kind::Bool)
            .default("true")
            .help("Whether periodic tasks run here that another process could run in our place."),
    ];

/// The periodic tasks of a manager: oslo.service's `PeriodicTasks`. `C` is the context that each of them gets.
///
/// A pass runs those that are due, one after the other in the order of their declaration. A manager that extends another
/// adds the other's tasks first.
///
/// ```
/// # use std::time::Duration;
/// # use bergen_service::{PeriodicTask, PeriodicTasks};
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut tasks = PeriodicTasks::new("ComputeManager");
/// tasks.add(
///     PeriodicTask::new("update_resources", |request_id: String| async move {
///         println!("{request_id}");
///         Ok(())
///     })
///     .spacing(Duration::from_secs(30))
///     .run_immediately(true),
/// );
/// let idle = tasks.run(&"req-1".to_owned()).await;
/// assert_eq!(idle, Duration::from_secs(30));
/// # }
/// ```
pub struct PeriodicTasks<C> {
    manager: String,
    tasks: Vec<Declared<C>>,
    run_external: bool,
    rng: fastrand::Rng,
}

impl<C: Clone> PeriodicTasks<C> {
    /// The spacing of a task that names none, and the longest time between two passes.
    pub const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);

    /// No tasks yet. The name of the manager's type is for the log.
    pub fn new(manager: impl Into<String>) -> Self {
        Self {
            manager: manager.into(),
            tasks: Vec::new(),
            run_external: true,
            rng: fastrand::Rng::new(),
        }
    }

    /// Whether tasks run that are marked with [`external_process_ok`](PeriodicTask::external_process_ok). Default: true.
    #[must_use]
    pub fn run_external_periodic_tasks(mut self, run: bool) -> Self {
        self.run_external = run;
        self
    }

    /// Draws the jitter and first delays from this seed, so that a test sees the same schedule each time.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.rng = fastrand::Rng::with_seed(seed);
        self
    }

    /// Declares a task. One that is disabled, or whose spacing is negative, is logged once and left out.
    pub fn add(&mut self, task: PeriodicTask<C>) {
        match task.declare(Instant::now()) {
            Ok(task) => self.tasks.push(task),
            Err(skipped) => tracing::info!(
                "skipping periodic task {}.{}: {}",
                self.manager,
                skipped.name,
                skipped.reason
            ),
        }
    }

    /// The service has started: tasks that do not run immediately are due one spacing from now. Those who drive the
    /// passes call it; before, the time of [`add`](Self::add) counts. (In the peer it is the time of the class's import.)
    pub fn service_started(&mut self) {
        let now = Instant::now();
        for task in &mut self.tasks {
            task.preset(now);
        }
    }

    /// One pass: runs what is due. Failures are logged as "Error during Manager.task" and stop nothing. Gives the time
    /// until the next pass should happen, a minute at most.
    pub async fn run(&mut self, context: &C) -> Duration {
        let pass = self.pass(context, false).await;
        pass.unwrap_or(Self::DEFAULT_INTERVAL)
    }

    /// As [`run`](Self::run), but ends with the first failure: the peer's `raise_on_error`.
    ///
    /// # Errors
    /// What the task gave. Those behind it did not run.
    pub async fn run_or_raise(&mut self, context: &C) -> Result<Duration, ServiceError> {
        self.pass(context, true).await
    }

    async fn pass(&mut self, context: &C, raise: bool) -> Result<Duration, ServiceError> {
        let mut idle = Self::DEFAULT_INTERVAL;
        for task in &mut self.tasks {
            if task.external && !self.run_external {
                continue;
            }
            idle = idle.min(task.spacing);
            let now = Instant::now();
            let left = task.left(now);
            if !left.is_zero() {
                idle = idle.min(left);
                continue;
            }
            // Before it runs: a task that takes long does not shift its grid.
            task.ran(now, self.rng.f64());
            tracing::debug!("running periodic task {}.{}", self.manager, task.name);
            if let Err(error) = caught(async { task.call(context.clone()).await }).await {
                if raise {
                    return Err(error);
                }
                tracing::error!(%error, "Error during {}.{}", self.manager, task.name);
            }
            tokio::task::yield_now().await;
        }
        Ok(idle)
    }
}

impl<C> fmt::Debug for PeriodicTasks<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.tasks.iter().map(|task| &task.name);
        f.debug_struct("PeriodicTasks")
            .field("manager", &self.manager)
            .field("tasks", &names.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
