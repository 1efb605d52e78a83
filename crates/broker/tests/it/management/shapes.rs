//! Replies have the keys of RabbitMQ's, with values of the same types.

use std::time::Duration;

use bergen_amqp::client::{
    Channel, ChannelEvents, Connection, ConnectionEvents, Consume, Consumer, Publish, QueueDeclare,
};
use bergen_testbed::Management;
use serde_json::{Value, json};

use super::http::{Http, segment};
use super::{amqp_port, connect, ours, rabbitmq};

/// Keys that only RabbitMQ has: parts of Erlang and of its own storage.
const NOT_OURS: &[&str] = &[
    "garbage_collection.",
    "backing_queue_status.",
    "io_",
    "mnesia_",
    "msg_store_",
    "queue_index_",
    "gc_",
    "ra_open_file_metrics",
    "metrics_gc_queue_length",
    "context_switches",
    "disk_reads",
    "disk_writes",
    "message_bytes_persistent",
    "messages_persistent",
    "drop_unroutable",
    "channel_c",
    "queue_c",
    "queue_d",
    "fd_used_details",
    "sockets_used_details",
    "proc_used_details",
    "cowboy_opts",
    "socket_opts.",
    // In channels, virtual hosts and the overview deliveries are not told apart by their kind; in queues they are.
    "message_stats.deliver_no_ack",
    "message_stats.get_no_ack",
    "message_stats.get_empty",
    "single_active_consumer_ctag",
    "messages_dlx",
    "message_bytes_dlx",
    "message_bytes_paged_out",
    "open_files.",
    "cluster_state.",
    "idle_since",
    "incoming",
    "x-internal",
    "cluster_links",
    "internal_cluster_id",
];

/// A client that has done a little of everything.
struct Client {
    connection: (Connection, ConnectionEvents),
    _channel: (Channel, ChannelEvents),
    _consumer: Consumer,
}

async fn topology(http: &Http, port: u16, vhost: &str) -> Client {
    for (method, path, body) in [
        (
            "PUT",
            "queues/V/q1",
            json!({"durable": true, "arguments": {"x-max-length": 10}}),
        ),
        (
            "PUT",
            "queues/V/qq",
            json!({"durable": true, "arguments": {"x-queue-type": "quorum"}}),
        ),
        (
            "PUT",
            "exchanges/V/x1",
            json!({"type": "topic", "durable": true}),
        ),
        (
            "PUT",
            "exchanges/V/x2",
            json!({"type": "fanout", "durable": true}),
        ),
        (
            "POST",
            "bindings/V/e/x1/q/q1",
            json!({"routing_key": "a.#"}),
        ),
        ("POST", "bindings/V/e/x1/e/x2", json!({"routing_key": "c"})),
    ] {
        let answer = http
            .send(method, &path.replace('V', vhost), &body.to_string())
            .await;
        assert_eq!(answer.status, 201, "{path}: {answer:?}");
    }
    let connection = connect(port, vhost).await;
    let (channel, events) = connection.0.open_channel().await.unwrap();
    channel.confirm_select().await.unwrap();
    let declare = QueueDeclare {
        exclusive: true,
        ..QueueDeclare::new("zz")
    };
    channel.queue_declare(declare).await.unwrap();
    for _ in 0..3 {
        let publish = Publish::new("x1", "a.b", "hello");
        channel.publish(publish).await.unwrap().await.unwrap();
    }
    let consumer = channel.consume_stream(Consume::new("q1"), 2).await.unwrap();
    Client {
        connection,
        _channel: (channel, events),
        _consumer: consumer,
    }
}

