use std::ops::Range;
use std::sync::{Arc, Mutex};

use tokio::time::{advance, sleep};

use super::*;
use crate::TaskGroup;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Which task ran, with which context, and at which second.
type Run = (&'static str, u32, u64);

/// What ran.
#[derive(Clone)]
struct Log {
    start: Instant,
    runs: Arc<Mutex<Vec<Run>>>,
}

impl Log {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            runs: Arc::default(),
        }
    }

    fn task(&self, name: &'static str) -> PeriodicTask<u32> {
        let log = self.clone();
        PeriodicTask::new(name, move |context| {
            let second = log.start.elapsed().as_secs();
            log.runs.lock().unwrap().push((name, context, second));
            async { Ok(()) }
        })
    }

    fn take(&self) -> Vec<Run> {
        std::mem::take(&mut self.runs.lock().unwrap())
    }

    /// The seconds at which a task ran.
    fn times(&self) -> Vec<u64> {
        self.take().iter().map(|(_, _, second)| *second).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_run_in_order_when_they_are_due() {
    let log = Log::new();
    let mut tasks = PeriodicTasks::new("Manager");
    tasks.add(log.task("late").spacing(seconds(10)));
    tasks.add(log.task("first").spacing(seconds(15)).run_immediately(true));
    tasks.add(log.task("default").run_immediately(true));
    assert_eq!(tasks.run(&1).await, seconds(10));
    assert_eq!(log.take(), [("first", 1, 0), ("default", 1, 0)]);
    advance(seconds(10)).await;
    // What is left of "first".
    assert_eq!(tasks.run(&2).await, seconds(5));
    assert_eq!(log.take(), [("late", 2, 10)]);
    advance(seconds(12)).await;
    assert_eq!(tasks.run(&3).await, seconds(10));
    assert_eq!(log.take(), [("late", 3, 22), ("first", 3, 22)]);
}

#[tokio::test(start_paused = true)]
async fn a_late_run_does_not_shift_the_grid() {
    let log = Log::new();
    let mut tasks = PeriodicTasks::new("Manager");
    tasks.add(log.task("task").spacing(seconds(10)));
    advance(seconds(27)).await;
    assert_eq!(tasks.run(&0).await, seconds(10));
    // The grid point before 27 s is 20 s.
    assert_eq!(tasks.run(&0).await, seconds(3));
    advance(seconds(3)).await;
    tasks.run(&0).await;
    assert_eq!(log.times(), [27, 30]);
}

#[tokio::test(start_paused = true)]
async fn the_service_start_is_what_first_runs_count_from() {
    let log = Log::new();
    let mut tasks = PeriodicTasks::new("Manager");
    tasks.add(log.task("task").spacing(seconds(10)));
    advance(seconds(9)).await;
    tasks.service_started();
    assert_eq!(tasks.run(&0).await, seconds(10));
    advance(seconds(10)).await;
    tasks.run(&0).await;
    assert_eq!(log.times(), [19]);
}

#[tokio::test(start_paused = true)]
async fn what_is_negative_disabled_or_external_does_not_run() {
    let log = Log::new();
    let declare = |run_external| {
        let mut tasks = PeriodicTasks::new("Manager").run_external_periodic_tasks(run_external);
        tasks.add(
            log.task("negative")
                .spacing_seconds(-1)
                .run_immediately(true),
        );
        tasks.add(log.task("disabled").enabled(false).run_immediately(true));
        let external = log.task("external").external_process_ok(true);
        tasks.add(external.spacing_seconds(5).run_immediately(true));
        tasks.add(log.task("zero").spacing_seconds(0).run_immediately(true));
        tasks
    };
    // A task that is skipped does not shorten the pause.
    assert_eq!(declare(false).run(&0).await, seconds(60));
    assert_eq!(log.take(), [("zero", 0, 0)]);
    assert_eq!(declare(true).run(&0).await, seconds(5));
    assert_eq!(log.take(), [("external", 0, 0), ("zero", 0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_task_stops_the_pass_only_on_demand() {
    let log = Log::new();
    let declare = || {
        let mut tasks = PeriodicTasks::new("Manager");
        let bad = PeriodicTask::new("bad", |_| async { Err(ServiceError::new("no disk")) });
        tasks.add(bad.run_immediately(true));
        let worse = PeriodicTask::new("worse", |_| async { panic!("no memory") });
        tasks.add(worse.run_immediately(true));
        tasks.add(log.task("good").run_immediately(true));
        tasks
    };
    declare().run(&0).await;
    assert_eq!(log.take(), [("good", 0, 0)]);
    let raised = declare().run_or_raise(&0).await;
    assert_eq!(raised, Err(ServiceError::new("no disk")));
    assert_eq!(log.take(), []);
}

/// Runs a task spaced by ten seconds for 100 s, and gives the seconds at which it ran.
async fn driven(drive: impl FnOnce(PeriodicTasks<u32>, &TaskGroup)) -> Vec<u64> {
    let log = Log::new();
    let group = TaskGroup::new();
    let mut tasks = PeriodicTasks::new("Manager");
    tasks.add(log.task("task").spacing(seconds(10)));
    drive(tasks, &group);
    sleep(Duration::from_millis(100_500)).await;
    group.stop(true).await;
    let times = log.times();
    sleep(seconds(100)).await;
    assert!(log.times().is_empty(), "cancelled");
    times
}

fn every(step: usize, range: Range<u64>) -> Vec<u64> {
    range.step_by(step).collect()
}

#[tokio::test(start_paused = true)]
async fn dynamic_passes_come_when_a_task_is_due() {
    let passes = DynamicPasses {
        periodic_fuzzy_delay: 0,
        ..DynamicPasses::default()
    };
    let times = driven(|tasks, group| {
        tasks.drive_dynamic(group, passes, || 0);
    });
    assert_eq!(times.await, every(10, 10..101));
    let disabled = DynamicPasses {
        periodic_enable: false,
        ..passes
    };
    let times = driven(|tasks, group| {
        assert!(tasks.drive_dynamic(group, disabled, || 0).is_none());
    });
    assert!(times.await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn fixed_passes_ignore_when_a_task_is_due() {
    let passes = FixedPasses {
        periodic_fuzzy_delay: 0,
        ..FixedPasses::default()
    };
    let times = driven(|tasks, group| {
        tasks.drive_fixed(group, passes, || 0);
    });
    assert_eq!(times.await, [40, 80]);
}

#[tokio::test(start_paused = true)]
async fn first_passes_come_after_a_random_number_of_whole_seconds() {
    let group = TaskGroup::new();
    let mut seen = [false; 61];
    for seed in 0..1000 {
        let tasks = PeriodicTasks::new("Manager").seed(seed);
        let timer = tasks.drive_dynamic(&group, DynamicPasses::default(), || 0);
        // The timer's task must have begun its sleep.
        tokio::task::yield_now().await;
        let timer = timer.unwrap().snapshot();
        let delay = match timer.until_next_run {
            Some(delay) if timer.runs == 0 => delay,
            // Without a delay it has run already.
            _ => Duration::ZERO,
        };
        assert_eq!(delay.subsec_nanos(), 0);
        seen[usize::try_from(delay.as_secs()).unwrap()] = true;
        group.stop_timers(true).await;
    }
    assert!(seen.iter().all(|seen| *seen), "{seen:?}");
}
