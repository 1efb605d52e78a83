//! Entities that somebody else declared otherwise.

use std::time::Duration;

use bergen_messaging::driver::{Driver, NotifyOptions};
use bergen_messaging::notify::{Notification, Priority};
use bergen_messaging::wire::RawJson;
use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use super::harness::*;

/// The prefetch of every consumer of a virtual host.
async fn prefetches(vhost: &TestVhost, count: usize) -> Vec<Value> {
    let path = format!("consumers/{}", vhost.name());
    let consumers = vhost
        .management()
        .wait_for(&path, Duration::from_secs(15), |list| {
            list.as_array().is_some_and(|list| list.len() == count)
        });
    let consumers = consumers.await.unwrap();
    let consumers = consumers.as_array().unwrap();
    consumers
        .iter()
        .map(|consumer| consumer["prefetch_count"].clone())
        .collect()
}

/// An exchange that is not durable, as any service with default options leaves it.
async fn with_exchange(name: &str) -> TestVhost {
    let vhost = TestVhost::new(name).await.unwrap();
    let client = driver(&vhost.url());
    cast(&client, &topic("elsewhere"), &request("nobody", "{}")).await;
    close(&client).await;
    vhost
}

#[tokio::test]
async fn the_prefetch_survives_an_exchange_that_exists_otherwise() {
    let vhost = with_exchange("mismatch-prefetch").await;
    let url = format!(
        "{}?amqp_durable_queues=true&rabbit_qos_prefetch_count=7",
        vhost.url()
    );
    let _server = Server::start(&url, "compute", "one").await;
    assert_eq!(prefetches(&vhost, 3).await, [json!(7), json!(7), json!(7)]);
    // As the peer: where the exchange is not durable the queues are not either.
    let queue = vhost
        .management()
        .queue(vhost.name(), "compute")
        .await
        .unwrap();
    assert_eq!(queue["durable"], json!(false));
}

#[tokio::test]
async fn the_option_for_the_prefetch_lowers_that_of_servers_and_sets_that_of_replies() {
    let vhost = TestVhost::new("prefetch").await.unwrap();
    let url = format!("{}?rabbit_qos_prefetch_count=7", vhost.url());
    let server = Server::start(&url, "compute", "one").await;
    result(&server.driver, &topic("compute"), &request("echo", "{}")).await;
    assert_eq!(prefetches(&vhost, 4).await, vec![json!(7); 4]);
    close(&server.driver).await;
    // More than the server has room for is not asked for.
    let vhost = TestVhost::new("prefetch-more").await.unwrap();
    let _server = Server::start(
        &format!("{}?rabbit_qos_prefetch_count=1000", vhost.url()),
        "compute",
        "one",
    )
    .await;
    assert_eq!(prefetches(&vhost, 3).await, vec![json!(128); 3]);
}

#[tokio::test]
async fn a_notification_gets_through_an_exchange_that_is_less_durable() {
    let vhost = with_exchange("mismatch-notify").await;
    let client = driver(&format!("{}?amqp_durable_queues=true", vhost.url()));
    let event = Notification::new("compute.host-1", "create", Priority::Info, RawJson::null());
    let target = topic("notifications");
    let sent = client.send_notification(&target, "info", &event, NotifyOptions::default());
    tokio::time::timeout(Duration::from_secs(10), sent)
        .await
        .unwrap()
        .unwrap();
    let management = vhost.management();
    let kept = management
        .take(vhost.name(), "notifications.info", 1)
        .await
        .unwrap();
    assert_eq!(kept.len(), 1);
    let queue = management
        .queue(vhost.name(), "notifications.info")
        .await
        .unwrap();
    assert_eq!(queue["durable"], json!(false));
}

#[tokio::test]
async fn a_fanout_to_an_exchange_that_vanished_declares_it_again_and_arrives() {
    let vhost = TestVhost::new("fanout-vanished").await.unwrap();
    let client = driver(&vhost.url());
    let target = topic("compute").with_fanout(true);
    for round in 0..3 {
        let server = Server::start(&vhost.url(), "compute", "one").await;
        cast(&client, &target, &request("heard", "{}")).await;
        server.wait_for_method("heard").await;
        server.stop().await;
        let exchanges = vhost.management().exchanges(vhost.name()).await.unwrap();
        let gone = !exchanges
            .iter()
            .any(|exchange| exchange["name"] == json!("compute_fanout"));
        assert!(gone, "round {round}: the exchange ends with its last queue");
        // The peer fails here, once.
        cast(&client, &target, &request("nobody", "{}")).await;
    }
    assert_eq!(client.stats().reconnects, 0);
}