#[tokio::test]
async fn every_reply_has_rabbitmqs_keys_and_types() {
    let (vhost, rabbit) = rabbitmq("mg-shapes").await;
    let (broker, ours) = ours(vhost.name()).await;
    let v = vhost.name();
    let theirs = topology(&rabbit, vhost.rabbit().port(), v).await;
    let mine = topology(&ours, amqp_port(&broker), v).await;
    // RabbitMQ collects what it shows every five seconds.
    for http in [&rabbit, &ours] {
        let management = Management::new(&format!("http://guest:guest@{}/", http.address));
        let limit = Duration::from_secs(40);
        for (path, expected) in [
            (format!("queues/{v}/q1"), "/message_stats/deliver"),
            (format!("queues/{v}/qq"), "/messages"),
            (format!("vhosts/{v}"), "/message_stats/publish"),
            (format!("vhosts/{v}/connections"), "/0/name"),
            (format!("vhosts/{v}/channels"), "/0/message_stats/publish"),
            (format!("consumers/{v}"), "/0/queue"),
            ("overview".to_owned(), "/queue_totals/messages"),
        ] {
            let there = |value: &Value| value.pointer(expected).is_some();
            management.wait_for(&path, limit, there).await.unwrap();
        }
    }
    let mut wrong = Vec::new();
    for path in [
        "overview",
        "whoami",
        "nodes",
        "cluster-name",
        "auth",
        "vhosts/V",
        "vhosts/V/connections",
        "vhosts/V/channels",
        "vhosts/V/permissions",
        "connections/C",
        "connections/C/channels",
        "channels/C%20(1)",
        "consumers/V",
        "exchanges/V",
        "exchanges/V/x1",
        "exchanges/V/x1/bindings/source",
        "exchanges/V/x2/bindings/destination",
        "queues/V",
        "queues/V?page=1&page_size=2",
        "queues/V/q1",
        "queues/V/qq",
        "queues/V/q1/bindings",
        "bindings/V",
        "bindings/V/e/x1/q/q1",
        "bindings/V/e/x1/q/q1/a.%2523",
        "users",
        "users/guest",
        "users/guest/permissions",
        "permissions",
        "permissions/V/guest",
        "definitions",
        "definitions/V",
        "health/checks/alarms",
        "health/checks/port-listener/1",
        "aliveness-test/V",
    ] {
        let theirs = rabbit
            .get(&filled(path, v, &name_of(&rabbit, v).await))
            .await;
        let mine = ours.get(&filled(path, v, &name_of(&ours, v).await)).await;
        assert_eq!(mine.status, theirs.status, "{path}: {}", mine.body);
        compare(path, "", &theirs.json(), &mine.json(), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    drop((theirs.connection, mine.connection));
}

async fn name_of(http: &Http, vhost: &str) -> String {
    let connections = http.json(&format!("vhosts/{vhost}/connections")).await;
    segment(connections[0]["name"].as_str().unwrap())
}

fn filled(path: &str, vhost: &str, connection: &str) -> String {
    let path = path.replace('V', vhost);
    if path.contains("s/C") {
        path.replacen('C', connection, 1)
    } else {
        path
    }
}

/// Of lists the first items are compared; both are in the same order.
fn compare(path: &str, at: &str, theirs: &Value, mine: &Value, wrong: &mut Vec<String>) {
    match (theirs, mine) {
        (Value::Object(theirs), Value::Object(mine)) => {
            for (key, value) in theirs {
                let at = if at.is_empty() {
                    key.clone()
                } else {
                    format!("{at}.{key}")
                };
                let ignored = NOT_OURS
                    .iter()
                    .any(|not| at.starts_with(not) || at.contains(&format!(".{not}")));
                // Octets are not summed up for virtual hosts.
                if path.starts_with("vhosts/")
                    && !path.contains("connections")
                    && at.contains("_oct")
                {
                    continue;
                }
                // Nor is counted what passes an exchange.
                if path.starts_with("exchanges/") && at == "message_stats" {
                    continue;
                }
                // What arguments and client properties hold is not ours to compare.
                if ignored || at.contains("client_properties.") || at.contains("arguments.") {
                    continue;
                }
                match mine.get(key) {
                    Some(mine) => compare(path, &at, value, mine, wrong),
                    None => wrong.push(format!("{path}: {at} is missing")),
                }
            }
        }
        (Value::Array(theirs), Value::Array(mine)) => {
            if let (Some(theirs), Some(mine)) = (theirs.first(), mine.first()) {
                compare(path, at, theirs, mine, wrong);
            }
        }
        (theirs, mine) if kind(theirs) == kind(mine) => {}
        // What is not known is null with one and a text or a number with the other.
        (Value::Null, _) | (_, Value::Null) => {}
        (theirs, mine) => wrong.push(format!("{path}: {at} is {mine}, RabbitMQ's is {theirs}")),
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

#[test]
fn differences_are_found() {
    let mut wrong = Vec::new();
    compare(
        "p",
        "",
        &json!([{"a": 1, "b": {"c": "x"}, "same": [], "d": {"rate": 0.0}}]),
        &json!([{"a": "1", "b": {}, "same": [], "d": {"rate": 1}}]),
        &mut wrong,
    );
    assert_eq!(
        wrong,
        ["p: a is \"1\", RabbitMQ's is 1", "p: b.c is missing"]
    );
}
