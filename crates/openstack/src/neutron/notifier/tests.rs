use bergen_messaging::rpc::{DynamicEndpoint, RpcClient};
use bergen_messaging::target::{ClientTarget, EndpointTarget};
use bergen_messaging::wire::Context;
use bergen_testing::TestBus;
use serde_json::json;

use super::*;

#[tokio::test(start_paused = true)]
async fn each_event_has_a_topic_and_with_a_node_two() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let mut connection = Connection::new(&transport);
    let details = [
        TopicDetail::new("network", "update"),
        TopicDetail::new("l2population", "add").node("net-1"),
    ];
    let endpoint: Arc<dyn Endpoint> = Arc::new(
        DynamicEndpoint::new(EndpointTarget::new()).method("network_update", |_| async {
            Ok::<_, bergen_messaging::rpc::MethodError>("heard")
        }),
    );
    create_consumers(
        &mut connection,
        &[endpoint],
        AGENT_NOTIFIER_PREFIX,
        &details,
    );
    let topics: Vec<_> = connection
        .servers()
        .iter()
        .map(|server| server.target().topic.clone().unwrap())
        .collect();
    assert_eq!(
        topics,
        [
            "q-agent-notifier-network-update",
            "q-agent-notifier-l2population-add",
            "q-agent-notifier-l2population-add.net-1",
        ]
    );
    // Nothing listens before the connection is told to.
    assert!(bus.queue(&topics[0]).is_none());
    connection.consume_in_threads().await.unwrap();
    for topic in topics {
        let client = RpcClient::new(&transport, ClientTarget::new(topic));
        let answer = client.call::<String>(&Context::default(), "network_update", &json!({}));
        assert_eq!(answer.await.unwrap(), "heard");
    }
    connection.close().await.unwrap();
}
