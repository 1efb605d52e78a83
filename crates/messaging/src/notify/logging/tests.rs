use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing_subscriber::prelude::*;

use super::*;
use crate::driver::BoxFuture;
use crate::notify::drivers::TestDriver;
use crate::notify::{NotifyDriver, NotifyError};

/// Where there is only one subscriber, a line that another thread meets first is settled by that thread alone, which has
/// none, and is off for all. Where there are two, all are asked.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

/// Everything that this thread logs from now on goes through the layer.
fn logged_by(layer: &NotificationLayer) -> DefaultGuard {
    LazyLock::force(&SECOND);
    let subscriber = tracing_subscriber::registry().with(layer.clone());
    tracing::subscriber::set_default(subscriber)
}

fn payload(event: &crate::notify::Event) -> Value {
    event.notification.payload.decode().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_log_line_has_the_members_of_a_python_record() {
    let seen = TestDriver::default();
    let notifier = Notifier::with_drivers("compute.host1", [seen.clone()]);
    let layer = NotificationLayer::new(&notifier, OutboxOptions::default());
    let _guard = logged_by(&layer);
    let line = line!() + 1;
    tracing::warn!(target: "nova.compute", disk = "sda", free = 3, admin_password = "s3cret", "nearly {}", "full");
    seen.came(1).await;
    let [event] = seen.events().try_into().unwrap();
    assert_eq!(event.notification.event_type, "logrecord");
    assert_eq!(event.notification.priority, "WARN");
    let publisher = event.notification.publisher_id.as_deref();
    assert_eq!(publisher, Some("compute.host1"));
    let mut payload = payload(&event);
    let process_name = payload["processName"].take();
    assert!(process_name.as_str().unwrap().contains("bergen_messaging"));
    let expected = json!({
        "name": "nova.compute",
        "levelno": 30,
        "levelname": "WARNING",
        "exc_info": null,
        "pathname": file!(),
        "lineno": line,
        "msg": "nearly full",
        "funcName": null,
        "thread": std::thread::current().name(),
        "processName": null,
        "process": std::process::id(),
        "extra": {"disk": "sda", "free": 3, "admin_password": "***"},
    });
    assert_eq!(payload, expected);
}

#[tokio::test(start_paused = true)]
async fn each_level_has_its_priority() {
    let seen = TestDriver::default();
    let notifier = Notifier::with_drivers("a", [seen.clone()]);
    let layer = NotificationLayer::new(&notifier, OutboxOptions::default());
    let _guard = logged_by(&layer);
    tracing::trace!(target: "nova", "unheard");
    tracing::debug!(target: "nova", "1");
    tracing::info!(target: "nova", "2");
    tracing::warn!(target: "nova", "3");
    tracing::error!(target: "nova", "4");
    assert!(layer.outbox().flush(Duration::from_secs(1)).await);
    let priorities: Vec<_> = seen.events().iter().map(|event| event.priority).collect();
    let expected = [
        Priority::Debug,
        Priority::Info,
        Priority::Warn,
        Priority::Error,
    ];
    assert_eq!(priorities, expected);
    assert_eq!(payload(&seen.events()[0])["extra"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn errors_are_told_as_by_the_error_publisher() {
    let seen = TestDriver::default();
    let notifier = Notifier::with_drivers("a", [seen.clone()]);
    let layer = NotificationLayer::errors(&notifier, OutboxOptions::default());
    let _guard = logged_by(&layer);
    tracing::warn!(target: "nova", "unheard");
    tracing::error!(target: "nova", "it broke");
    assert!(layer.outbox().flush(Duration::from_secs(1)).await);
    let [event] = seen.events().try_into().unwrap();
    assert_eq!(event.notification.event_type, "error_notification");
    assert_eq!(event.notification.priority, "ERROR");
    let publisher = event.notification.publisher_id.as_deref();
    assert_eq!(publisher, Some("error.publisher"));
    assert_eq!(payload(&event), json!({"error": "it broke"}));
}

/// Logs what it is given, and fails, which the outbox logs.
#[derive(Debug, Clone)]
struct Chatty(TestDriver);

impl NotifyDriver for Chatty {
    fn name(&self) -> &'static str {
        "chatty"
    }

    fn notify<'a>(
        &'a self,
        event: &'a crate::notify::Event,
    ) -> BoxFuture<'a, Result<(), NotifyError>> {
        Box::pin(async move {
            tracing::error!(target: "mine", "sending");
            self.0.notify(event).await?;
            tokio::task::yield_now().await;
            tracing::error!(target: "mine", "sent");
            Err(NotifyError::UnknownDriver {
                name: "x".to_owned(),
            })
        })
    }
}

/// Logs while it is written.
struct Noisy;

impl fmt::Debug for Noisy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracing::error!(target: "mine", noisy = ?Self, "again");
        f.write_str("noise")
    }
}

#[tokio::test(start_paused = true)]
async fn no_event_causes_another() {
    let seen = Chatty(TestDriver::default());
    let notifier = Notifier::with_drivers("a", [seen.clone()]);
    let layer = NotificationLayer::new(&notifier, OutboxOptions::default());
    let _guard = logged_by(&layer);
    tracing::error!(target: "nova", noisy = ?Noisy, "it broke");
    for ours in [
        "bergen_amqp::client",
        "oslo.messaging.notification",
        "tokio_rustls",
        "rustls::conn",
        "bergen",
    ] {
        assert!(is_ours(ours), "{ours}");
    }
    for theirs in ["bergenhus", "nova", "oslo.messages", "my_rustls"] {
        assert!(!is_ours(theirs), "{theirs}");
    }
    tracing::error!(target: "bergen_amqp::client", "lost");
    assert!(layer.outbox().flush(Duration::from_secs(1)).await);
    let [event] = seen.0.events().try_into().unwrap();
    assert_eq!(payload(&event)["extra"], json!({"noisy": "noise"}));
    assert_eq!(layer.outbox().stats().failed, 1);
}

#[tokio::test(start_paused = true)]
async fn texts_and_lines_are_bounded() {
    let seen = TestDriver::default();
    let notifier = Notifier::with_drivers("a", [seen.clone()]);
    let options = OutboxOptions {
        capacity: 2,
        when_full: WhenFull::Wait,
        in_flight: 1,
    };
    let layer = NotificationLayer::new(&notifier, options);
    let _guard = logged_by(&layer);
    for _ in 0..10 {
        tracing::info!(target: "nova", "{}", "ø".repeat(LONGEST_TEXT));
    }
    assert_eq!(layer.outbox().stats().dropped, 8);
    assert!(layer.outbox().flush(Duration::from_secs(1)).await);
    let events = seen.events();
    assert_eq!(events.len(), 2);
    let text = payload(&events[0])["msg"].as_str().unwrap().to_owned();
    assert_eq!(text.len(), LONGEST_TEXT + '…'.len_utf8());
}
