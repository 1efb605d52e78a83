//! Fanouts by way of a stream.

use std::time::Duration;

use bergen_testbed::{FaultProxy, TestVhost};
use serde_json::json;

use super::harness::*;

const STREAM: &str =
    "rabbit_stream_fanout=true&rabbit_transient_quorum_queue=true&rabbit_qos_prefetch_count=10";

fn streaming(url: &str, more: &str) -> String {
    format!("{url}?{STREAM}{more}")
}

async fn fanout(url: &str, method: &str) {
    let client = driver(url);
    let target = topic("compute").with_fanout(true);
    cast(&client, &target, &request(method, "{}")).await;
    close(&client).await;
}

/// The methods that came, once `last` has.
async fn methods(server: &Server, last: &str) -> Vec<String> {
    server.wait_for_method(last).await;
    let seen = server.wait_for(1).await;
    seen.into_iter().map(|seen| seen.method).collect()
}

#[tokio::test]
async fn a_new_server_runs_no_old_casts_unless_it_is_told_to_begin_as_the_peer() {
    let vhost = TestVhost::new("stream-start").await.unwrap();
    let url = streaming(&vhost.url(), "");
    let first = Server::start(&url, "compute", "one").await;
    fanout(&url, "a").await;
    assert_eq!(methods(&first, "a").await, ["a"]);
    first.stop().await;
    let stream = vhost
        .management()
        .queue(vhost.name(), "compute_fanout")
        .await
        .unwrap();
    assert_eq!(
        stream["type"],
        json!("stream"),
        "it is not deleted on close"
    );

    let next = Server::start(&url, "compute", "one").await;
    let last = Server::start(
        &streaming(&vhost.url(), "&bergen_stream_offset=last"),
        "compute",
        "two",
    )
    .await;
    fanout(&url, "b").await;
    assert_eq!(methods(&next, "b").await, ["b"]);
    assert_eq!(methods(&last, "b").await, ["a", "b"]);
}

#[tokio::test]
async fn reading_goes_on_where_it_was_when_the_connection_was_lost() {
    let vhost = TestVhost::new("stream-cut").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let direct = streaming(&vhost.url(), "");
    let server = Server::start(
        &streaming(&through(&vhost.url(), &proxy), ""),
        "compute",
        "one",
    )
    .await;
    fanout(&direct, "a").await;
    assert_eq!(methods(&server, "a").await, ["a"]);
    proxy.refuse(true);
    proxy.cut();
    fanout(&direct, "b").await;
    proxy.heal();
    fanout(&direct, "c").await;
    assert_eq!(methods(&server, "c").await, ["a", "b", "c"]);
    assert_eq!(server.driver.stats().reconnects, 1);
}

#[tokio::test]
async fn a_stream_that_is_deleted_is_declared_again_and_read_from_its_start() {
    let vhost = TestVhost::new("stream-gone").await.unwrap();
    let url = streaming(&vhost.url(), "");
    let server = Server::start(&url, "compute", "one").await;
    for method in ["a", "b", "c"] {
        fanout(&url, method).await;
        methods(&server, method).await;
    }
    let management = vhost.management();
    management
        .delete_queue(vhost.name(), "compute_fanout")
        .await
        .unwrap();
    let restored = async {
        while server.driver.stats().consumers_restored == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), restored)
        .await
        .unwrap();
    // Its offset is 0 again, less than what was read before.
    fanout(&url, "d").await;
    assert_eq!(methods(&server, "d").await, ["a", "b", "c", "d"]);
    assert_eq!(server.driver.stats().reconnects, 0);
}

/// A server that has read three casts and was cut off by the proxy, and whose stream was deleted then.
async fn read_and_lost(vhost: &TestVhost, proxy: &FaultProxy) -> Server {
    let direct = streaming(&vhost.url(), "");
    let url = streaming(&through(&vhost.url(), proxy), "");
    let server = Server::start(&url, "compute", "one").await;
    for method in ["a", "b", "c"] {
        fanout(&direct, method).await;
        methods(&server, method).await;
    }
    proxy.refuse(true);
    proxy.cut();
    let deleted = vhost.management();
    let deleted = deleted.delete_queue(vhost.name(), "compute_fanout").await;
    deleted.unwrap();
    server
}

