//! Our notifier and `bergen notify` beside listeners of Python of every kind.

use std::path::Path;
use std::time::Duration;

use bergen::notify::drivers::Format;
use bergen::notify::{Notifier, Priority};
use bergen::transport::{NotificationTransport, TransportOptions};
use bergen::wire::Context;
use bergen_testbed::{PythonPeer, PythonProgram, TestVhost, Tools};
use serde_json::{Value, json};

use crate::simulator::bergen;
use crate::support::eventually;

const TOPIC: &str = "notifications";

/// A process of Python with these listeners.
async fn listeners(vhost: &TestVhost, listeners: Value) -> PythonPeer {
    let options = json!({"url": vhost.url(), "topic": TOPIC, "listeners": listeners});
    PythonPeer::start("notifications.py", &options)
        .await
        .unwrap()
}

fn notifier(vhost: &TestVhost, format: Format) -> Notifier {
    let options = TransportOptions::default().url(vhost.url().parse().unwrap());
    let transport = NotificationTransport::new(options).unwrap();
    let notifier = Notifier::builder(&transport, "compute.host-1");
    notifier.format(format).build()
}

async fn send(notifier: &Notifier, event_type: &str, priority: Priority) {
    let mut context = Context::default();
    context.insert("project_id", "p1").unwrap();
    context.insert("auth_token", "s3cret").unwrap();
    let payload = json!({"state": "active", "text": "\u{2603}"});
    let sent = notifier.notify(&context, priority, event_type, &payload);
    sent.await.unwrap();
}

async fn heard(python: &PythonPeer, listener: usize) -> Value {
    let command = json!({"op": "heard", "listener": listener});
    python.request(command).await.unwrap()
}

/// Waits until a listener has heard so many events; yields all that it says, the events in order of their types.
async fn wait_for(python: &PythonPeer, listener: usize, count: usize) -> Value {
    let all_there = async || {
        heard(python, listener).await["notifications"]
            .as_array()
            .unwrap()
            .len()
            >= count
    };
    eventually(&format!("{count} events at listener {listener}"), all_there).await;
    let mut heard = heard(python, listener).await;
    let events = heard["notifications"].as_array_mut().unwrap();
    events.sort_by_key(|event| event["event_type"].to_string());
    heard
}

fn event_types(heard: &Value) -> Vec<&str> {
    let events = heard["notifications"].as_array().unwrap().iter();
    events
        .map(|event| event["event_type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pools_batches_and_filters_of_python_get_either_format() {
    let vhost = TestVhost::new("notifier-python").await.unwrap();
    let both = json!(["info", "error"]);
    let python = listeners(
        &vhost,
        json!([
            {"listen": both},
            {"listen": both, "pool": "meters"},
            {"listen": both, "pool": "batches", "batch": [4, 0.5]},
            {"listen": both, "pool": "chosen", "filter": {
                "event_type": r"^compute\..*\.end$",
                "publisher_id": "^compute",
                "context": {"project_id": "^p1$"},
                "payload": {"state": "^act"},
            }},
        ]),
    );
    let python = python.await;
    let (v1, v2) = (notifier(&vhost, Format::V1), notifier(&vhost, Format::V2));
    send(&v2, "compute.create.end", Priority::Info).await;
    send(&v1, "compute.delete.end", Priority::Error).await;
    send(&v1, "compute.move.start", Priority::Info).await;
    send(&v2, "compute.unheard", Priority::Debug).await;
    let expected = [
        "compute.create.end",
        "compute.delete.end",
        "compute.move.start",
    ];
    for listener in 0..3 {
        let heard = wait_for(&python, listener, 3).await;
        assert_eq!(event_types(&heard), expected, "listener {listener}");
        for event in heard["notifications"].as_array().unwrap() {
            assert_eq!(event["publisher_id"], "compute.host-1");
            assert_eq!(
                event["payload"],
                json!({"state": "active", "text": "\u{2603}"})
            );
            assert_eq!(event["ctxt"]["project_id"], "p1");
            assert_eq!(event["ctxt"].get("auth_token"), None);
            assert_eq!(event["metadata"]["message_id"].as_str().unwrap().len(), 36);
        }
    }
    let mut batches = heard(&python, 2).await["batches"]
        .as_array()
        .unwrap()
        .clone();
    batches.sort_by_key(Value::to_string);
    assert_eq!(batches, [1, 2], "one batch for each priority");
    assert_eq!(event_types(&wait_for(&python, 3, 2).await), expected[..2]);
    python.stop().await.unwrap();
}

#[tokio::test]
async fn what_listeners_of_python_give_back_comes_to_them_again() {
    let vhost = TestVhost::new("notifier-requeue").await.unwrap();
    let python = listeners(
        &vhost,
        json!([
            {"listen": ["info"], "requeue": 3},
            {"listen": ["info"], "pool": "batches", "batch": [5, 0.2], "requeue": 1},
        ]),
    );
    let python = python.await;
    let notifier = notifier(&vhost, Format::V2);
    for number in 0..5 {
        send(&notifier, &format!("event.{number}"), Priority::Info).await;
    }
    let expected: Vec<_> = (0..5).map(|number| format!("event.{number}")).collect();
    for (listener, requeued) in [(0, 3), (1, 1)] {
        let heard = wait_for(&python, listener, 5).await;
        assert_eq!(event_types(&heard), expected, "listener {listener}");
        assert_eq!(heard["requeued"], requeued);
    }
    python.stop().await.unwrap();
}

#[tokio::test]
async fn the_program_sends_what_upstreams_script_sends() {
    let vhost = TestVhost::new("notifier-script").await.unwrap();
    let url = vhost.url();
    let python = listeners(&vhost, json!([{"listen": ["warn"]}])).await;
    let script = Tools::locate()
        .unwrap()
        .python
        .with_file_name("oslo-messaging-send-notification");
    for driver in ["messaging", "messagingv2"] {
        let arguments = [
            "--transport-url",
            &url,
            "--publisher-id",
            "script.host-1",
            "--event-type",
            "disk.full",
            "--priority",
            "warn",
            "--driver",
            driver,
            "a text",
            "--topic",
            TOPIC,
        ];
        let theirs = PythonProgram::start(Path::new(&script), &arguments).unwrap();
        let (status, output) = theirs.finish(Duration::from_secs(30)).await.unwrap();
        assert!(status.success(), "{output}");
        let mut ours = bergen();
        ours.args([
            "--url",
            &url,
            "notify",
            "disk.full",
            "--publisher-id",
            "script.host-1",
        ]);
        ours.args([
            "--priority",
            "warn",
            "--driver",
            driver,
            "--text",
            "a text",
            "--topic",
            TOPIC,
        ]);
        assert!(ours.status().await.unwrap().success());
    }
    let heard = wait_for(&python, 0, 4).await;
    for event in heard["notifications"].as_array().unwrap() {
        assert_eq!(event["event_type"], "disk.full");
        assert_eq!(event["publisher_id"], "script.host-1");
        assert_eq!(event["payload"], "a text");
        assert_eq!(event["ctxt"], heard["notifications"][0]["ctxt"]);
    }
    python.stop().await.unwrap();
}
