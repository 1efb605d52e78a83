//! More comes in than can be handled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcServer};
use bergen_messaging::target::{EndpointTarget, ServerTarget};
use bergen_messaging::wire::{Charset, Id, Outcome, RawJson, encode_reply};
use bergen_testbed::{Direction, FaultProxy, TestVhost};
use tokio::sync::Semaphore;

use super::super::harness::{Server, driver, request, result, through, topic};
use super::*;

/// Handlers that run at once.
const LIMIT: usize = 4;

/// A server whose method `wait` ends as soon as the semaphore lets it.
pub(super) async fn slow_server(
    transport: &RpcTransport,
    limit: usize,
) -> (RpcServer, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("wait", {
        let gate = Arc::clone(&gate);
        move |_: Call| {
            let gate = Arc::clone(&gate);
            async move {
                let passed = gate.acquire().await;
                passed
                    .map(tokio::sync::SemaphorePermit::forget)
                    .map_err(|error| MethodError::runtime_error(error.to_string()))
            }
        }
    });
    let server = RpcServer::builder(transport, ServerTarget::new("compute", "one"))
        .endpoint(endpoint)
        .limit(limit)
        .build();
    server.start().await.unwrap();
    (server, gate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_casts_stays_with_the_broker_while_handlers_are_slow() {
    let count = size(5_000, 1_000_000);
    let vhost = TestVhost::new("flood").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let url = through(&vhost.url(), &proxy);
    let serving = transport(&format!("{url}?heartbeat_timeout_threshold=2"));
    let (server, gate) = slow_server(&serving, LIMIT).await;
    let casting = transport(&vhost.url());
    let client = client(&casting);
    // What a first message allocates is no growth.
    flood(&client, "wait", 1, 1).await;

    let start = Instant::now();
    let ((), grown) = peak(flood(&client, "wait", count - 1, 64)).await;
    let took = start.elapsed();
    wait_for_messages(&vhost, "compute", count - LIMIT).await;
    let stats = server.stats();
    println!("{count} casts in {took:.1?}: {grown} KiB more; {stats:?}");
    assert_eq!(stats.dispatched, LIMIT as u64);
    assert!(stats.received <= (LIMIT + 2 * LIMIT) as u64, "{stats:?}");
    assert!(grown < 24 * 1024, "{grown} KiB");

    // The connection was kept, and is: heartbeats go out although nothing else does.
    for _ in 0..4 {
        let before = proxy.forwarded(Direction::ToServer);
        let beat = async {
            while proxy.forwarded(Direction::ToServer) == before {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let beat = tokio::time::timeout(Duration::from_secs(5), beat);
        beat.await.expect("no heartbeat");
    }
    assert_eq!(proxy.accepted(), 1, "the connection was lost");

    // What waited is taken as handlers get free.
    gate.add_permits(LIMIT);
    wait_for_messages(&vhost, "compute", count - 2 * LIMIT).await;
    assert_eq!(server.stats().dispatched, 2 * LIMIT as u64);
    gate.close();
    vhost
        .management()
        .purge_queue(vhost.name(), "compute")
        .await
        .unwrap();
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_replies_for_nobody_leaves_nothing_behind() {
    let count = size(20_000, 1_000_000);
    let vhost = TestVhost::new("replies").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    result(&client, &topic("compute"), &request("echo", "{}")).await;
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let mut names = queues.iter().filter_map(|queue| queue["name"].as_str());
    let queue: String = names
        .find(|name| name.starts_with("reply_"))
        .unwrap()
        .into();

    let mut peer = RawPeer::new(&vhost).await;
    let outcome = Outcome::Result(RawJson::encode(&arguments()).unwrap());
    let ((), grown) = peak(async {
        for _ in 0..count {
            let msg_id = Id::new().to_string();
            let body = encode_reply(&msg_id, &outcome, Id::new(), Charset::default());
            peer.publish("", &queue, body).await;
        }
        let taken = async {
            while client.stats().unknown_replies < count as u64 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let taken = tokio::time::timeout(patience(), taken);
        taken.await.expect("replies stayed with the broker");
    })
    .await;
    println!("{count} replies for nobody: {grown} KiB more");
    assert_eq!(client.stats().unknown_replies, count as u64);
    assert!(grown < 24 * 1024, "{grown} KiB");
    result(&client, &topic("compute"), &request("echo", "{}")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_waiting_requests_do_not_gather_while_handlers_hang() {
    let losses = size(8, 100);
    let vhost = TestVhost::new("hanging").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let url = through(&vhost.url(), &proxy);
    // One host, lost again and again: without pauses that grow.
    let url =
        format!("{url}?kombu_reconnect_delay=0.05&rabbit_retry_interval=1&rabbit_interval_max=1");
    let serving = transport(&url);
    let (server, _gate) = slow_server(&serving, LIMIT).await;
    let casting = transport(&vhost.url());
    flood(&client(&casting), "wait", 100, 10).await;
    let waiting = || {
        let stats = server.stats();
        stats.received - stats.dispatched - stats.lost_before_start - stats.duplicates
    };
    let full = 2 * LIMIT as u64;
    for loss in 0..losses {
        let again = async {
            // As many as before, and none of them of the connection before.
            while server.stats().received < (LIMIT as u64) + (loss as u64 + 1) * full
                || waiting() != full
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let again = tokio::time::timeout(Duration::from_secs(20), again).await;
        again.unwrap_or_else(|_| panic!("loss {loss}: {:?}", server.stats()));
        proxy.cut();
    }
    assert_eq!(server.stats().dispatched, LIMIT as u64);
    drop(server);
}
