//! Notifications.

use std::time::Duration;

use bergen_messaging::driver::{IncomingNotification, ListenOptions, NotifyOptions};
use bergen_messaging::notify::{Notification, Notifier, Priority};
use bergen_messaging::target::Target;
use bergen_messaging::transport::{NotificationTransport, Notifications};
use bergen_messaging::wire::RawJson;
use serde_json::json;
use tokio::time::timeout;

use super::Subject;
use super::service::{SOON, context};

/// What nobody listens for yet is kept, in the envelope (2.0) or bare (1.0).
pub async fn a_notification_waits_for_its_listener_in_either_format(subject: &Subject) {
    let sender = subject.notifications();
    for (event, bare) in [("create.start", false), ("create.end", true)] {
        let payload = RawJson::encode(&json!({"id": 12})).unwrap();
        let mut notification = Notification::new("compute.host-1", event, Priority::Info, payload);
        notification.context = context();
        let mut options = NotifyOptions::default();
        options.bare = bare;
        let target = Target::default().with_topic("notifications");
        sender
            .send_notification(&target, "info", &notification, options)
            .await
            .unwrap();
    }
    let (listening, mut notifications) = listen(subject, &["info"], None, 10).await;
    for event in ["create.start", "create.end"] {
        let incoming = next(&mut notifications).await;
        let Notification {
            event_type,
            publisher_id,
            priority,
            payload,
            unique_id,
            message_id,
            ..
        } = &incoming.notification;
        assert_eq!((event_type.as_str(), priority.as_str()), (event, "INFO"));
        assert_eq!(publisher_id.as_deref(), Some("compute.host-1"));
        assert!(payload.json_eq(&RawJson::encode(&json!({"id": 12})).unwrap()));
        assert_eq!(unique_id.as_deref().map(str::len), Some(32));
        assert_eq!(message_id.len(), 36);
        let user: Option<String> = incoming.ctxt().get("user_id").unwrap();
        assert_eq!(user.as_deref(), Some("user-1"));
        assert!(!incoming.redelivered);
        incoming.acknowledge().unwrap();
    }
    notifications.close().await;
    sender.close(SOON).await;
    listening.close(SOON).await;
}

/// A listener gets the priorities that it asked for, and no others.
pub async fn priorities_are_apart(subject: &Subject) {
    let (listening, mut notifications) = listen(subject, &["error", "critical"], None, 10).await;
    let sender = subject.notifications();
    let notifier = Notifier::new(&sender, "compute.host-1");
    notifier.info(&context(), "fine", &()).await.unwrap();
    notifier.error(&context(), "bad", &()).await.unwrap();
    notifier.warn(&context(), "odd", &()).await.unwrap();
    notifier.critical(&context(), "worse", &()).await.unwrap();
    let mut events = Vec::new();
    for _ in 0..2 {
        let incoming = next(&mut notifications).await;
        incoming.acknowledge().unwrap();
        events.push(incoming.notification.event_type);
    }
    events.sort_unstable();
    assert_eq!(events, ["bad", "worse"]);
    nothing(&mut notifications).await;
    notifications.close().await;
    sender.close(SOON).await;
    listening.close(SOON).await;
}

/// Every pool gets every notification.
pub async fn each_pool_gets_one_copy(subject: &Subject) {
    let (first, mut meters) = listen(subject, &["info", "error"], Some("meters"), 10).await;
    let (second, mut audit) = listen(subject, &["info", "error"], Some("audit"), 10).await;
    let sender = subject.notifications();
    let notifier = Notifier::new(&sender, "compute.host-1");
    notifier.error(&context(), "bad", &()).await.unwrap();
    for notifications in [&mut meters, &mut audit] {
        let incoming = next(notifications).await;
        assert_eq!(incoming.notification.event_type, "bad");
        incoming.acknowledge().unwrap();
    }
    nothing(&mut meters).await;
    nothing(&mut audit).await;
    meters.close().await;
    audit.close().await;
    for transport in [sender, first, second] {
        transport.close(SOON).await;
    }
}

/// Listeners of one pool, or without a pool, share one copy.
pub async fn listeners_of_one_pool_share(subject: &Subject) {
    let (one_transport, mut one) = listen(subject, &["info"], Some("pool"), 10).await;
    let (two_transport, mut two) = listen(subject, &["info"], Some("pool"), 10).await;
    let sender = subject.notifications();
    let notifier = Notifier::new(&sender, "compute.host-1");
    for number in 0..6 {
        notifier
            .info(&context(), &format!("event-{number}"), &())
            .await
            .unwrap();
    }
    let mut events = Vec::new();
    while events.len() < 6 {
        let incoming = tokio::select! {
            incoming = one.next() => incoming,
            incoming = two.next() => incoming,
            () = tokio::time::sleep(SOON) => panic!("only {events:?} came"),
        };
        let incoming = incoming.unwrap();
        incoming.acknowledge().unwrap();
        events.push(incoming.notification.event_type);
    }
    events.sort_unstable();
    let expected: Vec<_> = (0..6).map(|number| format!("event-{number}")).collect();
    assert_eq!(events, expected);
    nothing(&mut one).await;
    nothing(&mut two).await;
    one.close().await;
    two.close().await;
    for transport in [sender, one_transport, two_transport] {
        transport.close(SOON).await;
    }
}

