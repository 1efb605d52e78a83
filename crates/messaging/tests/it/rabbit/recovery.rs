//! Connections that are cut and queues that are deleted, on the shared broker.

use std::time::Duration;

use bergen_messaging::driver::{CallOptions, CastOptions, Driver, Finding, Retry, SendError};
use bergen_testbed::{Direction, FaultProxy, TestVhost};
use tokio::time::Instant;

use super::harness::*;

async fn proxied(name: &str) -> (TestVhost, FaultProxy, String) {
    let vhost = TestVhost::new(name).await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let url = through(&vhost.url(), &proxy);
    (vhost, proxy, url)
}

/// Breaks all connections off and only then lets bytes pass again: what was held back is lost.
pub(super) async fn cut_and_heal(proxy: &FaultProxy) {
    proxy.refuse(true);
    proxy.cut();
    while proxy.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.heal();
}

async fn transient_queues(vhost: &TestVhost) -> Vec<String> {
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let names = queues
        .iter()
        .map(|queue| queue["name"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with("reply_") || name.contains("_fanout_"))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn service_resumes_with_the_same_names_after_every_connection_was_cut() {
    let (vhost, proxy, url) = proxied("cut").await;
    let server = Server::start(&url, "compute", "one").await;
    let client = driver(&url);
    assert_eq!(
        result(&client, &topic("compute"), &request("echo", "{}")).await,
        "{}"
    );
    let before = transient_queues(&vhost).await;
    assert_eq!(before.len(), 2);
    for _ in 0..3 {
        proxy.cut();
        assert_eq!(
            result(&client, &topic("compute"), &request("echo", "{}")).await,
            "{}"
        );
        cast(
            &client,
            &topic("compute").with_fanout(true),
            &request("all", "{}"),
        )
        .await;
    }
    let seen = server.wait_for_distinct(7).await;
    assert_eq!(
        seen.iter().filter(|seen| seen.method == "all").count(),
        3,
        "{seen:?}"
    );
    assert_eq!(transient_queues(&vhost).await, before);
    assert_eq!(client.stats().reconnects, 6);
    assert_eq!(client.stats().reply_queues_recreated, 0);
}

#[tokio::test]
async fn a_pending_call_goes_on_waiting_while_both_sides_reconnect() {
    let (_vhost, proxy, url) = proxied("pending").await;
    let server = Server::start(&url, "compute", "one").await;
    let client = driver(&url);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { result(&client, &topic("compute"), &request("hold", r#"{"a": 1}"#)).await }
    });
    server.wait_for(1).await;
    proxy.cut();
    server.release();
    assert_eq!(waiting.await.unwrap(), r#"{"a": 1}"#);
    assert_eq!(server.wait_for_distinct(1).await.len(), 1);
}

#[tokio::test]
async fn what_the_broker_did_not_confirm_goes_out_again_with_the_same_id() {
    let (vhost, proxy, url) = proxied("unconfirmed").await;
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&url);
    cast(&client, &topic("compute"), &request("first", "{}")).await;
    // The broker gets the cast, the client never hears of it.
    proxy.hold(Direction::ToClient, true);
    let casting = tokio::spawn({
        let client = client.clone();
        async move { cast(&client, &topic("compute"), &request("second", "{}")).await }
    });
    server.wait_for(2).await;
    cut_and_heal(&proxy).await;
    casting.await.unwrap();
    let seen = server.wait_for(3).await;
    assert_eq!(seen[1], seen[2]);
    assert_ne!(seen[0].unique_id, seen[1].unique_id);
    assert_eq!(client.stats().casts_republished, 1);
}

#[tokio::test]
async fn a_message_that_may_not_be_sent_again_fails_when_its_fate_is_unknown() {
    let (vhost, proxy, url) = proxied("no-retry").await;
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&url);
    cast(&client, &topic("compute"), &request("first", "{}")).await;
    proxy.hold(Direction::ToClient, true);
    let casting = tokio::spawn({
        let client = client.clone();
        async move {
            let mut options = CastOptions::default();
            options.retry = Retry::Times(0);
            client
                .cast(&topic("compute"), &request("second", "{}"), options)
                .await
        }
    });
    server.wait_for(2).await;
    cut_and_heal(&proxy).await;
    let error = casting.await.unwrap().unwrap_err();
    assert!(
        matches!(error, SendError::DeliveryFailure { .. }),
        "{error:?}"
    );
    assert_eq!(client.stats().casts_republished, 0);
    let never = driver(&format!("{url}?bergen_republish=never"));
    cast(&never, &topic("compute"), &request("third", "{}")).await;
    proxy.hold(Direction::ToClient, true);
    let casting = tokio::spawn({
        let options = CastOptions::default();
        let fourth = request("fourth", "{}");
        async move { never.cast(&topic("compute"), &fourth, options).await }
    });
    server.wait_for(4).await;
    cut_and_heal(&proxy).await;
    let error = casting.await.unwrap().unwrap_err();
    assert!(
        matches!(error, SendError::DeliveryFailure { .. }),
        "{error:?}"
    );
    cast(&client, &topic("compute"), &request("fifth", "{}")).await;
    let methods: Vec<String> = server
        .wait_for(5)
        .await
        .into_iter()
        .map(|seen| seen.method)
        .collect();
    assert_eq!(methods, ["first", "second", "third", "fourth", "fifth"]);
}

#[tokio::test]
async fn the_deadline_of_a_call_covers_a_broker_that_is_away_or_silent() {
    let (_vhost, proxy, url) = proxied("away").await;
    let client = driver(&url);
    proxy.refuse(true);
    let start = Instant::now();
    let error = call(
        &client,
        &topic("compute"),
        &request("echo", "{}"),
        Duration::from_millis(600),
    )
    .await
    .unwrap_err();
    assert!(
        (550..1200).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
    let SendError::Timeout(timeout) = error else {
        panic!("{error:?}")
    };
    assert!(
        matches!(timeout.findings[..], [Finding::NotConnected { .. }]),
        "{timeout:?}"
    );

    let mut once = CallOptions::new(Instant::now() + Duration::from_secs(30));
    once.retry = Retry::Times(0);
    let start = Instant::now();
    let error = client
        .call(&topic("compute"), &request("echo", "{}"), once)
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Unreachable { .. }), "{error:?}");
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );

    proxy.heal();
    let _server = Server::start(&url, "compute", "one").await;
    assert_eq!(
        result(&client, &topic("compute"), &request("echo", "{}")).await,
        "{}"
    );
    proxy.hold(Direction::ToClient, true);
    let start = Instant::now();
    let error = call(
        &client,
        &topic("compute"),
        &request("echo", "{}"),
        Duration::from_millis(600),
    )
    .await
    .unwrap_err();
    assert!(
        (550..1200).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
    let SendError::Timeout(timeout) = error else {
        panic!("{error:?}")
    };
    assert_eq!(timeout.findings, [Finding::NotConfirmed]);
}

#[tokio::test]
async fn a_deleted_queue_is_declared_and_consumed_again_alone() {
    let vhost = TestVhost::new("deleted").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    let fanout = transient_queues(&vhost).await.remove(0);
    for (number, queue) in ["compute", "compute.one", fanout.as_str()]
        .into_iter()
        .enumerate()
    {
        vhost
            .management()
            .delete_queue(vhost.name(), queue)
            .await
            .unwrap();
        let restored = async {
            while server.driver.stats().consumers_restored <= number as u64 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), restored)
            .await
            .unwrap();
    }
    assert_eq!(
        result(&client, &topic("compute"), &request("echo", "{}")).await,
        "{}"
    );
    let target = topic("compute").with_server("one");
    assert_eq!(
        result(&client, &target, &request("whoami", "{}")).await,
        "\"one\""
    );
    cast(
        &client,
        &topic("compute").with_fanout(true),
        &request("all", "{}"),
    )
    .await;
    assert_eq!(server.wait_for(3).await[2].method, "all");
    assert_eq!(server.driver.stats().consumers_restored, 3);
    assert_eq!(server.driver.stats().reconnects, 0);
    assert!(transient_queues(&vhost).await.contains(&fanout));
}

