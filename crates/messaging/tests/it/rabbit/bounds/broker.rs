//! A broker that takes nothing: publishes wait for their deadline, and no more of them than fit.

use std::time::{Duration, Instant};

use bergen_messaging::driver::{Bound, Finding};
use bergen_testbed::{Direction, FaultProxy, RabbitNode, TestVhost};

use super::super::harness::through;
use super::*;

/// What a waiting message counts besides its body.
const OVERHEAD: usize = 4096;

/// Casts so many messages at once.
async fn crowd(client: &PreparedClient, count: usize, arguments: &serde_json::Value) -> Outcomes {
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let start = Instant::now();
        let cast = client.cast(&Context::default(), "nothing", arguments);
        tasks.spawn(async move { (cast.await, start.elapsed()) });
    }
    Outcomes::of(tasks).await
}

async fn echo(client: &PreparedClient) {
    let echo = client.call::<serde_json::Value>(&Context::default(), "echo", &arguments());
    echo.await.unwrap();
}

/// A server's queue, so that what is published goes somewhere.
async fn make_queue(vhost: &TestVhost) {
    let server = super::super::harness::Server::start(&vhost.url(), "compute", "one").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn casts_to_a_broker_that_stops_reading_are_bounded_in_bytes_and_time() {
    let vhost = TestVhost::new("deaf").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    make_queue(&vhost).await;
    let limit = size(8 << 20, 256 << 20);
    let deadline = Duration::from_secs(size(3, 20) as u64);
    let url = through(&vhost.url(), &proxy);
    let casting = transport(&format!("{url}?bergen_max_waiting_bytes={limit}"));
    let client = client(&casting).cast_timeout(Some(deadline));
    let arguments = serde_json::json!({"disk": "x".repeat(16 * 1024)});
    let cast = async || {
        let cast = client.cast(&Context::default(), "nothing", &arguments);
        cast.await.unwrap();
    };
    cast().await;

    let count = 2 * limit / (16 * 1024);
    proxy.hold(Direction::ToServer, true);
    let (outcomes, grown) = peak(crowd(&client, count, &arguments)).await;
    let waited = outcomes.others.len();
    println!(
        "of {count} casts of 16 KiB {waited} waited; {grown} KiB more, all arguments included"
    );
    let fits = limit / (16 * 1024 + OVERHEAD);
    assert!(
        (fits * 9 / 10..=fits).contains(&waited),
        "{waited} of {fits}"
    );
    outcomes.ended_at(deadline);
    for (error, _) in &outcomes.others {
        assert!(
            matches!(error, SendError::DeliveryFailure { .. }),
            "{error}"
        );
    }
    let room = Bound::WaitingBytes(limit);
    assert!(
        SendError::Overloaded(room)
            .to_string()
            .contains("wait for the broker")
    );

    // Nothing is left of those that were given up.
    proxy.hold(Direction::ToServer, false);
    cast().await;
    casting.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_throttled_takes_what_waits_in_its_time() {
    let vhost = TestVhost::new("throttled").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    make_queue(&vhost).await;
    let url = through(&vhost.url(), &proxy);
    let casting = transport(&format!("{url}?heartbeat_timeout_threshold=2"));
    let client = client(&casting);
    flood(&client, "nothing", 1, 1).await;
    // Some 600 messages a second; heartbeats have to get through between them.
    proxy.throttle(Direction::ToServer, Some(400_000));
    let count = size(3_000, 30_000);
    let ((), grown) = peak(flood(&client, "nothing", count, 500)).await;
    println!("{count} casts to a slow broker: {grown} KiB more");
    wait_for_messages(&vhost, "compute", count + 1).await;
    assert_eq!(proxy.accepted(), 1, "the connection was lost");
    // Others that run in this process grow, too.
    assert!(grown < 64 * 1024, "{grown} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_frozen_costs_each_message_its_deadline_and_nothing_else() {
    let mut node = RabbitNode::start_default().await.unwrap();
    let casting = transport(&format!(
        "{}?heartbeat_timeout_threshold=2&bergen_max_waiting_bytes=1048576&bergen_max_waiting_calls=100",
        node.url("/")
    ));
    let client = client(&casting).timeout(Duration::from_secs(20));
    let server = super::super::harness::Server::start(&node.url("/"), "compute", "one").await;
    echo(&client).await;

    node.pause().unwrap();
    // Longer than the connections live without a sign of life.
    let deadline = Duration::from_secs(7);
    let brief = client
        .prepare()
        .timeout(deadline)
        .cast_timeout(Some(deadline));
    let calls = async {
        let mut tasks = JoinSet::new();
        for _ in 0..200 {
            let client = brief.clone();
            tasks.spawn(async move {
                let start = Instant::now();
                let call = client.call::<()>(&Context::default(), "echo", &arguments());
                (call.await, start.elapsed())
            });
        }
        Outcomes::of(tasks).await
    };
    let body = arguments();
    let (calls, casts) = tokio::join!(calls, crowd(&brief, 1000, &body));
    println!(
        "frozen: {} calls and {} casts were refused",
        calls.overloaded, casts.overloaded
    );
    assert!(calls.overloaded >= 100, "{}", calls.overloaded);
    // Each counts its body, of which the arguments are most, and the overhead.
    let fits = 1_048_576 / (OVERHEAD + 400);
    assert!(casts.overloaded >= 1000 - fits, "{}", casts.overloaded);
    for outcomes in [&calls, &casts] {
        outcomes.ended_at(deadline);
        assert!(!outcomes.others.is_empty());
    }
    for (error, _) in &calls.others {
        assert!(error.is_timeout(), "{error}");
    }

    node.resume().unwrap();
    echo(&client).await;
    server.stop().await;
    casting.close(Duration::from_secs(5)).await;
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_memory_alarm_messages_wait_and_say_why() {
    let mut node = RabbitNode::start_default().await.unwrap();
    let proxy = FaultProxy::to_port(node.port()).await.unwrap();
    let casting = transport(&format!(
        "{}?heartbeat_timeout_threshold=2&bergen_max_waiting_bytes=1048576",
        through(&node.url("/"), &proxy)
    ));
    let client = client(&casting).timeout(Duration::from_secs(20));
    let server = super::super::harness::Server::start(&node.url("/"), "compute", "one").await;
    echo(&client).await;
    assert_eq!(proxy.accepted(), 2);

    node.memory_alarm(true).await.unwrap();
    let deadline = Duration::from_secs(6);
    let brief = client
        .prepare()
        .timeout(deadline)
        .cast_timeout(Some(deadline));
    let call = async {
        let error = brief
            .call::<()>(&Context::default(), "echo", &arguments())
            .await;
        error.unwrap_err()
    };
    let body = arguments();
    let (call, casts) = tokio::join!(call, crowd(&brief, 1000, &body));
    let CallError::Send(SendError::Timeout(timeout)) = call else {
        panic!("{call}");
    };
    assert!(
        matches!(*timeout.findings, [Finding::Blocked { .. }]),
        "{timeout}"
    );
    casts.ended_at(deadline);
    assert!(casts.overloaded > 500, "{}", casts.overloaded);
    for (error, _) in &casts.others {
        assert!(
            error.to_string().contains("the broker blocks publishing"),
            "{error}"
        );
    }

    // Blocked for three heartbeats, the connections are the same, and what comes next gets through.
    node.memory_alarm(false).await.unwrap();
    echo(&client).await;
    assert_eq!(proxy.accepted(), 2, "a connection was lost");
    assert_eq!(server.driver.stats().reconnects, 0);
    server.stop().await;
    casting.close(Duration::from_secs(5)).await;
    node.stop().await.unwrap();
}
