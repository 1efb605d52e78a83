use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::sleep;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

async fn sleeps(seconds: u64) -> Result<(), ServiceError> {
    sleep(Duration::from_secs(seconds)).await;
    Ok(())
}

fn names(group: &TaskGroup) -> Vec<String> {
    let tasks = group.snapshot().tasks.into_iter();
    tasks.map(|task| task.name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_full_group_waits_or_refuses() {
    let start = Instant::now();
    let group = TaskGroup::with_limit(1);
    group.spawn("first", sleeps(5)).await;
    let full = GroupFull {
        name: "second".to_owned(),
        limit: 1,
    };
    assert_eq!(group.try_spawn("second", sleeps(1)), Err(full));
    group.spawn("second", sleeps(1)).await;
    assert_eq!(start.elapsed(), SECOND * 5);
    group.wait().await;
    assert_eq!(start.elapsed(), SECOND * 6);
    assert_eq!(group.try_spawn("third", sleeps(0)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_or_panics_leaves_the_others_alone() {
    let group = TaskGroup::with_limit(3);
    group.spawn("good", sleeps(5)).await;
    group
        .spawn("bad", async { Err(ServiceError::new("no disk")) })
        .await;
    group.spawn("worse", async { panic!("no memory") }).await;
    assert_eq!(names(&group), ["good", "bad", "worse"]);
    sleep(SECOND).await;
    assert_eq!(names(&group), ["good"]);
    assert_eq!(group.snapshot().tasks[0].age, SECOND);
    // Their permits are free again.
    assert_eq!(group.try_spawn("next", sleeps(1)), Ok(()));
    assert_eq!(group.try_spawn("next", sleeps(1)), Ok(()));
    group.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_graceful_stop_waits_for_tasks_and_for_runs_in_progress() {
    let start = Instant::now();
    let group = TaskGroup::new();
    group.spawn("task", sleeps(3)).await;
    let finished = Arc::new(AtomicBool::new(false));
    let finish = Arc::clone(&finished);
    let options = StartOptions::default();
    let timer = group.add_timer("timer", SECOND, options, move || {
        let finish = Arc::clone(&finish);
        async move {
            sleep(SECOND * 4).await;
            finish.store(true, Ordering::Relaxed);
            Ok(ControlFlow::Continue(()))
        }
    });
    sleep(SECOND).await;
    assert_eq!(group.snapshot().timers[0].name, "timer");
    group.stop(true).await;
    assert_eq!(start.elapsed(), SECOND * 4);
    assert!(finished.load(Ordering::Relaxed));
    assert!(!timer.is_running());
    assert!(names(&group).is_empty() && group.snapshot().timers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_hard_stop_cancels_tasks() {
    let start = Instant::now();
    let group = TaskGroup::new();
    group.spawn("task", sleeps(1_000_000)).await;
    let options = StartOptions::default();
    let timer = group.add_dynamic_timer("timer", None, options, || async {
        Ok(ControlFlow::Continue(Some(SECOND * 1_000_000)))
    });
    sleep(SECOND).await;
    group.stop(false).await;
    group.wait().await;
    assert_eq!(timer.wait().await, Ok(crate::Ended::Stopped));
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn who_waits_never_waits_for_itself() {
    let start = Instant::now();
    let group = TaskGroup::new();
    group.spawn("other", sleeps(2)).await;
    let own = group.clone();
    group
        .spawn("stops its own group", async move {
            own.wait().await;
            own.stop(true).await;
            own.stop(false).await;
            sleeps(1).await
        })
        .await;
    group.wait().await;
    assert_eq!(start.elapsed(), SECOND * 3);

    let own = group.clone();
    let options = StartOptions::default();
    let timer = group.add_timer("stops its own group", SECOND, options, move || {
        let own = own.clone();
        async move {
            own.stop(true).await;
            Ok(ControlFlow::Continue(()))
        }
    });
    assert_eq!(timer.wait().await, Ok(crate::Ended::Stopped));
    assert_eq!(start.elapsed(), SECOND * 3);
}

#[tokio::test(start_paused = true)]
async fn timers_that_ended_are_forgotten() {
    let group = TaskGroup::new();
    for _ in 0..10 {
        let options = StartOptions::default();
        let timer = group.add_timer("once", SECOND, options, || async {
            Ok(ControlFlow::Break(()))
        });
        timer.wait().await.unwrap();
    }
    assert_eq!(group.shared.timers().len(), 1);
}
