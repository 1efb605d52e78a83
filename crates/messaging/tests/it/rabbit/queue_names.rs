//! `use_queue_manager`: reply and fanout queues that a service finds again.

use std::sync::Arc;

use bergen_config::Source;
use bergen_messaging::drivers::rabbit::RabbitDriver;
use bergen_messaging::options::{CONCURRENCY_GROUP, RabbitOptions, defaults};
use bergen_messaging::url::TransportUrl;
use bergen_testbed::TestVhost;

use super::harness::*;

/// A process name of the test's own; its counter is removed in the end.
struct Named {
    process: String,
    locks: std::path::PathBuf,
}

impl Named {
    fn new() -> Self {
        let process = format!("names-{}-{}", std::process::id(), fastrand::u32(..));
        let locks = std::env::temp_dir().join(format!("bergen-{process}"));
        Self { process, locks }
    }

    fn driver(&self, vhost: &TestVhost) -> Arc<RabbitDriver> {
        let url = format!(
            "{}?use_queue_manager=true&hostname=node1&processname={}",
            vhost.url(),
            self.process
        );
        let url: TransportUrl = url.parse().unwrap();
        let mut options = defaults();
        let locks = self.locks.to_str().unwrap();
        options
            .set(CONCURRENCY_GROUP, "lock_path", locks, Source::Code)
            .unwrap();
        let options = RabbitOptions::new(&options, &url).unwrap();
        Arc::new(RabbitDriver::new(&url, EXCHANGE, &options).unwrap())
    }

    fn name(&self, start: &str, counter: u32) -> String {
        format!("{start}_node1:{}:{counter}", self.process)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("/dev/shm/node1_{}_qmanager", self.process));
        let _ = std::fs::remove_dir_all(&self.locks);
    }
}

async fn queues(vhost: &TestVhost) -> Vec<String> {
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let mut names: Vec<_> = queues
        .iter()
        .map(|queue| queue["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn steady_queues_are_named_in_the_order_of_their_use_and_stay_after_a_close() {
    let named = Named::new();
    let vhost = TestVhost::new("steady-names").await.unwrap();
    let server = Server::on(named.driver(&vhost), "compute", "one").await;
    let (fanout, reply) = (named.name("compute_fanout", 1), named.name("reply", 2));
    result(&server.driver, &topic("compute"), &request("echo", "{}")).await;
    let mut expected = vec![
        "compute".to_owned(),
        "compute.one".to_owned(),
        fanout,
        reply,
    ];
    assert_eq!(queues(&vhost).await, expected);
    server.stop().await;
    assert_eq!(queues(&vhost).await, expected);
    // The next of the same generation has names of its own.
    let server = Server::on(named.driver(&vhost), "compute", "one").await;
    expected.insert(3, named.name("compute_fanout", 3));
    assert_eq!(queues(&vhost).await, expected);
    server.stop().await;
}

/// As after a restart of the service: another process group stands in the file.
#[tokio::test]
async fn a_restarted_service_gets_its_old_queues_back_with_what_they_hold() {
    let named = Named::new();
    let vhost = TestVhost::new("steady-restart").await.unwrap();
    Server::on(named.driver(&vhost), "compute", "one")
        .await
        .stop()
        .await;
    let client = driver(&vhost.url());
    cast(
        &client,
        &topic("compute").with_fanout(true),
        &request("missed", "{}"),
    )
    .await;
    let counter = format!("/dev/shm/node1_{}_qmanager", named.process);
    std::fs::write(&counter, "1:1:1").unwrap();
    let server = Server::on(named.driver(&vhost), "compute", "one").await;
    assert_eq!(server.wait_for(1).await[0].method, "missed");
    assert_eq!(queues(&vhost).await.len(), 3);
    server.stop().await;
}
