//! The testbed's client of RabbitMQ's interface, as it is, against ours.

use std::time::Duration;

use bergen_amqp::client::{ConnectOptions, Connection, Consume, Login};
use bergen_testbed::Management;
use serde_json::json;

use super::http::segment;
use super::{amqp_port, connect, start};

#[tokio::test]
async fn the_testbeds_client_finds_what_it_knows_from_rabbitmq() {
    let (broker, http) = start().await;
    let management = Management::new(&format!("http://guest:guest@{}/", http.address));
    assert_eq!(
        management.overview().await.unwrap()["rabbitmq_version"],
        "3.10.8"
    );
    let vhost = "a/ü b";
    management.create_vhost(vhost).await.unwrap();
    management.create_user("other", "pw", vhost).await.unwrap();
    management
        .declare_queue(
            vhost,
            "q 1",
            json!({"durable": true, "arguments": {"x-max-length": 5}}),
        )
        .await
        .unwrap();
    assert!(
        management
            .publish(vhost, "", "q 1", json!({"message_id": "m"}), "hi")
            .await
            .unwrap()
    );
    assert!(
        !management
            .publish(vhost, "", "none", json!({}), "hi")
            .await
            .unwrap()
    );
    let queue = management.queue(vhost, "q 1").await.unwrap();
    assert_eq!(queue["messages"], 1);
    assert_eq!(queue["arguments"], json!({"x-max-length": 5}));
    assert_eq!(management.queues(vhost).await.unwrap().len(), 1);
    assert_eq!(management.bindings(vhost).await.unwrap().len(), 1);
    assert_eq!(management.exchanges(vhost).await.unwrap().len(), 7);
    let messages = management.take(vhost, "q 1", 10).await.unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].body, "hi");
    assert_eq!(messages[0].properties, json!({"message_id": "m"}));
    assert!(!messages[0].redelivered);

    let (connection, mut ends) = connect(amqp_port(&broker), vhost).await;
    let (channel, _events) = connection.open_channel().await.unwrap();
    let _consumer = channel
        .consume_stream(Consume::new("q 1"), 2)
        .await
        .unwrap();
    let consumers = management.consumers(vhost).await.unwrap();
    assert_eq!(consumers[0]["queue"]["name"], "q 1");
    let waited = management.wait_for("connections", Duration::from_secs(10), |all| {
        all.as_array().is_some_and(|all| all.len() == 1)
    });
    let connections = waited.await.unwrap();
    assert_eq!(connections[0]["user"], "guest");
    assert_eq!(management.close_connections(vhost).await.unwrap(), 1);
    let ended = tokio::time::timeout(Duration::from_secs(20), ends.next())
        .await
        .unwrap();
    assert!(
        format!("{ended:?}").contains("CONNECTION_FORCED - Closed via management plugin"),
        "{ended:?}"
    );

    management
        .publish(vhost, "", "q 1", json!({}), "gone")
        .await
        .unwrap();
    management.purge_queue(vhost, "q 1").await.unwrap();
    assert_eq!(management.take(vhost, "q 1", 1).await.unwrap(), []);
    management.delete_queue(vhost, "q 1").await.unwrap();
    assert!(management.queue(vhost, "q 1").await.is_err());
    management.delete_vhost(vhost).await.unwrap();
    assert!(management.queues(vhost).await.is_err());
}

#[tokio::test]
async fn clients_are_told_why_they_are_closed() {
    let (broker, http) = start().await;
    let closed = async |act: (&str, String, &str), expected: &str| {
        let (_connection, mut ends) = connect(amqp_port(&broker), "/").await;
        let (method, path, headers) = act;
        let path = if path == "connections/" {
            let all = http.json("connections").await;
            format!("connections/{}", segment(all[0]["name"].as_str().unwrap()))
        } else {
            path
        };
        assert_eq!(http.send_with(method, &path, headers, "").await.status, 204);
        let ended = tokio::time::timeout(Duration::from_secs(20), ends.next()).await;
        let ended = format!("{:?}", ended.unwrap());
        assert!(ended.contains(expected), "{ended}");
        let gone = |all: &serde_json::Value| all == &json!([]);
        let management = Management::new(&format!("http://guest:guest@{}/", http.address));
        let limit = Duration::from_secs(20);
        management
            .wait_for("connections", limit, gone)
            .await
            .unwrap();
    };
    let one = "connections/".to_owned();
    closed(
        ("DELETE", one.clone(), ""),
        "CONNECTION_FORCED - Closed via management plugin",
    )
    .await;
    closed(
        ("DELETE", one, "X-Reason: because of me\r\n"),
        "CONNECTION_FORCED - because of me",
    )
    .await;
    let all = "connections/username/guest".to_owned();
    closed(
        ("DELETE", all, ""),
        "CONNECTION_FORCED - Closed via management plugin",
    )
    .await;
}

#[tokio::test]
async fn a_deleted_users_connections_are_closed() {
    let (broker, http) = start().await;
    let management = Management::new(&format!("http://guest:guest@{}/", http.address));
    management.create_user("u", "pw", "/").await.unwrap();
    let options = ConnectOptions {
        host: "127.0.0.1".to_owned(),
        port: amqp_port(&broker),
        login: Login::plain("u", "pw"),
        ..ConnectOptions::default()
    };
    let (_connection, mut ends) = Connection::open(options).await.unwrap();
    assert_eq!(http.send("DELETE", "users/u", "").await.status, 204);
    let ended = tokio::time::timeout(Duration::from_secs(20), ends.next()).await;
    let ended = format!("{:?}", ended.unwrap());
    assert!(
        ended.contains("CONNECTION_FORCED - user 'u' is deleted"),
        "{ended}"
    );
}
