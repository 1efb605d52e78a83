//! Notifications: kept without a listener, acknowledged after handling, shared by pools.

use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::{
    Admission, Driver, IncomingNotification, ListenOptions, NotificationSink, NotifyOptions,
};
use bergen_messaging::notify::{Notification, Priority};
use bergen_messaging::wire::RawJson;
use bergen_testbed::TestVhost;
use tokio::sync::mpsc;

use super::harness::*;

struct Inbox(mpsc::UnboundedSender<IncomingNotification>);

impl NotificationSink for Inbox {
    fn notification(&self, incoming: IncomingNotification) -> Admission {
        self.0.send(incoming).unwrap();
        Admission::Held
    }
}

fn inbox() -> (Arc<Inbox>, mpsc::UnboundedReceiver<IncomingNotification>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Arc::new(Inbox(sender)), receiver)
}

async fn next(inbox: &mut mpsc::UnboundedReceiver<IncomingNotification>) -> IncomingNotification {
    tokio::time::timeout(Duration::from_secs(10), inbox.recv())
        .await
        .expect("no notification")
        .unwrap()
}

fn event(name: &str) -> Notification {
    Notification::new(
        "compute.host-1",
        name,
        Priority::Info,
        RawJson::parse(r#"{"id": 12}"#).unwrap(),
    )
}

#[tokio::test]
async fn a_notification_waits_for_its_listener_in_either_format() {
    let vhost = TestVhost::new("notifications").await.unwrap();
    let sender = driver(&vhost.url());
    let target = topic("notifications");
    let mut bare = NotifyOptions::default();
    bare.bare = true;
    sender
        .send_notification(
            &target,
            "info",
            &event("create.start"),
            NotifyOptions::default(),
        )
        .await
        .unwrap();
    sender
        .send_notification(&target, "info", &event("create.end"), bare)
        .await
        .unwrap();

    let listener = driver(&vhost.url());
    let (sink, mut inbox) = inbox();
    let pairs = [(target, "info".to_owned())];
    let handle = listener
        .listen_for_notifications(&pairs, None, ListenOptions::new(10), sink)
        .await
        .unwrap();
    for name in ["create.start", "create.end"] {
        let incoming = next(&mut inbox).await;
        assert_eq!(incoming.notification.event_type, name);
        assert_eq!(incoming.notification.payload.as_str(), r#"{"id": 12}"#);
        assert_eq!(
            incoming.notification.unique_id.as_deref().map(str::len),
            Some(32)
        );
        incoming.acknowledge().unwrap();
    }
    handle.stop().await;
    handle.close().await;
    let queue = vhost
        .management()
        .queue(vhost.name(), "notifications.info")
        .await
        .unwrap();
    assert_eq!(queue["durable"], false);
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_and_what_is_requeued_too() {
    let vhost = TestVhost::new("requeue").await.unwrap();
    let driver = driver(&vhost.url());
    let target = topic("notifications");
    let pairs = [(target.clone(), "info".to_owned())];
    let (sink, mut first) = inbox();
    let handle = driver
        .listen_for_notifications(&pairs, None, ListenOptions::new(1), sink)
        .await
        .unwrap();
    driver
        .send_notification(&target, "info", &event("a"), NotifyOptions::default())
        .await
        .unwrap();
    let incoming = next(&mut first).await;
    assert!(!incoming.redelivered);
    incoming.requeue().unwrap();
    let again = next(&mut first).await;
    assert!(again.redelivered);
    handle.stop().await;
    handle.close().await;
    let (sink, mut second) = inbox();
    let handle = driver
        .listen_for_notifications(&pairs, None, ListenOptions::new(1), sink)
        .await
        .unwrap();
    assert!(next(&mut second).await.redelivered);
    assert!(
        again.acknowledge().is_err(),
        "the channel that delivered it is closed"
    );
    handle.close().await;
}

#[tokio::test]
async fn each_pool_gets_one_copy() {
    let vhost = TestVhost::new("pools").await.unwrap();
    let driver = driver(&vhost.url());
    let pairs = [
        (topic("notifications"), "info".to_owned()),
        (topic("notifications"), "error".to_owned()),
    ];
    let (sink, mut meters) = inbox();
    let _meters = driver
        .listen_for_notifications(&pairs, Some("meters"), ListenOptions::new(10), sink)
        .await
        .unwrap();
    let (sink, mut audit) = inbox();
    let _audit = driver
        .listen_for_notifications(&pairs, Some("audit"), ListenOptions::new(10), sink)
        .await
        .unwrap();
    driver
        .send_notification(
            &topic("notifications"),
            "error",
            &event("bad"),
            NotifyOptions::default(),
        )
        .await
        .unwrap();
    for inbox in [&mut meters, &mut audit] {
        let incoming = next(inbox).await;
        assert_eq!(incoming.notification.event_type, "bad");
        incoming.acknowledge().unwrap();
    }
    assert!(meters.try_recv().is_err() && audit.try_recv().is_err());
}
