//! `bergen notify`.

use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use crate::program::{Service, bergen, finish, program};

/// The bodies that wait in a queue.
async fn waiting(vhost: &TestVhost, queue: &str) -> Vec<Value> {
    let found = vhost.management().take(vhost.name(), queue, 10).await;
    let parse = |body: &str| serde_json::from_str(body).unwrap();
    found
        .unwrap()
        .iter()
        .map(|found| parse(&found.body))
        .collect()
}

#[tokio::test]
async fn an_event_waits_at_every_topic_under_its_priority() {
    let vhost = TestVhost::new("cli-notify").await.unwrap();
    let notify = [
        "notify",
        "disk.full",
        "host=compute-1",
        "used:=0.97",
        "--priority",
        "ERROR",
        "--publisher-id",
        "compute.host-1",
        "--topic",
        "notifications",
        "--topic",
        "audit",
        "--context",
        "project_id=p1",
        "--context",
        "auth_token=s3cret",
    ];
    let ended = bergen(&vhost.url(), &notify).await.expect(0);
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
    for queue in ["notifications.error", "audit.error"] {
        let [envelope] = waiting(&vhost, queue).await.try_into().unwrap();
        let inner = envelope["oslo.message"].as_str().unwrap();
        assert!(!inner.contains("s3cret"), "{inner}");
        let event: Value = serde_json::from_str(inner).unwrap();
        assert_eq!(event["event_type"], "disk.full");
        assert_eq!(event["priority"], "ERROR");
        assert_eq!(event["publisher_id"], "compute.host-1");
        assert_eq!(event["payload"], json!({"host": "compute-1", "used": 0.97}));
        assert_eq!(event["_context_project_id"], "p1");
    }
}

#[tokio::test]
async fn a_text_may_be_sent_bare_and_topics_come_from_the_configuration() {
    let vhost = TestVhost::new("cli-notify-bare").await.unwrap();
    let folder = std::env::temp_dir().join(format!("bergen-{}", vhost.name()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("nova.conf");
    let text = format!(
        "[oslo_messaging_notifications]\ntopics = configured\ntransport_url = {}\n",
        vhost.url()
    );
    std::fs::write(&file, text).unwrap();
    let arguments = ["notify", "test", "--text", "hello", "--driver", "messaging"];
    let mut notify = program("", &arguments);
    notify.arg("--config-file").arg(&file);
    finish(notify).await.expect(0);
    std::fs::remove_dir_all(&folder).unwrap();
    let [event] = waiting(&vhost, "configured.info").await.try_into().unwrap();
    assert_eq!(event["payload"], "hello");
    let publisher = event["publisher_id"].as_str().unwrap();
    assert!(publisher.starts_with("bergen."), "{publisher}");
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    let nowhere = "rabbit://guest:guest@127.0.0.1:1/";
    bergen(nowhere, &["notify", "test"])
        .await
        .expect(5)
        .says(&["no broker reached"]);
    let wrong = ["notify", "test", "--priority", "urgent"];
    bergen(nowhere, &wrong)
        .await
        .expect(2)
        .says(&["audit, debug, info"]);
    let both = ["notify", "test", "a=1", "--text", "hello"];
    bergen(nowhere, &both).await.expect(2).says(&["--text"]);
}

#[tokio::test]
async fn it_is_heard_by_listen() {
    let vhost = TestVhost::new("cli-notify-heard").await.unwrap();
    let url = vhost.url();
    let listen = ["listen", "notifications", "--json", "--count", "1"];
    let listener = Service::start(&url, &listen).await;
    bergen(
        &url,
        &["notify", "test", "a:=NaN", "--context", "user_id=u1"],
    )
    .await
    .expect(0);
    let (status, output) = listener.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
    for part in [
        r#""event_type":"test""#,
        r#""payload":{"a":NaN}"#,
        r#""context":{"user_id":"u1"}"#,
    ] {
        assert!(output.contains(part), "no {part} in {output}");
    }
}
