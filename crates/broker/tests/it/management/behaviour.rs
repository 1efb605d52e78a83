//! The same requests to RabbitMQ and to us: the same answers.

use bergen_broker::{Broker, HttpSettings, Limits};
use serde_json::{Value, json};

use super::http::{Answer, Http};
use super::{ours, rabbitmq};

/// What of an answer must be equal.
fn shown(answer: &Answer) -> (u16, Option<String>, Value) {
    let body = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    (answer.status, answer.header("location"), body)
}

/// Sends a program of requests to both; `V` is the virtual host.
async fn both(test: &str, program: &[(&str, &str, Value)]) {
    let (vhost, rabbit) = rabbitmq(test).await;
    let (_broker, ours) = ours(vhost.name()).await;
    for (method, path, body) in program {
        let path = path.replace("V/", &format!("{}/", vhost.name()));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (theirs, mine) = (
            rabbit.send(method, &path, &body).await,
            ours.send(method, &path, &body).await,
        );
        assert_eq!(shown(&mine), shown(&theirs), "{method} {path} {body}");
    }
}

#[tokio::test]
async fn queues_are_declared_and_deleted_as_with_rabbitmq() {
    both(
        "mg-queues",
        &[
            ("PUT", "queues/V/new", json!({})),
            ("PUT", "queues/V/new", json!({"durable": true})),
            ("PUT", "queues/V/new", json!({"durable": false})),
            ("PUT", "queues/V/bad", json!({"arguments": {"x-expires": "a"}})),
            ("PUT", "queues/V/texts", json!({"durable": "true", "auto_delete": "false", "arguments": {"x-expires": 100_000}})),
            ("PUT", "queues/V/amq.new", json!({})),
            ("PUT", "queues/V/flag", json!({"durable": "zip"})),
            ("PUT", "queues/V/null", json!({"arguments": {"x": null}})),
            ("PUT", "queues/V/list", json!([])),
            ("PUT", "queues/V/quorum", json!({"durable": true, "arguments": {"x-queue-type": "quorum"}})),
            ("PUT", "queues/V/stream", json!({"durable": true, "arguments": {"x-queue-type": "stream"}})),
            ("DELETE", "queues/V/stream/contents", Value::Null),
            ("POST", "queues/V/stream/get", json!({"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"})),
            ("POST", "queues/V/new/actions", json!({"action": "sync"})),
            ("POST", "queues/V/new/actions", json!({"action": "zip"})),
            ("POST", "exchanges/V/amq.default/publish",
                json!({"properties": {}, "routing_key": "new", "payload": "x", "payload_encoding": "string"})),
            ("DELETE", "queues/V/new?if-empty=true", Value::Null),
            ("DELETE", "queues/V/new/contents", Value::Null),
            ("DELETE", "queues/V/new?if-unused=true", Value::Null),
            ("DELETE", "queues/V/new", Value::Null),
            ("DELETE", "queues/V/none/contents", Value::Null),
            ("GET", "queues/V/none", Value::Null),
            ("PUT", "queues/no-such-host/q", json!({})),
            ("GET", "queues/no-such-host", Value::Null),
            ("GET", "queues/V/texts/nothing", Value::Null),
        ],
    )
    .await;
}