/// The same, but nobody said so: the stream vanished while the connection was down.
#[tokio::test]
async fn a_stream_that_vanished_while_nobody_was_connected_is_read_from_its_start() {
    let vhost = TestVhost::new("stream-vanished").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let direct = streaming(&vhost.url(), "");
    let server = read_and_lost(&vhost, &proxy).await;
    proxy.heal();
    // The call is answered by the consumers that stand again.
    let client = driver(&direct);
    result(&client, &topic("compute"), &request("echo", "{}")).await;
    fanout(&direct, "d").await;
    let methods = methods(&server, "d").await;
    assert_eq!(methods.last().map(String::as_str), Some("d"), "{methods:?}");
}

/// The same, but another server has declared it again: read on at its offset, the new stream was silent.
#[tokio::test]
async fn a_stream_that_was_replaced_while_nobody_was_connected_is_found_out() {
    let vhost = TestVhost::new("stream-replaced").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let direct = streaming(&vhost.url(), "");
    let server = read_and_lost(&vhost, &proxy).await;
    let other = Server::start(&direct, "compute", "two").await;
    fanout(&direct, "d").await;
    assert_eq!(methods(&other, "d").await, ["d"]);
    proxy.heal();
    assert_eq!(methods(&server, "d").await, ["a", "b", "c", "d"]);
    assert_eq!(server.driver.stats().consumers_restored, 1);
}

#[tokio::test]
async fn casts_beyond_the_prefetch_come_to_every_server_in_order() {
    let vhost = TestVhost::new("stream-many").await.unwrap();
    let url = streaming(&vhost.url(), "");
    let servers = [
        Server::start(&url, "compute", "one").await,
        Server::start(&url, "compute", "two").await,
    ];
    let client = driver(&url);
    let sent: Vec<String> = (0..60).map(|number| format!("m{number}")).collect();
    for method in &sent {
        let target = topic("compute").with_fanout(true);
        cast(&client, &target, &request(method, "{}")).await;
    }
    for server in &servers {
        assert_eq!(methods(server, "m59").await, sent);
    }
}

/// Rejecting costs the connection where the queue is a stream.
#[tokio::test]
async fn what_cannot_be_decoded_in_a_stream_is_passed_over() {
    let vhost = TestVhost::new("stream-hostile").await.unwrap();
    let url = streaming(&vhost.url(), "");
    let server = Server::start(&url, "compute", "one").await;
    let management = vhost.management();
    let properties = json!({"content_type": "application/json"});
    let routed = management
        .publish(vhost.name(), "compute_fanout", "", properties, "not json")
        .await;
    assert!(routed.unwrap());
    fanout(&url, "after").await;
    assert_eq!(methods(&server, "after").await, ["after"]);
    assert_eq!(server.driver.stats().invalid_requests, 1);
    assert_eq!(server.driver.stats().reconnects, 0);
}

/// RabbitMQ 3.10 confirms and drops what follows a moved leader on a channel that publishes to several streams.
#[tokio::test]
async fn each_stream_is_published_to_on_a_channel_of_its_own() {
    let vhost = TestVhost::new("stream-channels").await.unwrap();
    let client = driver(&streaming(&vhost.url(), ""));
    for name in ["compute", "network", "compute"] {
        let target = topic(name).with_fanout(true);
        cast(&client, &target, &request("a", "{}")).await;
    }
    let path = format!("vhosts/{}/channels", vhost.name());
    let confirming = |list: &serde_json::Value| {
        let channels = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let confirms = |channel: &&serde_json::Value| channel["confirm"] == json!(true);
        channels.iter().filter(confirms).count()
    };
    let limit = Duration::from_secs(30);
    let list = vhost
        .management()
        .wait_for(&path, limit, |list| confirming(list) >= 2)
        .await
        .unwrap();
    assert_eq!(confirming(&list), 2);
    close(&client).await;
}
