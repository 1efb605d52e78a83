//! The tasks and timers of a service.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::looping::Timer;
use crate::work::{WorkId, caught};
use crate::{LoopingCall, LoopingCallSnapshot, ServiceError, StartOptions};

#[cfg(test)]
mod tests;

/// The tasks and timers of a service: oslo.service's `ThreadGroup`.
///
/// A task that fails or panics is logged with its name and leaves the group; it never takes the others down. Clones are
/// handles of the same group. Dropping them ends nothing; [`stop`](Self::stop) does.
///
/// ```
/// # use std::time::Duration;
/// # use bergen_service::TaskGroup;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let group = TaskGroup::new();
/// group.spawn("warm up", async { Ok(()) }).await;
/// group.stop(true).await;
/// assert!(group.snapshot().tasks.is_empty());
/// # }
/// ```
#[derive(Clone)]
pub struct TaskGroup {
    shared: Arc<Shared>,
}

impl TaskGroup {
    /// How many tasks run at once in a group that says nothing else: the peer's pool size.
    pub const DEFAULT_LIMIT: usize = 1000;

    /// An empty group with the [default limit](Self::DEFAULT_LIMIT).
    pub fn new() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }

    /// An empty group in which at most `limit` tasks run at once. Timers do not count.
    pub fn with_limit(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self {
            shared: Arc::new(Shared {
                limit,
                permits: Arc::new(Semaphore::new(limit)),
                tasks: Mutex::default(),
                timers: Mutex::default(),
                task_ended: Notify::new(),
            }),
        }
    }

    /// Runs a future as a task (the peer's `add_thread`). In a full group it waits until another task has ended.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn spawn<F>(&self, name: impl Into<String>, future: F)
    where
        F: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        // Nothing closes the semaphore.
        if let Ok(permit) = Arc::clone(&self.shared.permits).acquire_owned().await {
            self.run(name.into(), permit, future);
        }
    }

    /// As [`spawn`](Self::spawn), without waiting.
    ///
    /// # Errors
    /// The group is full.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn try_spawn<F>(&self, name: impl Into<String>, future: F) -> Result<(), GroupFull>
    where
        F: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        let name = name.into();
        match Arc::clone(&self.shared.permits).try_acquire_owned() {
            Ok(permit) => {
                self.run(name, permit, future);
                Ok(())
            }
            Err(_) => Err(GroupFull {
                name,
                limit: self.shared.limit,
            }),
        }
    }

    fn run<F>(&self, name: String, permit: OwnedSemaphorePermit, future: F)
    where
        F: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        let id = WorkId::new();
        let cancel = CancellationToken::new();
        let task = Task {
            name: name.clone(),
            started: Instant::now(),
            cancel: cancel.clone(),
        };
        self.shared.tasks().insert(id, task);
        let membership = Membership {
            id,
            group: Arc::clone(&self.shared),
            _permit: permit,
        };
        tokio::spawn(id.scope(async move {
            let _membership = membership;
            if let Some(Err(error)) = cancel.run_until_cancelled_owned(caught(future)).await {
                tracing::error!(name, %error, "a task failed");
            }
        }));
    }

    /// Starts a [fixed-interval call](LoopingCall::fixed_interval) as a timer of the group.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn add_timer<F, Fut>(
        &self,
        name: impl Into<String>,
        interval: Duration,
        options: StartOptions,
        function: F,
    ) -> LoopingCall
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<ControlFlow<()>, ServiceError>> + Send + 'static,
    {
        self.add(
            LoopingCall::fixed_interval(name, interval, function),
            options,
        )
    }

    /// Starts a [dynamic call](LoopingCall::dynamic) as a timer of the group.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn add_dynamic_timer<F, Fut>(
        &self,
        name: impl Into<String>,
        periodic_interval_max: Option<Duration>,
        options: StartOptions,
        function: F,
    ) -> LoopingCall
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<ControlFlow<(), Option<Duration>>, ServiceError>>
            + Send
            + 'static,
    {
        let call = LoopingCall::dynamic(name, periodic_interval_max, function);
        self.add(call, options)
    }

    fn add(&self, call: LoopingCall, options: StartOptions) -> LoopingCall {
        // It is new, so it is not running.
        let _ = call.start(options);
        let mut timers = self.shared.timers();
        // Those that ended by themselves are forgotten here, so that the list does not grow.
        timers.retain(|timer| timer.is_running());
        timers.push(Arc::new(call.clone()));
        call
    }

    /// Stops all timers and forgets them; on demand waits until runs in progress have ended, except for the caller's own.
    pub async fn stop_timers(&self, wait: bool) {
        let timers = std::mem::take(&mut *self.shared.timers());
        for timer in &timers {
            timer.stop();
        }
        if wait {
            all_ended(&timers).await;
        }
    }

    /// Stops timers, and tasks. Graceful: waits until runs in progress and tasks have ended by themselves. Otherwise tasks
    /// are cancelled where they wait next, and it does not wait. The caller's own task goes on in both.
    ///
    /// A task that blocks its thread can not be cancelled.
    pub async fn stop(&self, graceful: bool) {
        self.stop_timers(graceful).await;
        if graceful {
            self.tasks_ended().await;
            return;
        }
        for (id, task) in self.shared.tasks().iter() {
            if !id.is_current() {
                task.cancel.cancel();
            }
        }
    }

    /// Waits until all timers and tasks have ended, cancelled ones included, except for the caller's own. Timers end
    /// when they are stopped. What failed was logged.
    pub async fn wait(&self) {
        let timers = self.shared.timers().clone();
        all_ended(&timers).await;
        self.tasks_ended().await;
    }

    async fn tasks_ended(&self) {
        loop {
            // Made before the look, so that an end in between is seen.
            let task_ended = self.shared.task_ended.notified();
            if self.shared.tasks().keys().all(|id| id.is_current()) {
                return;
            }
            task_ended.await;
        }
    }

    /// What runs now, in the order of its start.
    pub fn snapshot(&self) -> TaskGroupSnapshot {
        let tasks = self.shared.tasks();
        let tasks = tasks.values().map(|task| TaskSnapshot {
            name: task.name.clone(),
            age: task.started.elapsed(),
        });
        TaskGroupSnapshot {
            limit: self.shared.limit,
            tasks: tasks.collect(),
            timers: self
                .shared
                .timers()
                .iter()
                .filter(|timer| timer.is_running())
                .map(|timer| timer.snapshot())
                .collect(),
        }
    }
}