#[tokio::test]
async fn exchanges_and_bindings_are_made_as_with_rabbitmq() {
    both(
        "mg-bindings",
        &[
            ("PUT", "queues/V/q", json!({"durable": true})),
            ("PUT", "exchanges/V/nx", json!({})),
            ("PUT", "exchanges/V/nx", json!({"type": "direct"})),
            ("PUT", "exchanges/V/nx", json!({"type": "fanout"})),
            ("PUT", "exchanges/V/zip", json!({"type": "nonsense"})),
            ("PUT", "exchanges/V/amq.zip", json!({"type": "direct"})),
            (
                "PUT",
                "exchanges/V/to",
                json!({"type": "fanout", "durable": true}),
            ),
            (
                "POST",
                "bindings/V/e/nx/q/q",
                json!({"routing_key": "r 2/~"}),
            ),
            ("POST", "bindings/V/e/nx/q/q", json!({})),
            ("POST", "bindings/V/e/nx/e/to", json!({"routing_key": "z"})),
            ("POST", "bindings/V/e/nx/q/none", json!({})),
            ("POST", "bindings/V/e/none/q/q", json!({})),
            ("POST", "bindings/V/e/amq.default/q/q", json!({})),
            ("GET", "bindings/V/e/nx/q/q", Value::Null),
            ("GET", "bindings/V/e/nx/e/to", Value::Null),
            ("GET", "bindings/V/e/none/q/q", Value::Null),
            ("GET", "bindings/V/e/amq.default/q/q", Value::Null),
            ("GET", "bindings/V/e/amq.default/q/q/q", Value::Null),
            ("GET", "queues/V/q/bindings", Value::Null),
            ("GET", "exchanges/V/nx/bindings/source", Value::Null),
            ("GET", "exchanges/V/to/bindings/destination", Value::Null),
            ("GET", "bindings/V/", Value::Null),
            ("GET", "bindings/V/e/nx/q/q/r%2B2%252F%257E", Value::Null),
            ("DELETE", "bindings/V/e/nx/q/q/r%2B2%252F%257E", Value::Null),
            ("DELETE", "bindings/V/e/nx/q/q/r%2B2%252F%257E", Value::Null),
            ("DELETE", "bindings/V/e/nx/q/q/~", Value::Null),
            ("DELETE", "bindings/V/e/amq.default/q/q/q", Value::Null),
            ("DELETE", "exchanges/V/nx?if-unused=true", Value::Null),
            ("DELETE", "bindings/V/e/nx/e/to/z", Value::Null),
            ("DELETE", "exchanges/V/nx?if-unused=true", Value::Null),
            ("DELETE", "exchanges/V/nx", Value::Null),
            ("DELETE", "exchanges/V/amq.direct", Value::Null),
            ("DELETE", "exchanges/V/amq.default", Value::Null),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_binding_with_arguments_is_found_by_its_key() {
    let (_broker, http) = ours("v").await;
    http.send("PUT", "queues/v/q", "{}").await;
    let one = json!({"routing_key": "r", "arguments": {"x-match": "all", "a": 1}}).to_string();
    let two = json!({"routing_key": "r", "arguments": {"x-match": "all", "a": 2}}).to_string();
    let first = http
        .send("POST", "bindings/v/e/amq.headers/q/q", &one)
        .await;
    let second = http
        .send("POST", "bindings/v/e/amq.headers/q/q", &two)
        .await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_ne!(first.header("location"), second.header("location"));
    let bindings = http.json("bindings/v/e/amq.headers/q/q").await;
    let key = bindings[0]["properties_key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("r~"), "{key}");
    let path = format!("bindings/v/e/amq.headers/q/q/{key}");
    assert_eq!(http.send("DELETE", &path, "").await.status, 204);
    assert_eq!(
        http.json("bindings/v/e/amq.headers/q/q")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(http.send("DELETE", &path, "").await.status, 404);
}

#[tokio::test]
async fn messages_are_published_and_got_as_with_rabbitmq() {
    let publish = |properties: Value, key: &str, payload: Value, encoding: &str| {
        let body = json!({"properties": properties, "routing_key": key, "payload": payload, "payload_encoding": encoding});
        ("POST", "exchanges/V/amq.default/publish", body)
    };
    let get = |count: Value, ackmode: &str, encoding: &str| {
        (
            "POST",
            "queues/V/q/get",
            json!({"count": count, "ackmode": ackmode, "encoding": encoding}),
        )
    };
    let all = json!({"expiration": "60000", "correlation_id": "c", "type": "t", "app_id": "a", "user_id": "guest",
        "cluster_id": "cc", "reply_to": "r", "content_type": "text/plain", "content_encoding": "e", "message_id": "i",
        "priority": 3, "delivery_mode": 2, "timestamp": 5, "headers": {"h": 1, "f": 1.5, "t": {"a": [1, true, "x"]}}});
    both(
        "mg-messages",
        &[
            ("PUT", "queues/V/q", json!({"durable": true})),
            publish(json!({}), "q", json!("ü"), "string"),
            publish(all, "q", json!("hello"), "string"),
            publish(json!({}), "q", json!("/w=="), "base64"),
            publish(json!({"bogus": 1}), "none", json!("a"), "string"),
            publish(json!({}), "q", json!("%%%"), "base64"),
            publish(json!({}), "q", json!("a"), "zip"),
            publish(json!({}), "q", json!(5), "string"),
            publish(json!({"delivery_mode": "z"}), "q", json!("a"), "string"),
            publish(json!({"expiration": 5}), "q", json!("a"), "string"),
            publish(json!({"headers": {"a": null}}), "q", json!("a"), "string"),
            publish(json!({"user_id": "other"}), "q", json!("a"), "string"),
            ("POST", "exchanges/V/amq.default/publish", json!({"properties": {}, "routing_key": "q"})),
            ("POST", "exchanges/V/none/publish", json!({"properties": {}, "routing_key": "q", "payload": "", "payload_encoding": "string"})),
            get(json!(0), "ack_requeue_true", "auto"),
            get(json!(-1), "ack_requeue_true", "auto"),
            get(json!("2"), "ack_requeue_true", "auto"),
            get(json!(1), "reject_requeue_true", "base64"),
            get(json!(10), "ack_requeue_true", "zip"),
            ("POST", "queues/V/q/get", json!({"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto", "truncate": 1})),
            ("POST", "queues/V/q/get", json!({"ackmode": "x", "encoding": "auto"})),
            ("POST", "queues/V/none/get", json!({"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"})),
            get(json!(1), "ack_requeue_false", "auto"),
            get(json!(1), "reject_requeue_false", "auto"),
            get(json!(10), "ack_requeue_true", "auto"),
            get(json!(10), "ack_requeue_false", "auto"),
            get(json!(10), "ack_requeue_false", "auto"),
            ("GET", "queues/V/q/get", Value::Null),
        ],
    )
    .await;
}

#[tokio::test]
async fn small_things_are_answered_as_by_rabbitmq() {
    both(
        "mg-small",
        &[
            ("GET", "whoami", Value::Null),
            ("GET", "auth", Value::Null),
            ("GET", "vhosts/no-such-host", Value::Null),
            ("GET", "exchanges/V/none", Value::Null),
            ("GET", "connections/none", Value::Null),
            ("GET", "channels/none", Value::Null),
            ("GET", "users/none", Value::Null),
            ("GET", "users/none/permissions", Value::Null),
            ("GET", "permissions/V/none", Value::Null),
            ("GET", "permissions/V/guest", Value::Null),
            ("GET", "vhosts/V/permissions", Value::Null),
            (
                "PUT",
                "permissions/V/none",
                json!({"configure": "", "write": "", "read": ""}),
            ),
            ("PUT", "permissions/V/guest", json!({"configure": ""})),
            (
                "PUT",
                "permissions/no-such-host/guest",
                json!({"configure": "", "write": "", "read": ""}),
            ),
            ("DELETE", "permissions/V/none", Value::Null),
            ("DELETE", "users/none", Value::Null),
            ("DELETE", "connections/none", Value::Null),
            ("DELETE", "vhosts/no-such-host", Value::Null),
            ("PUT", "vhosts/V/", json!({})),
            ("GET", "consumers/V/", Value::Null),
            ("GET", "consumers/no-such-host", Value::Null),
            ("GET", "policies/V/", Value::Null),
            ("GET", "policies/V/x", Value::Null),
            ("GET", "parameters/x", Value::Null),
            ("GET", "vhost-limits/V/", Value::Null),
            ("GET", "topic-permissions", Value::Null),
            ("GET", "health/checks/alarms", Value::Null),
            ("GET", "health/checks/local-alarms", Value::Null),
            ("GET", "health/checks/virtual-hosts", Value::Null),
            ("GET", "health/checks/node-is-quorum-critical", Value::Null),
            ("GET", "health/checks/protocol-listener/amqp", Value::Null),
            ("GET", "health/checks/nope", Value::Null),
            ("GET", "healthchecks/node", Value::Null),
            ("GET", "aliveness-test/V/", Value::Null),
            ("GET", "aliveness-test/no-such-host", Value::Null),
            ("GET", "definitions/no-such-host", Value::Null),
            ("GET", "nope", Value::Null),
            ("GET", "queues//", Value::Null),
            ("POST", "queues/V/", json!({})),
            ("PATCH", "vhosts", Value::Null),
            ("GET", "queues/V/?page=1&page_size=2000", Value::Null),
            ("GET", "queues/V/?page=0", Value::Null),
            ("GET", "queues/V/?page=1&page_size=x", Value::Null),
            ("GET", "queues/V/?page=9&page_size=2", Value::Null),
            (
                "GET",
                "queues/V/?page=1&use_regex=true&name=%5B",
                Value::Null,
            ),
            (
                "GET",
                "exchanges/V/?page=1&page_size=2&columns=name,type&name=T",
                Value::Null,
            ),
            (
                "GET",
                "exchanges/V/?sort=name&sort_reverse=true&columns=name",
                Value::Null,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn users_come_and_go() {
    let (_broker, http) = ours("v").await;
    let user = json!({"password": "x", "tags": "monitoring,foo"}).to_string();
    assert_eq!(http.send("PUT", "users/u", &user).await.status, 201);
    assert_eq!(http.send("PUT", "users/u", &user).await.status, 204);
    assert_eq!(
        http.send("PUT", "users/u", "{\"password\":\"x\"}")
            .await
            .reason(),
        "tags_not_present"
    );
    let shown = http.json("users/u").await;
    assert_eq!(shown["tags"], json!(["foo", "monitoring"]));
    let them = Http::new(http.address, "u", "x");
    assert_eq!(them.get("nodes").await.status, 200);
    assert_eq!(them.get("queues/v").await.status, 401);
    let all = json!({"configure": "^a", "write": ".*", "read": ".*"}).to_string();
    assert_eq!(http.send("PUT", "permissions/v/u", &all).await.status, 201);
    assert_eq!(them.get("queues/v").await.status, 200);
    assert_eq!(http.send("DELETE", "permissions/v/u", "").await.status, 204);
    assert_eq!(them.get("queues/v").await.status, 401);
    let bad = json!({"configure": "[", "write": "", "read": ""}).to_string();
    assert_eq!(http.send("PUT", "permissions/v/u", &bad).await.status, 400);
    assert_eq!(http.send("DELETE", "users/u", "").await.status, 204);
    assert_eq!(them.get("nodes").await.status, 401);
}

#[tokio::test]
async fn a_vhost_goes_with_all_that_is_in_it() {
    let (_broker, http) = ours("v").await;
    http.send("PUT", "queues/v/q", "{}").await;
    assert_eq!(http.send("DELETE", "vhosts/v", "").await.status, 204);
    assert_eq!(http.send("DELETE", "vhosts/v", "").await.status, 404);
    assert_eq!(http.get("queues/v").await.status, 404);
    assert_eq!(http.send("PUT", "vhosts/v", "").await.status, 201);
    assert_eq!(http.json("queues/v").await, json!([]));
}

#[tokio::test]
async fn definitions_of_ours_are_read_by_ours_and_by_rabbitmq() {
    let (vhost, rabbit) = rabbitmq("mg-definitions").await;
    let (_broker, ours) = ours(vhost.name()).await;
    let v = vhost.name();
    for (path, body) in [
        (
            "queues/V/q",
            json!({"durable": true, "arguments": {"x-max-length": 5}}),
        ),
        ("exchanges/V/x", json!({"type": "topic", "durable": true})),
    ] {
        let path = path.replace('V', v);
        assert_eq!(ours.send("PUT", &path, &body.to_string()).await.status, 201);
    }
    let bind = json!({"routing_key": "a.#", "arguments": {"k": 1}}).to_string();
    assert_eq!(
        ours.send("POST", &format!("bindings/{v}/e/x/q/q"), &bind)
            .await
            .status,
        201
    );
    let path = format!("definitions/{v}");
    let document = ours.json(&path).await;
    let there = rabbit.send("POST", &path, &document.to_string()).await;
    assert!(there.status < 300, "{there:?}");
    assert_eq!(rabbit.json(&path).await, document);

    let (_other, again) = super::ours(v).await;
    let read = again.send("POST", &path, &document.to_string()).await;
    assert_eq!(read.status, 204, "{read:?}");
    assert_eq!(again.json(&path).await, document);
    // Twice is as once; a queue of another kind is refused.
    assert_eq!(
        again
            .send("POST", &path, &document.to_string())
            .await
            .status,
        204
    );
    let mut other = document.clone();
    other["queues"][0]["durable"] = false.into();
    assert_eq!(
        again.send("POST", &path, &other.to_string()).await.status,
        400
    );

    // All of a broker: users without hashes stay as they are.
    let all = ours.json("definitions").await;
    assert_eq!(
        again
            .send("POST", "definitions", &all.to_string())
            .await
            .status,
        204
    );
    assert_eq!(again.json("definitions").await, all);
}

#[tokio::test]
async fn rates_are_seen_while_messages_flow() {
    let (_broker, http) = ours("v").await;
    http.send("PUT", "queues/v/q", "{}").await;
    let message =
        json!({"properties": {}, "routing_key": "q", "payload": "x", "payload_encoding": "string"})
            .to_string();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        http.send("POST", "exchanges/v/amq.default/publish", &message)
            .await;
        let queue = http.json("queues/v/q").await;
        let rate = queue["message_stats"]["publish_details"]["rate"]
            .as_f64()
            .unwrap();
        let growth = queue["messages_details"]["rate"].as_f64().unwrap();
        if rate > 0.0 && growth > 0.0 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{queue}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_alarm_is_shown_and_stops_publishing_by_http() {
    let mut limits = Limits::default();
    limits.memory_high_watermark = 1 << 20;
    let builder = Broker::builder().limits(limits).http("127.0.0.1:0");
    let broker = builder.start().await.unwrap();
    let http = Http::new(broker.http_address().unwrap(), "guest", "guest");
    http.send("PUT", "queues/%2F/q", "{}").await;
    assert_eq!(http.get("health/checks/alarms").await.status, 200);
    let message = json!({
        "properties": {}, "routing_key": "q", "payload": "x".repeat(200_000), "payload_encoding": "string",
    })
    .to_string();
    let path = "exchanges/%2F/amq.default/publish";
    let mut refused = None;
    for _ in 0..20 {
        let answer = http.send("POST", path, &message).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("memory is not bounded");
    assert_eq!(
        (refused.status, refused.reason()),
        (503, json!("low on memory"))
    );
    let check = http.get("health/checks/alarms").await;
    assert_eq!(check.status, 503);
    assert_eq!(check.json()["alarms"][0]["resource"], "memory");
    assert_eq!(http.json("nodes").await[0]["mem_alarm"], true);
    // The way out is open.
    assert_eq!(
        http.send("DELETE", "queues/%2F/q/contents", "")
            .await
            .status,
        204
    );
    assert_eq!(http.get("health/checks/alarms").await.status, 200);
    assert_eq!(http.send("POST", path, &message).await.status, 200);
}

#[tokio::test]
async fn a_list_that_is_too_long_is_given_in_pages() {
    let mut settings = HttpSettings::new("127.0.0.1:0");
    settings.max_items = 6;
    let (_broker, http) = super::start_with(settings).await;
    let all = http.get("exchanges").await;
    assert_eq!(all.status, 400, "{all:?}");
    let page = http.json("exchanges?page=1&page_size=500").await;
    assert_eq!(page["total_count"], 7);
}
