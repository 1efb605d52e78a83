//! A broker that blocks, or answers no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bergen_messaging::driver::{CastOptions, Driver, Finding, SendError};
use bergen_testbed::{Direction, FaultProxy, TestVhost};
use tokio::time::Instant;

use super::harness::*;

/// `connection.blocked` for the reason "low".
const BLOCKED: &[u8] = &[1, 0, 0, 0, 0, 0, 8, 0, 10, 0, 60, 3, b'l', b'o', b'w', 0xCE];
/// `connection.unblocked`.
const UNBLOCKED: &[u8] = &[1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 61, 0xCE];

#[tokio::test]
async fn what_was_given_up_while_the_broker_blocked_is_not_executed_afterwards() {
    let vhost = TestVhost::new("blocked").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    // With heartbeats each second there are frames to put others behind.
    let url = format!(
        "{}?heartbeat_timeout_threshold=2",
        through(&vhost.url(), &proxy)
    );
    let client = driver(&url);
    let target = topic("compute");
    result(&client, &target, &request("echo", "{}")).await;
    let said = Arc::new(AtomicU8::new(0));
    proxy.mutate(Direction::ToClient, {
        let said = Arc::clone(&said);
        move |bytes| {
            if bytes.last() == Some(&0xCE) {
                bytes.extend_from_slice(match said.load(Ordering::Relaxed) {
                    0 => &[],
                    1 => BLOCKED,
                    _ => UNBLOCKED,
                });
            }
        }
    });
    said.store(1, Ordering::Relaxed);
    let soon = || {
        let mut options = CastOptions::default();
        options.deadline = Some(Instant::now() + Duration::from_millis(300));
        options
    };
    let maybe = request("maybe", "{}");
    while client.cast(&target, &maybe, soon()).await.is_ok() {}
    let late = request("late", "{}");
    let error = call(&client, &target, &late, Duration::from_millis(300)).await;
    let SendError::Timeout(timeout) = error.unwrap_err() else {
        panic!("no timeout")
    };
    let reason = "low".to_owned();
    assert_eq!(timeout.findings, [Finding::Blocked { reason }]);
    client.cast(&target, &late, soon()).await.unwrap_err();
    said.store(2, Ordering::Relaxed);
    cast(&client, &target, &request("last", "{}")).await;
    server.wait_for_method("last").await;
    let seen = server.wait_for(1).await;
    assert!(seen.iter().all(|seen| seen.method != "late"), "{seen:?}");
    assert_eq!(client.stats().reconnects, 0);
}

#[tokio::test]
async fn a_monitored_call_is_not_missed_before_the_broker_has_it() {
    let vhost = TestVhost::new("unheard").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let _server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&through(&vhost.url(), &proxy));
    let target = topic("compute");
    result(&client, &target, &request("echo", "{}")).await;
    proxy.hold(Direction::ToServer, true);
    let waiting = tokio::spawn({
        let (client, target) = (Arc::clone(&client), target.clone());
        let mut pulse = request("pulse", r#"{"ms": 800}"#);
        pulse.monitor = Some(Duration::from_millis(500));
        async move { call(&client, &target, &pulse, Duration::from_secs(20)).await }
    });
    // Longer than its keep-alives may stay away.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished());
    proxy.hold(Direction::ToServer, false);
    waiting.await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_listener_stops_and_closes_although_the_broker_answers_no_more() {
    let vhost = TestVhost::new("mute").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let mut server = Server::start(&through(&vhost.url(), &proxy), "compute", "one").await;
    proxy.hold(Direction::ToServer, true);
    let listener = server.listener.take().unwrap();
    let ended = async {
        listener.stop().await;
        listener.close().await;
    };
    tokio::time::timeout(Duration::from_secs(13), ended)
        .await
        .expect("it waits for the broker");
}
