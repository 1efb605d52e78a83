//! Python as the other side of what the conformance page says of clients and of the broker's entities.

use bergen::notify::Notifier;
use bergen::rpc::{CallError, RemoteError, RpcClient, RpcError, TypedCallError};
use bergen::target::ClientTarget;
use bergen::transport::{NotificationTransport, RpcTransport, TransportOptions};
use bergen::wire::{Context, Failure};
use bergen_interop::{Client, PythonClient, PythonServer, RustServer, transport};
use bergen_testbed::{PythonPeer, TestVhost};
use serde_json::{Value, json};

use crate::support::eventually;

const TOPIC: &str = "compute";

/// The error of the Python server's own module.
#[derive(Debug, PartialEq)]
struct CustomError(u32);

impl RpcError for CustomError {
    fn to_failure(&self) -> Failure {
        Failure::new("__main__", "CustomError", self.0.to_string())
    }

    fn from_remote(remote: &RemoteError) -> Option<Self> {
        remote
            .is("__main__", "CustomError")
            .then(|| Self(remote.kwarg("code").unwrap_or_default()))
    }
}

#[tokio::test]
async fn failures_of_listed_modules_become_typed_errors_and_others_stay_generic() {
    let vhost = TestVhost::new("row-a28").await.unwrap();
    let _server = PythonServer::start(&vhost.url(), TOPIC, "host-1", json!({}))
        .await
        .unwrap();
    let call = async |modules: &[&str]| -> TypedCallError<CustomError> {
        let options = TransportOptions::default().url(vhost.url().parse().unwrap());
        let options = options.allowed_remote_modules(modules.iter().copied());
        let client = RpcClient::new(
            &RpcTransport::new(options).unwrap(),
            ClientTarget::new(TOPIC),
        );
        let args = json!({"kind": "kwargs"});
        client
            .call_typed::<Value, _>(&Context::default(), "fail", &args)
            .await
            .unwrap_err()
    };
    assert_eq!(
        call(&["__main__"]).await,
        TypedCallError::Own(CustomError(42))
    );
    let other = call(&["nova.exception"]).await;
    let TypedCallError::Call(CallError::Remote(remote)) = other else {
        panic!("{other:?}")
    };
    assert_eq!(
        (remote.module.as_str(), remote.class.as_str()),
        ("__main__", "CustomError")
    );
    assert_eq!(remote.message, "it failed thing");
    assert!(
        remote
            .traceback
            .iter()
            .any(|entry| entry.contains("rpc_server.py"))
    );
    assert!(!remote.is_mappable());
}

#[tokio::test]
async fn a_listener_of_python_gets_what_the_notifier_sends() {
    let vhost = TestVhost::new("row-a33").await.unwrap();
    let options =
        json!({"url": vhost.url(), "topic": "notifications", "listen": ["info", "error"]});
    let python = PythonPeer::start("notifications.py", &options)
        .await
        .unwrap();
    let options = TransportOptions::default().url(vhost.url().parse().unwrap());
    let notifier = Notifier::new(
        &NotificationTransport::new(options).unwrap(),
        "compute.host-1",
    );
    let mut context = Context::default();
    context.insert("user_id", "u1").unwrap();
    let payload = json!({"id": "i-1", "text": "\u{2603}"});
    notifier
        .info(&context, "instance.start", &payload)
        .await
        .unwrap();
    notifier
        .error(&context, "instance.failed", &payload)
        .await
        .unwrap();
    let heard =
        async || python.request(json!({"op": "heard"})).await.unwrap()["notifications"].clone();
    eventually("two notifications", async || {
        heard().await.as_array().unwrap().len() == 2
    })
    .await;
    let mut heard = heard().await.as_array().unwrap().clone();
    heard.sort_by_key(|notification| notification["priority"].to_string());
    for (notification, (priority, event)) in heard
        .iter()
        .zip([("error", "instance.failed"), ("info", "instance.start")])
    {
        assert_eq!(notification["priority"], json!(priority));
        assert_eq!(notification["event_type"], json!(event));
        assert_eq!(notification["publisher_id"], json!("compute.host-1"));
        assert_eq!(notification["payload"], payload);
        assert_eq!(notification["ctxt"]["user_id"], json!("u1"));
        assert_eq!(
            notification["metadata"]["message_id"]
                .as_str()
                .map(str::len),
            Some(36)
        );
    }
}

