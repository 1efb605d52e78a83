//! Methods that block the runtime's only thread.

use std::thread;
use std::time::Duration;

use bergen_testbed::TestVhost;

use super::harness::*;

/// More than three heartbeats of a second.
const BLOCKED: Duration = Duration::from_millis(3500);

/// How often client and server had to connect again.
async fn reconnects(option: &str) -> u64 {
    let vhost = TestVhost::new("io-thread").await.unwrap();
    let url = format!("{}?heartbeat_timeout_threshold=1&{option}", vhost.url());
    let _server = Server::start(&url, "compute", "one").await;
    let client = driver(&url);
    let target = topic("compute");
    result(&client, &target, &request("echo", "{}")).await;
    // As a method would that computes.
    thread::sleep(BLOCKED);
    tokio::time::sleep(Duration::from_millis(200)).await;
    result(&client, &target, &request("echo", "{}")).await;
    client.stats().reconnects
}

#[tokio::test]
async fn a_method_that_blocks_the_only_thread_for_three_heartbeats_loses_no_connection() {
    assert_eq!(reconnects("bergen_io_thread=true").await, 0);
    assert!(reconnects("bergen_io_thread=false").await > 0);
}