impl Default for TaskGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskGroup").field(&self.snapshot()).finish()
    }
}

/// A task was not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "task {name} was not started: {limit} tasks run, as many as the group allows; wait with spawn, or raise the limit"
)]
pub struct GroupFull {
    /// Of the task.
    pub name: String,
    /// Of the group.
    pub limit: usize,
}

/// What runs in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskGroupSnapshot {
    /// How many tasks may run at once.
    pub limit: usize,
    /// Tasks, the oldest first.
    pub tasks: Vec<TaskSnapshot>,
    /// Timers that have not ended.
    pub timers: Vec<LoopingCallSnapshot>,
}

/// A task that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskSnapshot {
    /// As it was given.
    pub name: String,
    /// Since its start.
    pub age: Duration,
}

struct Shared {
    limit: usize,
    permits: Arc<Semaphore>,
    /// Ids grow, so this is the order of their starts.
    tasks: Mutex<BTreeMap<WorkId, Task>>,
    timers: Mutex<Vec<Arc<dyn Timer>>>,
    task_ended: Notify,
}

impl Shared {
    fn tasks(&self) -> MutexGuard<'_, BTreeMap<WorkId, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timers(&self) -> MutexGuard<'_, Vec<Arc<dyn Timer>>> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Task {
    name: String,
    started: Instant,
    cancel: CancellationToken,
}

/// Takes a task off the list when its future is dropped, however it ended.
struct Membership {
    id: WorkId,
    group: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.group.tasks().remove(&self.id);
        self.group.task_ended.notify_waiters();
    }
}

async fn all_ended(timers: &[Arc<dyn Timer>]) {
    for timer in timers {
        if !timer.id().is_current() {
            timer.ended().await;
        }
    }
}