/// What one side declares, with names of random queues cut before their random part.
async fn declared(vhost: &TestVhost) -> Value {
    let named = |text: &Value| {
        let text = text.as_str().unwrap();
        let random = ["reply_", "compute_fanout_"]
            .into_iter()
            .find(|name| text.starts_with(name));
        random.unwrap_or(text).to_owned()
    };
    let management = vhost.management();
    let rows = |list: Vec<Value>, names: &[&str], keys: &[&str]| {
        let mut rows: Vec<Value> = list
            .iter()
            .filter(|row| {
                !names
                    .iter()
                    .any(|name| row[*name] == "" || named(&row[*name]).starts_with("amq."))
            })
            .map(|row| {
                let names = names.iter().map(|name| json!(named(&row[*name])));
                names
                    .chain(keys.iter().map(|key| row[*key].clone()))
                    .collect()
            })
            .collect();
        rows.sort_by_key(Value::to_string);
        rows
    };
    let exchanges = management.exchanges(vhost.name()).await.unwrap();
    let queues = management.queues(vhost.name()).await.unwrap();
    let bindings = management.bindings(vhost.name()).await.unwrap();
    json!({
        "exchanges": rows(exchanges, &["name"], &["type", "durable", "auto_delete", "internal", "arguments"]),
        "queues": rows(queues, &["name"], &["durable", "auto_delete", "exclusive", "arguments"]),
        "bindings": rows(bindings, &["source", "destination"], &["routing_key", "arguments"]),
    })
}

/// A server and a client of either side alone, then the other side on the same virtual host.
async fn same_entities(name: &str, options: &[(&str, &str)]) {
    let (ours, theirs) = (
        TestVhost::new(&format!("{name}-ours")).await.unwrap(),
        TestVhost::new(&format!("{name}-theirs")).await.unwrap(),
    );
    let query: Vec<_> = options
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let conf: Value = options
        .iter()
        .map(|(name, value)| (format!("oslo_messaging_rabbit.{name}"), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let conf = json!({"conf": conf});
    let url = |vhost: &TestVhost| format!("{}?{}", vhost.url(), query.join("&"));
    let sum = json!({"a": 1, "b": 2});

    let rust = RustServer::start(&transport(&url(&ours)).unwrap(), TOPIC, "host-1")
        .await
        .unwrap();
    let rust_client = Client::of(&url(&ours), TOPIC).unwrap();
    assert_eq!(
        rust_client
            .call::<u8>(&Context::default(), "add", &sum)
            .await,
        Ok(3)
    );
    let python = PythonServer::start(&theirs.url(), TOPIC, "host-1", conf.clone())
        .await
        .unwrap();
    let python_client = PythonClient::start(&theirs.url(), TOPIC, conf.clone())
        .await
        .unwrap();
    let answer = python_client
        .call("add", sum.clone(), json!({}), json!({}))
        .await
        .unwrap();
    assert_eq!(answer["result"], json!(3), "{answer}");
    let (ours_declared, theirs_declared) = (declared(&ours).await, declared(&theirs).await);
    assert_eq!(ours_declared, theirs_declared, "{name}");
    assert_eq!(
        ours_declared["queues"].as_array().unwrap().len(),
        4,
        "{ours_declared}"
    );

    // And each beside the other, whoever came first.
    let second_python = PythonServer::start(&ours.url(), TOPIC, "host-2", conf)
        .await
        .unwrap();
    let second_rust = RustServer::start(&transport(&url(&theirs)).unwrap(), TOPIC, "host-2")
        .await
        .unwrap();
    let to_python = rust_client.prepare().server("host-2");
    assert_eq!(
        to_python.call::<u8>(&Context::default(), "add", &sum).await,
        Ok(3)
    );
    let answer = python_client
        .call("add", sum, json!({"server": "host-2"}), json!({}))
        .await
        .unwrap();
    assert_eq!(answer["result"], json!(3), "{answer}");
    drop((rust, python, second_python, second_rust));
}

#[tokio::test]
async fn both_sides_declare_the_same_with_default_options() {
    same_entities("same-default", &[]).await;
}

#[tokio::test]
async fn both_sides_declare_the_same_durable_and_auto_deleted() {
    same_entities("same-durable", &[("amqp_durable_queues", "true")]).await;
    same_entities("same-deleted", &[("amqp_auto_delete", "true")]).await;
}

#[tokio::test]
async fn both_sides_declare_the_same_quorum_queues() {
    let quorum = [
        ("rabbit_quorum_queue", "true"),
        ("rabbit_quorum_delivery_limit", "3"),
        ("rabbit_quorum_max_memory_length", "1000"),
    ];
    same_entities("same-quorum", &quorum).await;
    same_entities(
        "same-transient",
        &[("rabbit_transient_quorum_queue", "true")],
    )
    .await;
}

#[tokio::test]
async fn both_sides_declare_the_same_lifetimes_and_policies() {
    same_entities("same-ttl", &[("rabbit_transient_queues_ttl", "60")]).await;
    same_entities("same-forever", &[("rabbit_transient_queues_ttl", "0")]).await;
    same_entities("same-ha", &[("rabbit_ha_queues", "true")]).await;
}
