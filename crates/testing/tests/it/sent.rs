//! What was sent, and what a check says when it fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bergen_messaging::notify::Notifier;
use bergen_messaging::rpc::RpcClient;
use bergen_messaging::target::ClientTarget;
use bergen_messaging::wire::Context;
use bergen_testing::{Kind, TestBus};
use serde_json::json;

async fn some_traffic() -> TestBus {
    let bus = TestBus::new();
    let client = RpcClient::new(&bus.rpc_transport(), ClientTarget::new("compute"));
    let mut context = Context::default();
    context.insert("user_id", "u1").unwrap();
    let host = client.prepare().server("host-1");
    let reboot = json!({"instance": "i-1", "hard": true});
    host.cast(&context, "reboot", &reboot).await.unwrap();
    client.fanout(&context, "refresh", &()).await.unwrap();
    client.call::<()>(&context, "list", &()).await.unwrap_err();
    let notifier = Notifier::new(&bus.notification_transport(), "compute.host-1");
    notifier
        .error(&context, "disk.full", &json!({"free": 0}))
        .await
        .unwrap();
    bus
}

fn failure(check: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(check)).expect_err("the check passed");
    panic.downcast_ref::<String>().expect("a text").clone()
}

#[tokio::test]
async fn everything_that_is_sent_is_written_down() {
    let bus = some_traffic().await;
    let kinds: Vec<_> = bus.sent().iter().map(|sent| sent.kind).collect();
    assert_eq!(
        kinds,
        [Kind::Cast, Kind::Fanout, Kind::Call, Kind::Notification]
    );
    let reboot = bus
        .sent()
        .casts()
        .topic("compute")
        .server("host-1")
        .assert_one();
    reboot
        .assert_args(&json!({"hard": true, "instance": "i-1"}))
        .assert_arg("instance", "i-1")
        .assert_context("user_id", "u1");
    assert!(reboot.arg::<bool>("hard"));
    assert_eq!(reboot.target.exchange.as_deref(), Some("openstack"));
    let full = bus.sent().notifications().method("disk.full").assert_one();
    assert_eq!(full.priority.as_deref(), Some("error"));
    bus.sent()
        .assert_methods(&["reboot", "refresh", "list", "disk.full"]);
    bus.sent().calls().method("reboot").assert_none();
    bus.forget();
    assert!(bus.sent().is_empty());
}

#[tokio::test]
async fn a_check_that_fails_shows_what_was_there() {
    let bus = some_traffic().await;
    let text = failure(|| {
        let calls = bus.sent().calls();
        calls.topic("compute").method("reboot").assert_one();
    });
    assert_eq!(
        text,
        "expected exactly one message of: calls, topic \"compute\", method \"reboot\"\nfound 0:\n\
         in all there were 4:\n  cast compute.host-1: reboot {\"hard\":true,\"instance\":\"i-1\"}\n  \
         fanout compute: refresh {}\n  call compute: list {}\n  \
         notification notifications.error: disk.full {\"free\":0}"
    );
    let reboot = bus.sent().method("reboot").assert_one();
    let text = failure(|| _ = reboot.assert_arg("instance", "i-2"));
    assert!(
        text.ends_with("should have the argument \"instance\" with value\n  \"i-2\""),
        "{text}"
    );
    assert!(text.starts_with("cast compute.host-1: reboot {"), "{text}");
    let text = failure(|| _ = reboot.assert_context("user_id", "u2"));
    assert!(text.ends_with("and has\n  \"u1\""), "{text}");
    let text = failure(|| _ = reboot.arg::<u32>("hard"));
    assert!(text.contains("argument \"hard\" is no u32"), "{text}");
    let text = failure(|| _ = bus.sent().casts().assert_methods(&["list"]));
    assert!(
        text.contains("expected the methods [\"list\"] of: casts"),
        "{text}"
    );
}

#[tokio::test]
async fn a_service_may_keep_the_url_of_its_configuration() {
    let bus = TestBus::new();
    let options = bus
        .options()
        .url("rabbit://nova:s3cret@mq1,mq2/prod".parse().unwrap());
    let options: bergen_messaging::transport::TransportOptions = options;
    let transport = bergen_messaging::transport::RpcTransport::new(options).unwrap();
    let client = RpcClient::new(&transport, ClientTarget::new("compute"));
    client.cast(&Context::default(), "note", &()).await.unwrap();
    bus.sent().casts().assert_one();
    TestBus::new().sent().assert_none();
}
