//! What stands on the broker, as its own management interface sees it.

use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::{
    Admission, Driver, IncomingNotification, ListenOptions, NotificationSink, NotifyOptions,
};
use bergen_messaging::drivers::rabbit::RabbitDriver;
use bergen_messaging::notify::{Notification, Priority};
use bergen_messaging::options::{RabbitOptions, defaults};
use bergen_messaging::url::TransportUrl;
use bergen_messaging::wire::RawJson;
use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use super::harness::*;

/// The named members of each object of a list, sorted.
fn table(list: &[Value], keys: &[&str]) -> Vec<Value> {
    let mut rows: Vec<Value> = list
        .iter()
        .map(|row| keys.iter().map(|key| row[*key].clone()).collect())
        .collect();
    rows.sort_by_key(Value::to_string);
    rows
}

#[tokio::test]
async fn a_server_declares_what_the_peer_declares() {
    let vhost = TestVhost::new("declares").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "srv").await;
    let management = vhost.management();

    let exchanges = management.exchanges(vhost.name()).await.unwrap();
    let ours: Vec<Value> = exchanges
        .into_iter()
        .filter(|exchange| {
            !exchange["name"].as_str().unwrap().starts_with("amq.") && exchange["name"] != ""
        })
        .collect();
    assert_eq!(
        table(
            &ours,
            &[
                "name",
                "type",
                "durable",
                "auto_delete",
                "internal",
                "arguments"
            ]
        ),
        [
            json!(["compute_fanout", "fanout", false, true, false, {}]),
            json!(["openstack", "topic", false, false, false, {}]),
        ]
    );

    let queues = management.queues(vhost.name()).await.unwrap();
    let fanout = queues.iter().find_map(|queue| {
        queue["name"]
            .as_str()?
            .starts_with("compute_fanout_")
            .then_some(queue)
    });
    let fanout = fanout.unwrap()["name"].as_str().unwrap().to_owned();
    assert_eq!(fanout.len(), "compute_fanout_".len() + 32);
    assert_eq!(
        table(
            &queues,
            &["name", "durable", "auto_delete", "exclusive", "arguments"]
        ),
        [
            json!(["compute", false, false, false, {}]),
            json!(["compute.srv", false, false, false, {}]),
            json!([fanout, false, false, false, {"x-expires": 1_800_000}]),
        ]
    );

    let bindings = management.bindings(vhost.name()).await.unwrap();
    let ours: Vec<Value> = bindings
        .into_iter()
        .filter(|binding| binding["source"] != "")
        .collect();
    assert_eq!(
        table(&ours, &["source", "destination", "routing_key"]),
        [
            json!(["compute_fanout", fanout, "compute"]),
            json!(["openstack", "compute", "compute"]),
            json!(["openstack", "compute.srv", "compute.srv"]),
        ]
    );

    let path = format!("consumers/{}", vhost.name());
    let consumers = management
        .wait_for(&path, Duration::from_secs(15), |list| {
            list.as_array().is_some_and(|list| list.len() == 3)
        })
        .await
        .unwrap();
    let tags: Vec<(&str, &str)> = [
        ("1", "compute"),
        ("2", "compute.srv"),
        ("3", fanout.as_str()),
    ]
    .into();
    for (tag, queue) in tags {
        let consumer = consumers
            .as_array()
            .unwrap()
            .iter()
            .find(|consumer| consumer["consumer_tag"] == tag)
            .unwrap();
        assert_eq!(consumer["queue"]["name"], queue);
        assert_eq!(consumer["ack_required"], true);
        assert_eq!(consumer["exclusive"], false);
        assert_eq!(consumer["prefetch_count"], 128);
    }

    server.stop().await;
    let queues = management.queues(vhost.name()).await.unwrap();
    assert_eq!(
        table(&queues, &["name"]),
        [json!(["compute"]), json!(["compute.srv"])]
    );
    let exchanges = management.exchanges(vhost.name()).await.unwrap();
    assert!(
        !exchanges
            .iter()
            .any(|exchange| exchange["name"] == "compute_fanout")
    );
}