#[tokio::test]
async fn a_deleted_reply_queue_comes_back_under_its_name() {
    let vhost = TestVhost::new("reply-deleted").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    result(&client, &topic("compute"), &request("echo", "{}")).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { result(&client, &topic("compute"), &request("hold", "{}")).await }
    });
    server.wait_for(2).await;
    let queues = transient_queues(&vhost).await;
    let reply_queue = queues
        .iter()
        .find(|queue| queue.starts_with("reply_"))
        .unwrap();
    vhost
        .management()
        .delete_queue(vhost.name(), reply_queue)
        .await
        .unwrap();
    server.release();
    assert_eq!(waiting.await.unwrap(), "{}");
    assert_eq!(transient_queues(&vhost).await, queues);
    assert_eq!(client.stats().reply_queues_recreated, 1);
}

#[tokio::test]
async fn a_call_soon_after_a_reconnect_waits_for_servers_that_come_back_later() {
    let (vhost, proxy, url) = proxied("slow-server").await;
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&url);
    result(&client, &topic("compute"), &request("echo", "{}")).await;
    server.stop().await;
    vhost
        .management()
        .delete_queue(vhost.name(), "compute")
        .await
        .unwrap();
    cut_and_heal(&proxy).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { result(&client, &topic("compute"), &request("echo", "[1]")).await }
    });
    // Longer than the grace that a call has otherwise.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let _server = Server::start(&vhost.url(), "compute", "one").await;
    assert_eq!(waiting.await.unwrap(), "[1]");
}

#[tokio::test]
async fn a_dropped_driver_leaves_no_connection_behind() {
    let (_vhost, proxy, url) = proxied("dropped-driver").await;
    let server = Server::start(&url, "compute", "one").await;
    let client = driver(&url);
    result(&client, &topic("compute"), &request("echo", "{}")).await;
    assert_eq!(proxy.connections(), 4);
    drop(client);
    drop(server);
    let gone = async {
        while proxy.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .expect("connections were left open");
}
