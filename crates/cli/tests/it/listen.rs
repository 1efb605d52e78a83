//! `bergen listen`.

use std::time::Duration;

use bergen_testbed::{RabbitNode, TestVhost};
use serde_json::Value;

use crate::program::{Service, bergen};

async fn notify(vhost: &TestVhost, event_type: &str, more: &[&str]) {
    let arguments = [&["notify", event_type], more].concat();
    bergen(&vhost.url(), &arguments).await.expect(0);
}

/// The queues of a virtual host, by name.
async fn queues(vhost: &TestVhost) -> Vec<String> {
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let name = |queue: &Value| queue["name"].as_str().unwrap().to_owned();
    queues.iter().map(name).collect()
}

/// How many events wait in a queue.
async fn waiting(vhost: &TestVhost, queue: &str) -> usize {
    let found = vhost.management().take(vhost.name(), queue, 100).await;
    found.unwrap().len()
}

#[tokio::test]
async fn it_shows_copies_and_leaves_nothing_behind() {
    let vhost = TestVhost::new("cli-listen").await.unwrap();
    notify(&vhost, "before", &[]).await;
    let listen = ["listen", "notifications", "--filter", "event_type=disk"];
    let mut listener = Service::start(&vhost.url(), &listen).await;
    for part in [
        "topics notifications",
        "copies of what is published from now on",
        "guest:***@",
    ] {
        assert!(listener.ready.contains(part), "{}", listener.ready);
    }
    notify(&vhost, "cpu.hot", &[]).await;
    notify(
        &vhost,
        "disk.full",
        &["text=\u{1b}[2J", "--publisher", "host-1"],
    )
    .await;
    let line = listener.line_with("disk.full").await;
    let shown = r#" INFO host-1 disk.full {"text":"\u001b[2J"}"#;
    assert!(line.ends_with(shown), "{line}");
    listener.signal("INT");
    let (status, output) = listener.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(
        !output.contains("before") && !output.contains("cpu.hot"),
        "{output}"
    );
    assert_eq!(queues(&vhost).await, ["notifications.info"]);
    assert_eq!(
        waiting(&vhost, "notifications.info").await,
        3,
        "nothing was stolen"
    );
}

#[tokio::test]
async fn a_killed_listener_leaves_nothing_behind_either() {
    let vhost = TestVhost::new("cli-listen-killed").await.unwrap();
    let listener = Service::start(&vhost.url(), &["listen", "notifications"]).await;
    assert_eq!(queues(&vhost).await.len(), 1);
    listener.signal("KILL");
    listener.end().await;
    let gone = async {
        while !queues(&vhost).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, gone)
        .await
        .expect("a queue is left");
}

#[tokio::test]
async fn told_to_steal_it_takes_the_events_themselves() {
    let vhost = TestVhost::new("cli-listen-steal").await.unwrap();
    for event_type in ["one", "two", "three"] {
        notify(&vhost, event_type, &[]).await;
    }
    let listen = [
        "listen",
        "notifications",
        "--steal",
        "--priority",
        "info,error",
        "--count",
        "2",
        "--json",
    ];
    let ended = bergen(&vhost.url(), &listen).await.expect(0);
    let ended = ended.says(&["takes events away", "--steal"]);
    let events = ended
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let types: Vec<_> = events.map(|event| event["event_type"].clone()).collect();
    assert_eq!(types, ["one", "two"]);
    assert_eq!(waiting(&vhost, "notifications.info").await, 1);
}

#[tokio::test]
async fn a_pool_keeps_what_its_listeners_missed_and_hands_it_over_in_batches() {
    let vhost = TestVhost::new("cli-listen-pool").await.unwrap();
    let url = vhost.url();
    let listener = Service::start(&url, &["listen", "notifications", "--pool", "meters"]).await;
    assert!(listener.ready.contains("pool meters"), "{}", listener.ready);
    listener.stop().await;
    for event_type in ["one", "two", "three"] {
        notify(&vhost, event_type, &[]).await;
    }
    let listen = [
        "listen",
        "notifications",
        "--pool",
        "meters",
        "--batch",
        "2",
        "--batch-timeout",
        "0.2",
        "--count",
        "3",
        "--json",
    ];
    let ended = bergen(&url, &listen).await.expect(0);
    let batches = ended
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sizes: Vec<_> = batches
        .map(|batch| batch.as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [2, 1], "{ended:?}");
    let mut left = queues(&vhost).await;
    left.sort();
    assert_eq!(left, ["meters", "notifications.info"]);
    assert_eq!(waiting(&vhost, "notifications.info").await, 3, "copies");
}

#[tokio::test]
async fn it_listens_again_after_the_broker_was_away() {
    let mut node = RabbitNode::start_default().await.unwrap();
    let url = format!("{}?kombu_reconnect_delay=0.1", node.url("/"));
    let listener = Service::start(&url, &["listen", "notifications", "--count", "1"]).await;
    node.kill().await.unwrap();
    node.start().await.unwrap();
    let consuming = async {
        while node
            .management()
            .consumers("/")
            .await
            .unwrap_or_default()
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, consuming)
        .await
        .expect("it does not come back");
    bergen(&url, &["notify", "after"]).await.expect(0);
    let (status, output) = listener.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.contains(" after "), "{output}");
}

#[tokio::test]
async fn what_it_cannot_do_it_says() {
    let nowhere = "rabbit://guest:guest@127.0.0.1:1/";
    for (arguments, code, part) in [
        (
            ["listen", "t", "--filter", "event=x"].as_slice(),
            2,
            "no field event",
        ),
        (&["listen", "t", "--steal", "--pool", "p"], 2, "--pool"),
        (
            &["listen", "t", "--connect-timeout", "0.2"],
            5,
            "no broker reached",
        ),
        (&["listen"], 2, "<TOPIC>"),
    ] {
        bergen(nowhere, arguments).await.expect(code).says(&[part]);
    }
}