#[tokio::test]
async fn a_client_declares_an_exchange_and_one_reply_queue_and_takes_it_back() {
    let vhost = TestVhost::new("client-declares").await.unwrap();
    let _server = Server::start(&vhost.url(), "compute", "srv").await;
    let client = driver(&vhost.url());
    for _ in 0..3 {
        result(&client, &topic("compute"), &request("echo", "{}")).await;
    }
    let reply_queues = async || -> Vec<Value> {
        let queues = vhost.management().queues(vhost.name()).await.unwrap();
        queues
            .into_iter()
            .filter(|queue| queue["name"].as_str().unwrap().starts_with("reply_"))
            .collect()
    };
    let queues = reply_queues().await;
    assert_eq!(queues.len(), 1);
    assert_eq!(
        queues[0]["name"].as_str().unwrap().len(),
        "reply_".len() + 32
    );
    assert_eq!(
        table(
            &queues,
            &["durable", "auto_delete", "exclusive", "arguments"]
        ),
        [json!([false, false, false, {"x-expires": 1_800_000}])]
    );
    close(&client).await;
    assert_eq!(reply_queues().await, Vec::<Value>::new());
}

#[tokio::test]
async fn messages_carry_the_peers_properties() {
    let vhost = TestVhost::new("properties").await.unwrap();
    Server::start(&vhost.url(), "compute", "srv")
        .await
        .stop()
        .await;
    let client = driver(&vhost.url());
    cast(&client, &topic("compute"), &request("poke", r#"{"a": 1}"#)).await;
    let waiting = request("echo", "{}");
    let target = topic("compute");
    let waiting = call(&client, &target, &waiting, Duration::from_millis(900));
    // Taken below before the broker drops it as expired.
    let (_, messages) = tokio::join!(waiting, async {
        while client.stats().calls == 0 {
            tokio::task::yield_now().await;
        }
        let mut messages = Vec::new();
        while messages.len() < 2 {
            messages.extend(
                vhost
                    .management()
                    .take(vhost.name(), "compute", 2)
                    .await
                    .unwrap(),
            );
        }
        messages
    });
    let [cast, call] = &messages[..] else {
        panic!("{messages:?}")
    };
    assert_eq!(
        cast.properties,
        json!({
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "headers": {},
            "delivery_mode": 2,
            "priority": 0,
        })
    );
    let expiration: u64 = call.properties["expiration"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((800..=900).contains(&expiration), "{expiration}");
    assert_eq!(call.properties["message_id"].as_str().unwrap().len(), 32);

    let payload = |body: &str| -> Value {
        let envelope: Value = serde_json::from_str(body).unwrap();
        assert_eq!(envelope["oslo.version"], "2.0");
        serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap()
    };
    let cast = payload(&cast.body);
    assert_eq!(
        (&cast["method"], &cast["args"]),
        (&json!("poke"), &json!({"a": 1}))
    );
    assert_eq!(cast.get("_msg_id"), None);
    let call_payload = payload(&call.body);
    assert_eq!(call_payload["_msg_id"], call.properties["message_id"]);
    assert!(
        call_payload["_reply_q"]
            .as_str()
            .unwrap()
            .starts_with("reply_")
    );
    assert_ne!(call_payload["_unique_id"], call_payload["_msg_id"]);
}

#[tokio::test]
async fn entities_that_exist_otherwise_are_used_as_they_are() {
    let vhost = TestVhost::new("mismatch").await.unwrap();
    let plain = Server::start(&vhost.url(), "compute", "plain").await;
    let durable_url = format!(
        "{}?amqp_durable_queues=true&rabbit_transient_quorum_queue=true",
        vhost.url()
    );
    let durable = Server::start(&durable_url, "compute", "durable").await;
    let client = driver(&durable_url);
    for name in ["plain", "durable"] {
        let target = topic("compute").with_server(name);
        assert_eq!(
            result(&client, &target, &request("whoami", "{}")).await,
            format!("{name:?}")
        );
    }
    cast(
        &client,
        &topic("compute").with_fanout(true),
        &request("all", "{}"),
    )
    .await;
    assert_eq!(plain.wait_for(2).await[1].method, "all");
    assert_eq!(durable.wait_for(2).await[1].method, "all");
    // The other way round: the first is durable, the second is not.
    let first = Server::start(&durable_url, "volume", "durable").await;
    let second = Server::start(&vhost.url(), "volume", "plain").await;
    let client = driver(&vhost.url());
    for name in ["plain", "durable"] {
        let target = topic("volume").with_server(name);
        assert_eq!(
            result(&client, &target, &request("whoami", "{}")).await,
            format!("{name:?}")
        );
    }
    first.stop().await;
    second.stop().await;
}

/// A name with the random part left out.
fn steady(name: &str) -> String {
    match name.rsplit_once('_') {
        Some((start, id)) if id.len() == 32 => format!("{start}_<id>"),
        _ => name.to_owned(),
    }
}

/// The named members of the peer's methods of one kind, each distinct row once.
fn peers(sample: &Value, method: &str, keys: &[&str]) -> Vec<Value> {
    let methods = sample["connections"].as_object().unwrap().values();
    let methods = methods.flat_map(|methods| methods.as_array().unwrap());
    let ours: Vec<Value> = methods
        .filter(|row| row["method"] == method)
        .cloned()
        .collect();
    rows(&ours, keys)
}

fn rows(list: &[Value], keys: &[&str]) -> Vec<Value> {
    let member = |row: &Value, key: &str| match key.split_once('/') {
        Some((outer, inner)) => row[outer][inner].clone(),
        None => row[key].clone(),
    };
    let mut rows: Vec<Value> = list
        .iter()
        .map(|row| {
            keys.iter()
                .map(|key| match member(row, key) {
                    Value::String(text) => json!(steady(&text)),
                    other => other,
                })
                .collect()
        })
        .collect();
    rows.sort_by_key(Value::to_string);
    rows.dedup();
    rows
}

#[tokio::test]
async fn the_broker_holds_what_it_holds_of_the_peer() {
    let sample = include_str!("../../topology/default.json");
    let sample: Value = serde_json::from_str(sample).unwrap();
    let text = |key: &str| sample[key].as_str().unwrap();
    let vhost = TestVhost::new("as-the-peer").await.unwrap();
    let url: TransportUrl = vhost.url().parse().unwrap();
    let options = RabbitOptions::new(&defaults(), &url).unwrap();
    let driver = RabbitDriver::new(&url, text("control_exchange"), &options).unwrap();
    let server = Server::on(Arc::new(driver), text("rpc_topic"), text("server")).await;
    let target = topic(text("rpc_topic"));
    result(&server.driver, &target, &request("echo", "{}")).await;
    let payload = RawJson::null();
    let event = Notification::new("srv", "event", Priority::Info, payload);
    for notified in sample["notifier_topics"].as_array().unwrap() {
        let target = topic(notified.as_str().unwrap());
        let options = NotifyOptions::default();
        let sent = server
            .driver
            .send_notification(&target, "info", &event, options);
        sent.await.unwrap();
    }
    let pairs = [(topic(text("listener_topic")), "info".to_owned())];
    let listening = server.driver.listen_for_notifications(
        &pairs,
        None,
        ListenOptions::new(1),
        Arc::new(Nobody),
    );
    let _listener = listening.await.unwrap();

    let management = vhost.management();
    let exchanges: Vec<Value> = management.exchanges(vhost.name()).await.unwrap();
    let exchanges: Vec<Value> = exchanges
        .into_iter()
        .filter(|exchange| {
            let name = exchange["name"].as_str().unwrap();
            !name.is_empty() && !name.starts_with("amq.")
        })
        .collect();
    assert_eq!(
        rows(
            &exchanges,
            &["name", "type", "durable", "auto_delete", "arguments"]
        ),
        peers(
            &sample,
            "exchange.declare",
            &["exchange", "type", "durable", "auto_delete", "arguments"]
        )
    );
    let queues = management.queues(vhost.name()).await.unwrap();
    assert_eq!(
        rows(
            &queues,
            &["name", "durable", "auto_delete", "exclusive", "arguments"]
        ),
        peers(
            &sample,
            "queue.declare",
            &["queue", "durable", "auto_delete", "exclusive", "arguments"]
        )
    );
    let bindings = management.bindings(vhost.name()).await.unwrap();
    let bindings: Vec<Value> = bindings
        .into_iter()
        .filter(|binding| binding["source"] != "")
        .collect();
    assert_eq!(
        rows(
            &bindings,
            &["source", "destination", "routing_key", "arguments"]
        ),
        peers(
            &sample,
            "queue.bind",
            &["exchange", "queue", "routing_key", "arguments"]
        )
    );
    let expected = peers(
        &sample,
        "basic.consume",
        &["queue", "consumer_tag", "exclusive", "arguments"],
    );
    let path = format!("consumers/{}", vhost.name());
    let consumers = management
        .wait_for(&path, Duration::from_secs(15), |list| {
            list.as_array()
                .is_some_and(|list| list.len() == expected.len())
        })
        .await
        .unwrap();
    let keys = ["queue/name", "consumer_tag", "exclusive", "arguments"];
    assert_eq!(rows(consumers.as_array().unwrap(), &keys), expected);
}

struct Nobody;

impl NotificationSink for Nobody {
    fn notification(&self, _: IncomingNotification) -> Admission {
        Admission::Taken
    }
}
