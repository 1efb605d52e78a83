//! What `call` and `cast` send, and what they print.

use std::time::Duration;

use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use crate::program::{Service, bergen};

#[tokio::test]
async fn a_call_prints_its_result_as_one_line_of_json() {
    let vhost = TestVhost::new("cli-result").await.unwrap();
    let url = vhost.url();
    let service = Service::serve(&vhost, "demo", "one").await;
    let added = bergen(&url, &["call", "demo", "add", "a:=2", "b:=3"])
        .await
        .expect(0);
    assert_eq!((added.out.as_str(), added.err.as_str()), ("5\n", ""));
    let who = bergen(&url, &["call", "demo", "whoami"])
        .await
        .expect(0)
        .json();
    assert_eq!(who["server"], "one");
    assert_eq!(who["pid"], service.process.id());
    service.stop().await;
}

#[tokio::test]
async fn arguments_are_text_or_json_and_arrive_as_typed() {
    let vhost = TestVhost::new("cli-arguments").await.unwrap();
    let _service = Service::serve(&vhost, "demo", "one").await;
    for (typed, answer) in [
        ("value=1", r#""1""#),
        ("value:=1", "1"),
        ("value=", r#""""#),
        ("value=a=b", r#""a=b""#),
        (
            "value:=[1.0, NaN, 1208925819614629174706176]",
            "[1.0,NaN,1208925819614629174706176]",
        ),
        (r#"value:={"ü": null}"#, r#"{"ü":null}"#),
    ] {
        let ended = bergen(&vhost.url(), &["call", "demo", "echo", typed])
            .await
            .expect(0);
        assert_eq!(ended.out.trim_end(), answer, "{typed}");
    }
}

#[tokio::test]
async fn a_server_a_namespace_and_a_version_choose_the_method() {
    let vhost = TestVhost::new("cli-target").await.unwrap();
    let url = vhost.url();
    let _plain = Service::serve(&vhost, "demo", "plain").await;
    let named = [
        "serve",
        "--topic",
        "demo",
        "--server",
        "named",
        "--namespace",
        "ns",
        "--version",
        "2.1",
    ];
    let _named = Service::start(&url, &named).await;
    for name in ["plain", "named", "plain"] {
        let more: &[&str] = if name == "named" {
            &["--namespace", "ns", "--version", "2.0"]
        } else {
            &["--version", "1.0"]
        };
        let call = [&["call", "demo", "whoami", "--server", name], more].concat();
        assert_eq!(bergen(&url, &call).await.expect(0).json()["server"], name);
    }
    let newer = [
        "call",
        "demo",
        "whoami",
        "--server",
        "named",
        "--namespace",
        "ns",
        "--version",
        "2.2",
    ];
    bergen(&url, &newer)
        .await
        .expect(1)
        .says(&["UnsupportedVersion", "2.2", "--version"]);
    let elsewhere = ["call", "demo", "whoami", "--server", "named"];
    bergen(&url, &elsewhere)
        .await
        .expect(1)
        .says(&["NoSuchMethod", "whoami", "--namespace"]);
}

#[tokio::test]
async fn a_cast_carries_namespace_version_and_context() {
    let vhost = TestVhost::new("cli-cast").await.unwrap();
    // The queue outlives its server, and keeps what is cast.
    Service::serve(&vhost, "demo", "one").await.stop().await;
    let cast = [
        "cast",
        "demo",
        "note",
        "text=hi",
        "n:=7",
        "--namespace",
        "ns",
        "--version",
        "1.4",
        "--context",
        "request_id=req-1",
        "--context",
        "is_admin:=true",
    ];
    let ended = bergen(&vhost.url(), &cast).await.expect(0);
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
    let messages = vhost
        .management()
        .take(vhost.name(), "demo", 10)
        .await
        .unwrap();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let envelope: Value = serde_json::from_str(&messages[0].body).unwrap();
    let message: Value = serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap();
    assert_eq!(message["method"], "note");
    assert_eq!(message["args"], json!({"text": "hi", "n": 7}));
    assert_eq!(
        (&message["namespace"], &message["version"]),
        (&json!("ns"), &json!("1.4"))
    );
    assert_eq!(message["_context_request_id"], "req-1");
    assert_eq!(message["_context_is_admin"], true);
}

#[tokio::test]
async fn a_fanout_reaches_every_server_and_a_cast_to_one_only_that() {
    let vhost = TestVhost::new("cli-fanout").await.unwrap();
    let url = vhost.url();
    let mut one = Service::serve(&vhost, "demo", "one").await;
    let mut two = Service::serve(&vhost, "demo", "two").await;
    bergen(&url, &["cast", "demo", "echo", "value=all", "--fanout"])
        .await
        .expect(0);
    for service in [&mut one, &mut two] {
        service.line_with(r#"args={"value": "all"}"#).await;
    }
    bergen(
        &url,
        &["cast", "demo", "echo", "value=this", "--server", "two"],
    )
    .await
    .expect(0);
    two.line_with(r#"args={"value": "this"}"#).await;
    let others = one.stop().await;
    assert!(!others.contains("this"), "{others}");
    two.stop().await;
}

#[tokio::test]
async fn a_monitored_call_outlives_the_monitor_timeout() {
    let vhost = TestVhost::new("cli-monitor").await.unwrap();
    let _service = Service::serve(&vhost, "demo", "one").await;
    let call = [
        "call",
        "demo",
        "sleep",
        "seconds:=3",
        "--monitor",
        "2",
        "--timeout",
        "30",
    ];
    let ended = bergen(&vhost.url(), &call).await.expect(0);
    assert_eq!(ended.json(), 3.0);
}

#[tokio::test]
async fn a_monitored_call_ends_soon_after_its_server_died() {
    let vhost = TestVhost::new("cli-monitor-dead").await.unwrap();
    let (url, mut service) = (vhost.url(), Service::serve(&vhost, "demo", "one").await);
    let call = [
        "call",
        "demo",
        "sleep",
        "seconds:=50",
        "--monitor",
        "2",
        "--timeout",
        "50",
    ];
    let call = bergen(&url, &call);
    let death = async {
        service.line_with("method=sleep").await;
        service.signal("KILL");
    };
    let (ended, ()) = tokio::join!(call, death);
    let ended = ended.expect(3).says(&["keep-alives stopped"]);
    assert!(ended.took < Duration::from_secs(10), "{ended:?}");
}
