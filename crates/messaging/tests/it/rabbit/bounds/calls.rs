//! More calls than may wait.

use std::time::{Duration, Instant};

use bergen_messaging::driver::Finding;
use bergen_messaging::rpc::RpcServer;
use bergen_messaging::target::ServerTarget;
use bergen_testbed::TestVhost;

use super::*;

/// Makes so many calls at once; yields how they ended, and how many KiB the process had grown when as many waited as
/// may, which `all_wait` tells.
async fn crowd(
    client: &PreparedClient,
    count: usize,
    all_wait: impl Future<Output = ()>,
) -> (Outcomes, usize) {
    let before = resident();
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        tasks.spawn(async move {
            let start = Instant::now();
            let call = client.call::<()>(&Context::default(), "wait", &arguments());
            (call.await, start.elapsed())
        });
    }
    all_wait.await;
    let grown = growth_since(before);
    (Outcomes::of(tasks).await, grown)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_a_dead_server_are_bounded_and_end_at_their_deadline() {
    let (limit, more) = (size(2_000, 100_000), size(1_000, 10_000));
    let deadline = Duration::from_secs(size(6, 90) as u64);
    let vhost = TestVhost::new("dead-server").await.unwrap();
    let url = format!(
        "{}?bergen_max_waiting_calls={limit}&bergen_max_waiting_bytes=2147483648",
        vhost.url()
    );
    let calling = transport(&url);
    // Its queue is there, its server is not.
    let dying = transport(&vhost.url());
    let server = || {
        RpcServer::builder(&dying, ServerTarget::new("compute", "one"))
            .ping(true)
            .build()
    };
    let alive = server();
    alive.start().await.unwrap();
    let client = client(&calling).timeout(deadline);
    ping(&client).await.unwrap();
    alive.stop().await.unwrap();
    alive.wait().await.unwrap();

    let mut left = Vec::new();
    let before = resident();
    for round in 0..2 {
        let management = vhost.management();
        management
            .purge_queue(vhost.name(), "compute")
            .await
            .unwrap();
        let all_wait = wait_for_messages(&vhost, "compute", limit);
        let (outcomes, grown) = crowd(&client, limit + more, all_wait).await;
        println!(
            "round {round}: {limit} calls wait in {grown} KiB, {} bytes each; {} were refused",
            grown * 1024 / limit,
            outcomes.overloaded,
        );
        assert_eq!(outcomes.overloaded, more);
        outcomes.ended_at(deadline);
        for (error, _) in &outcomes.others {
            let SendError::Timeout(timeout) = error else {
                panic!("{error}");
            };
            let queue = "compute".to_owned();
            assert_eq!(timeout.findings, [Finding::NoConsumer { queue }]);
        }
        assert!(grown * 1024 / limit < 12 * 1024, "{grown} KiB");
        left.push(growth_since(before));
    }
    println!("left over after each round: {left:?} KiB");
    assert!(left[1] < left[0] + left[0] / 4 + 4096, "{left:?} KiB");

    vhost
        .management()
        .purge_queue(vhost.name(), "compute")
        .await
        .unwrap();
    let alive = server();
    alive.start().await.unwrap();
    ping(&client).await.unwrap();
    alive.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_without_any_broker_are_bounded_too() {
    let (limit, more) = (size(2_000, 100_000), size(1_000, 10_000));
    let deadline = Duration::from_secs(size(3, 30) as u64);
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let url = format!("rabbit://127.0.0.1:{port}/?bergen_max_waiting_calls={limit}");
    let calling = transport(&url);
    let client = client(&calling).timeout(deadline);
    let all_wait = tokio::time::sleep(deadline / 2);
    let (outcomes, grown) = crowd(&client, limit + more, all_wait).await;
    println!(
        "{limit} calls wait for a broker in {grown} KiB, {} bytes each",
        grown * 1024 / limit
    );
    assert_eq!(outcomes.overloaded, more);
    outcomes.ended_at(deadline);
    for (error, _) in &outcomes.others {
        assert!(
            matches!(error, SendError::Timeout(timeout)
                if matches!(*timeout.findings, [Finding::NotConnected { .. }])),
            "{error}"
        );
    }
}