/// Nothing is kept for a pool that was temporary.
pub async fn a_temporary_pool_goes_with_its_last_listener(subject: &Subject) {
    let sender = subject.notifications();
    let notifier = Notifier::new(&sender, "compute.host-1");
    let options = || ListenOptions::new(10).with_temporary_pool();
    for round in ["first", "second"] {
        let (one_transport, mut one) = listen_with(subject, &["info"], Some("me"), options()).await;
        let (two_transport, two) = listen_with(subject, &["info"], Some("me"), options()).await;
        two.close().await;
        notifier.info(&context(), round, &()).await.unwrap();
        let incoming = next(&mut one).await;
        assert_eq!(incoming.notification.event_type, round);
        incoming.acknowledge().unwrap();
        one.close().await;
        notifier.info(&context(), "unheard", &()).await.unwrap();
        one_transport.close(SOON).await;
        two_transport.close(SOON).await;
    }
    sender.close(SOON).await;
}

/// A notification is at somebody's until it is acknowledged.
pub async fn what_is_requeued_or_not_acknowledged_comes_again(subject: &Subject) {
    let (first, mut notifications) = listen(subject, &["info"], None, 1).await;
    let sender = subject.notifications();
    Notifier::new(&sender, "compute.host-1")
        .info(&context(), "a", &())
        .await
        .unwrap();
    let incoming = next(&mut notifications).await;
    incoming.requeue().unwrap();
    let again = next(&mut notifications).await;
    assert!(again.redelivered);
    notifications.close().await;
    assert!(again.acknowledge().is_err(), "its listener is gone");
    let (second, mut notifications) = listen(subject, &["info"], None, 1).await;
    let incoming = next(&mut notifications).await;
    assert!(incoming.redelivered);
    incoming.acknowledge().unwrap();
    notifications.close().await;
    for transport in [sender, first, second] {
        transport.close(SOON).await;
    }
}

/// Notifications wait with the broker when a listener is slow.
pub async fn no_more_notifications_are_handed_over_than_the_prefetch_allows(subject: &Subject) {
    let (listening, mut notifications) = listen(subject, &["info"], None, 2).await;
    let sender = subject.notifications();
    let notifier = Notifier::new(&sender, "compute.host-1");
    for number in 0..3 {
        notifier
            .info(&context(), &format!("event-{number}"), &())
            .await
            .unwrap();
    }
    let batch = notifications
        .next_batch(3, Duration::from_millis(500))
        .await
        .unwrap();
    assert_eq!(batch.len(), 2);
    nothing(&mut notifications).await;
    for incoming in batch {
        incoming.acknowledge().unwrap();
    }
    assert_eq!(
        next(&mut notifications).await.notification.event_type,
        "event-2"
    );
    notifications.close().await;
    sender.close(SOON).await;
    listening.close(SOON).await;
}

async fn listen(
    subject: &Subject,
    priorities: &[&str],
    pool: Option<&str>,
    prefetch: u16,
) -> (NotificationTransport, Notifications) {
    listen_with(subject, priorities, pool, ListenOptions::new(prefetch)).await
}

async fn listen_with(
    subject: &Subject,
    priorities: &[&str],
    pool: Option<&str>,
    options: ListenOptions,
) -> (NotificationTransport, Notifications) {
    let transport = subject.notifications();
    let target = Target::default().with_topic("notifications");
    let pairs: Vec<_> = priorities
        .iter()
        .map(|priority| (target.clone(), (*priority).to_owned()))
        .collect();
    let notifications = transport.listen_with(&pairs, pool, options).await.unwrap();
    (transport, notifications)
}

async fn next(notifications: &mut Notifications) -> IncomingNotification {
    let incoming = timeout(SOON, notifications.next()).await;
    incoming.expect("no notification came").unwrap()
}

/// Nothing comes, for as long as a message takes several times over.
async fn nothing(notifications: &mut Notifications) {
    let incoming = timeout(Duration::from_millis(250), notifications.next()).await;
    if let Ok(Ok(incoming)) = incoming {
        panic!("a notification came that should not: {incoming:?}");
    }
}
