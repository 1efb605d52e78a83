//! Sets of options for brokers that want every queue durable or exclusive.

use bergen_messaging::driver::{Driver, NotifyOptions};
use bergen_messaging::notify::{Notification, Priority};
use bergen_messaging::wire::RawJson;
use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use super::harness::*;

/// The queues of a server, a client and a notifier that are neither durable nor exclusive.
async fn transient_queues(name: &str, query: &str) -> (usize, Vec<Value>) {
    let vhost = TestVhost::new(name).await.unwrap();
    let server = Server::start(&format!("{}?{query}", vhost.url()), "compute", "one").await;
    let driver = &server.driver;
    result(driver, &topic("compute"), &request("echo", "{}")).await;
    cast(
        driver,
        &topic("compute").with_fanout(true),
        &request("all", "{}"),
    )
    .await;
    server.wait_for_method("all").await;
    let event = Notification::new("compute.host-1", "create", Priority::Info, RawJson::null());
    let target = topic("notifications");
    let sent = driver.send_notification(&target, "info", &event, NotifyOptions::default());
    sent.await.unwrap();
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let count = queues.len();
    let transient =
        |queue: &Value| queue["durable"] == json!(false) && queue["exclusive"] == json!(false);
    let found = queues
        .into_iter()
        .filter(transient)
        .map(|queue| queue["name"].clone());
    let found = found.collect();
    server.stop().await;
    (count, found)
}

#[tokio::test]
async fn no_queue_is_lost_with_the_broker_under_the_durable_sets() {
    let classic = "amqp_durable_queues=true&bergen_durable_transient_queues=true";
    assert_eq!(
        transient_queues("durable-classic", classic).await,
        (5, vec![])
    );
    let quorum = "rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true";
    assert_eq!(
        transient_queues("durable-quorum", quorum).await,
        (5, vec![])
    );
    // The comparison can fail.
    let (count, found) = transient_queues("durable-default", "").await;
    assert_eq!((count, found.len()), (5, 5));
    let (_, found) = transient_queues("durable-half", "amqp_durable_queues=true").await;
    assert_eq!(found.len(), 2, "{found:?}");
}
