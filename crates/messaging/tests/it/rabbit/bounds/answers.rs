//! Answers that cannot go out.

use std::time::Duration;

use bergen_messaging::rpc::RpcServer;
use bergen_messaging::target::ServerTarget;
use bergen_messaging::wire::Id;
use bergen_testbed::TestVhost;

use super::*;

/// Answers that may wait, by default.
const ANSWERS: usize = 1024;
const LIMIT: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes_are_bounded_and_given_up_in_their_time() {
    let count = size(3_000, 100_000);
    let vhost = TestVhost::new("unanswered").await.unwrap();
    // Each answer is tried for 3 s; the default is a minute.
    let url = format!("{}?kombu_missing_consumer_retry_timeout=3", vhost.url());
    let serving = transport(&url);
    let server = RpcServer::builder(&serving, ServerTarget::new("compute", "one"))
        .ping(true)
        .limit(LIMIT)
        .build();
    server.start().await.unwrap();
    let calling = transport(&vhost.url());
    let client = client(&calling);
    ping(&client).await.unwrap();

    // Callers that are gone, each with a reply queue of its own.
    let mut peer = RawPeer::new(&vhost).await;
    let ((), grown) = peak(async {
        for number in 0..count {
            let request = serde_json::json!({
                "method": "oslo_rpc_server_ping",
                "args": {},
                "_msg_id": Id::new().to_string(),
                "_reply_q": format!("reply_gone_{number}"),
                "_unique_id": Id::new().to_string(),
            });
            let body =
                serde_json::json!({"oslo.version": "2.0", "oslo.message": request.to_string()});
            peer.publish("openstack", "compute", body.to_string()).await;
        }
        peer.settle(peer.unconfirmed.len()).await;
    })
    .await;
    let most = (ANSWERS + LIMIT) as u64;
    let mut waiting_at_most = 0;
    let drained = async {
        loop {
            let stats = server.stats();
            let waiting = stats.dispatched - stats.replies - stats.failed_replies;
            waiting_at_most = waiting_at_most.max(waiting);
            if stats.failed_replies == count as u64 {
                return stats;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let stats = tokio::time::timeout(patience(), drained)
        .await
        .expect("answers were held for ever");
    println!("{count} answers for nobody: {waiting_at_most} waited at once; {grown} KiB more");
    assert!(waiting_at_most <= most, "{waiting_at_most} of {most}");
    assert!(waiting_at_most > most / 2, "{waiting_at_most} of {most}");
    assert_eq!(stats.dispatched, count as u64 + 1);
    assert!(grown < 24 * 1024, "{grown} KiB");
    ping(&client).await.unwrap();
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}
