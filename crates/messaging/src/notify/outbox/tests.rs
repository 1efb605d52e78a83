use super::*;
use crate::driver::BoxFuture;
use crate::notify::NotifyDriver;
use crate::notify::drivers::TestDriver;

/// A broker that answers when it is let.
#[derive(Debug, Clone)]
struct Slow {
    open: watch::Sender<bool>,
    seen: TestDriver,
}

impl Slow {
    fn new() -> Self {
        Self {
            open: watch::Sender::new(false),
            seen: TestDriver::default(),
        }
    }

    fn types(&self) -> Vec<String> {
        let events = self.seen.events().into_iter();
        events.map(|event| event.notification.event_type).collect()
    }
}

impl NotifyDriver for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn notify<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), NotifyError>> {
        Box::pin(async move {
            let _ = self.open.subscribe().wait_for(|open| *open).await;
            if event.notification.event_type == "bad" {
                return Err(NotifyError::UnknownDriver {
                    name: "x".to_owned(),
                });
            }
            self.seen.notify(event).await
        })
    }
}

fn outbox(slow: &Slow, when_full: WhenFull) -> Outbox {
    let options = OutboxOptions {
        capacity: 2,
        in_flight: 1,
        when_full,
    };
    Notifier::with_drivers("a", [slow.clone()]).outbox(options)
}

fn post(outbox: &Outbox, event_type: &str) -> Result<(), NotifyError> {
    outbox.post(&Context::default(), Priority::Info, event_type, &())
}

/// The first event is being sent from here on, so that two more fit.
async fn first(outbox: &Outbox) {
    post(outbox, "first").unwrap();
    while !outbox.shared.queue().waiting.is_empty() {
        tokio::task::yield_now().await;
    }
}

const LONG: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn the_oldest_gives_way() {
    let slow = Slow::new();
    let outbox = outbox(&slow, WhenFull::DropOldest);
    first(&outbox).await;
    for name in ["b", "c", "d"] {
        post(&outbox, name).unwrap();
    }
    assert!(!outbox.flush(LONG).await, "the broker is not there");
    slow.open.send_replace(true);
    assert!(outbox.flush(LONG).await);
    assert_eq!(slow.types(), ["first", "c", "d"]);
    let stats = outbox.stats();
    assert_eq!((stats.sent, stats.dropped, stats.waiting), (3, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_newest_gives_way() {
    let slow = Slow::new();
    let outbox = outbox(&slow, WhenFull::DropNewest);
    first(&outbox).await;
    for name in ["b", "c", "d"] {
        post(&outbox, name).unwrap();
    }
    slow.open.send_replace(true);
    assert!(outbox.flush(LONG).await);
    assert_eq!(slow.types(), ["first", "b", "c"]);
    assert_eq!(outbox.stats().dropped, 1);
}

#[tokio::test(start_paused = true)]
async fn a_sender_waits_for_room_and_a_post_never_does() {
    let slow = Slow::new();
    let outbox = outbox(&slow, WhenFull::Wait);
    first(&outbox).await;
    for name in ["b", "c"] {
        post(&outbox, name).unwrap();
    }
    let full = post(&outbox, "d").unwrap_err();
    assert_eq!(full, NotifyError::OutboxFull { capacity: 2 });
    let ctxt = Context::default();
    let mut waiting = Box::pin(outbox.notify(&ctxt, Priority::Info, "e", &()));
    assert!(tokio::time::timeout(LONG, &mut waiting).await.is_err());
    slow.open.send_replace(true);
    waiting.await.unwrap();
    assert!(outbox.flush(LONG).await);
    assert_eq!(slow.types(), ["first", "b", "c", "e"]);
    assert_eq!(outbox.stats().dropped, 0);
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_and_what_waits_is_sent_after_the_last_clone_is_gone() {
    let slow = Slow::new();
    let outbox = outbox(&slow, WhenFull::Wait);
    post(&outbox, "bad").unwrap();
    post(&outbox, "good").unwrap();
    let shared = Arc::clone(&outbox.shared);
    drop(outbox);
    slow.open.send_replace(true);
    let mut unsent = shared.unsent.subscribe();
    unsent.wait_for(|unsent| *unsent == 0).await.unwrap();
    assert_eq!(slow.types(), ["good"]);
    assert_eq!(shared.failed.load(Ordering::Relaxed), 1);
}

/// An event that was posted by another thread just before the last clone was dropped could stay unsent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_posted_just_before_the_end_is_sent() {
    let seen = TestDriver::default();
    let notifier = Notifier::with_drivers("a", [seen.clone()]);
    let rounds = 2_000;
    for _ in 0..rounds {
        let outbox = notifier.outbox(OutboxOptions::default());
        let posting = tokio::task::spawn_blocking(move || post(&outbox, "last").unwrap());
        posting.await.unwrap();
    }
    let all_sent = async {
        while seen.events().len() < rounds {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let sent = tokio::time::timeout(Duration::from_secs(20), all_sent).await;
    assert!(sent.is_ok(), "{} of {rounds}", seen.events().len());
}
