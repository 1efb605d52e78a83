use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Router;
use super::*;

/// Works on each update for a second, and writes down what it did.
#[derive(Default)]
struct Worker {
    seen: Mutex<Vec<RouterUpdate>>,
    busy: Mutex<HashSet<String>>,
    most: Mutex<usize>,
    given_up: Mutex<Vec<RouterUpdate>>,
    failing: bool,
    panicking: bool,
}

impl RouterProcessor for Worker {
    async fn process(&self, update: &RouterUpdate) -> Result<Processed, ServiceError> {
        let began = Instant::now();
        self.seen.lock().unwrap().push(update.clone());
        {
            let mut busy = self.busy.lock().unwrap();
            assert!(busy.insert(update.router_id.clone()), "two at one router");
            let mut most = self.most.lock().unwrap();
            *most = busy.len().max(*most);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.busy.lock().unwrap().remove(&update.router_id);
        assert!(!self.panicking, "on purpose");
        if self.failing {
            return Err(ServiceError::new("on purpose"));
        }
        Ok(Processed::UpToDate(began))
    }

    fn given_up(&self, update: &RouterUpdate) {
        self.given_up.lock().unwrap().push(update.clone());
    }
}

impl Worker {
    fn ids(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|update| update.router_id.clone()).collect()
    }
}

fn update(id: &str, priority: Priority) -> RouterUpdate {
    RouterUpdate::new(id, priority, Action::AddUpdate)
}

/// Runs the queue until nothing has happened for long.
async fn run(queue: &UpdateQueue, worker: Worker) -> Arc<Worker> {
    let worker = Arc::new(worker);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (queue, worker, stop) = (queue.clone(), Arc::clone(&worker), stop.clone());
        async move { queue.run(worker, stop).await }
    });
    tokio::time::sleep(Duration::from_mins(10)).await;
    stop.cancel();
    running.await.unwrap();
    worker
}

#[tokio::test(start_paused = true)]
async fn updates_come_by_priority_and_then_in_the_order_in_which_they_came() {
    let queue = UpdateQueue::new();
    for (id, priority) in [
        ("full-1", Priority::FullSync),
        ("rpc-1", Priority::Rpc),
        ("full-2", Priority::FullSync),
        ("related", Priority::RelatedRouter),
        ("rpc-2", Priority::Rpc),
    ] {
        queue.add(update(id, priority)).unwrap();
    }
    assert_eq!(queue.len(), 5);
    let worker = run(&queue, Worker::default()).await;
    assert_eq!(
        worker.ids(),
        ["related", "rpc-1", "rpc-2", "full-1", "full-2"]
    );
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn thirty_two_routers_are_worked_on_side_by_side() {
    let queue = UpdateQueue::new();
    for number in 0..100 {
        queue
            .add(update(&format!("r-{number}"), Priority::Rpc))
            .unwrap();
    }
    let worker = run(&queue, Worker::default()).await;
    assert_eq!(*worker.most.lock().unwrap(), UpdateQueue::WORKERS);
    assert_eq!(worker.ids().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn one_router_has_one_worker_and_later_updates_wait_for_it() {
    let queue = UpdateQueue::new();
    queue.add(update("r-1", Priority::Rpc)).unwrap();
    let later = queue.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        // Three that come during the work are one.
        for _ in 0..3 {
            later.add(update("r-1", Priority::FullSync)).unwrap();
        }
    });
    let worker = run(&queue, Worker::default()).await;
    assert_eq!(worker.ids(), ["r-1", "r-1"]);
    assert_eq!(*worker.most.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_updates_of_one_router_become_one() {
    let queue = UpdateQueue::new();
    let router = Router {
        id: "r-1".to_owned(),
        ..Router::default()
    };
    queue.add(update("other", Priority::Rpc)).unwrap();
    let asked = Instant::now();
    tokio::time::advance(Duration::from_secs(1)).await;
    queue.add(update("r-1", Priority::Rpc)).unwrap();
    let deleted = RouterUpdate::new("r-1", Priority::FullSync, Action::Delete);
    queue.add(deleted).unwrap();
    // Older data does not undo what is known by now.
    queue.add(RouterUpdate::fetched(router, asked)).unwrap();
    assert_eq!(queue.len(), 2);
    let worker = run(&queue, Worker::default()).await;
    let seen = worker.seen.lock().unwrap();
    assert_eq!(seen[1].action, Action::Delete);
    assert_eq!(seen[1].priority, Priority::Rpc);
}

#[tokio::test(start_paused = true)]
async fn an_update_older_than_the_data_is_dropped() {
    let queue = UpdateQueue::new();
    let old = update("r-1", Priority::FullSync);
    tokio::time::advance(Duration::from_secs(1)).await;
    queue.add(update("r-1", Priority::Rpc)).unwrap();
    run(&queue, Worker::default()).await;
    queue.add(old.clone()).unwrap();
    let worker = run(&queue, Worker::default()).await;
    assert!(worker.ids().is_empty());

    // Nothing is known of a router that went.
    queue.pending().processed("r-1", Processed::Gone);
    queue.add(old).unwrap();
    assert_eq!(run(&queue, Worker::default()).await.ids(), ["r-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_update_is_tried_five_times() {
    let queue = UpdateQueue::new();
    queue.add(update("r-1", Priority::Rpc)).unwrap();
    let failing = Worker {
        failing: true,
        ..Worker::default()
    };
    let worker = run(&queue, failing).await;
    assert_eq!(worker.ids().len(), 5);
    assert_eq!(worker.given_up.lock().unwrap().len(), 1);
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_frees_the_router() {
    let queue = UpdateQueue::new();
    queue.add(update("r-1", Priority::Rpc)).unwrap();
    let panicking = Worker {
        panicking: true,
        ..Worker::default()
    };
    assert_eq!(run(&queue, panicking).await.ids(), ["r-1"]);
    queue.add(update("r-1", Priority::Rpc)).unwrap();
    assert_eq!(run(&queue, Worker::default()).await.ids(), ["r-1"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_what_was_begun_and_begins_nothing_more() {
    let queue = UpdateQueue::new();
    for number in 0..40 {
        queue
            .add(update(&format!("r-{number}"), Priority::Rpc))
            .unwrap();
    }
    let worker = Arc::new(Worker::default());
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        stopping.cancel();
    });
    queue.run(Arc::clone(&worker), stop).await;
    assert_eq!(worker.ids().len(), 32);
    assert!(worker.busy.lock().unwrap().is_empty());
    assert_eq!(queue.len(), 8);
}

#[test]
fn a_flood_of_router_ids_is_refused() {
    let queue = UpdateQueue::new();
    for number in 0..65_536 {
        queue
            .add(update(&number.to_string(), Priority::Rpc))
            .unwrap();
    }
    assert!(queue.add(update("more", Priority::Rpc)).is_err());
    // One that waits already is none more.
    assert!(queue.add(update("7", Priority::RelatedRouter)).is_ok());
}
