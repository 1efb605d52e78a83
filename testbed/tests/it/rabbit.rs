use std::time::Duration;

use bergen_testbed::{RabbitCluster, RabbitNode, TestVhost};
use serde_json::json;

#[tokio::test]
async fn a_vhost_is_there_for_a_test_and_gone_after_it() {
    let vhost = TestVhost::new("testbed").await.unwrap();
    let management = vhost.management();
    let name = vhost.name().to_owned();
    let options = json!({"durable": false, "auto_delete": false});
    management.declare_queue(&name, "q", options).await.unwrap();
    let routed = management.publish(&name, "", "q", json!({"headers": {"a": 1}}), "hello");
    assert!(routed.await.unwrap());
    assert!(
        !management
            .publish(&name, "", "none", json!({}), "hello")
            .await
            .unwrap()
    );
    let messages = management.take(&name, "q", 10).await.unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].body, "hello");
    assert_eq!(messages[0].properties["headers"]["a"], 1);
    assert_eq!(management.queues(&name).await.unwrap().len(), 1);
    drop(vhost);
    assert!(management.get(format!("vhosts/{name}")).await.is_err());
}

#[tokio::test]
async fn a_node_stops_starts_and_dies() {
    let mut node = RabbitNode::builder()
        .config("vm_memory_high_watermark.absolute = 512MiB")
        .start()
        .await
        .unwrap();
    let durable = json!({"durable": true});
    node.management()
        .declare_queue("/", "kept", durable)
        .await
        .unwrap();
    let url = node.url("");
    node.restart().await.unwrap();
    assert_eq!(node.url(""), url);
    assert_eq!(node.management().queues("/").await.unwrap().len(), 1);
    node.kill().await.unwrap();
    assert!(node.process_id().is_none());
    assert!(node.management().overview().await.is_err());
    node.start().await.unwrap();
    assert_eq!(
        node.management().queue("/", "kept").await.unwrap()["name"],
        "kept"
    );
    assert!(node.log().contains("Starting RabbitMQ"));
}

#[tokio::test]
async fn a_node_with_a_wrong_configuration_shows_its_last_words() {
    let started = RabbitNode::builder()
        .config("no.such.key = 1")
        .start()
        .await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("no.such.key"), "{error}");
}

#[tokio::test]
async fn three_nodes_form_a_cluster() {
    let mut cluster = RabbitCluster::start(RabbitNode::builder()).await.unwrap();
    assert_eq!(cluster.url("v").matches("guest:guest@").count(), 3);
    let quorum = json!({"durable": true, "arguments": {"x-queue-type": "quorum"}});
    let management = cluster.nodes()[0].management();
    management.declare_queue("/", "q", quorum).await.unwrap();
    cluster.node(0).unwrap().kill().await.unwrap();
    let other = cluster.nodes()[1].management();
    let limit = Duration::from_secs(30);
    let path = "queues/%2F/q";
    other
        .wait_for(path, limit, |queue| {
            queue["online"].as_array().is_some_and(|on| on.len() == 2)
        })
        .await
        .unwrap();
}
