//! Services that are configured differently on one virtual host.

use std::collections::HashMap;

use bergen_interop::PythonClient;
use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use super::services::{Options, PythonService, RustService};
use crate::support::eventually;

fn options(names: &[&str]) -> Options {
    let values = names.iter().map(|name| ((*name).to_owned(), json!(true)));
    values.collect::<HashMap<_, _>>().into()
}

fn error(answer: &Value) -> &str {
    answer["error"]["str"].as_str().unwrap_or_default()
}

/// A client of ours gets through to a server of Python's, however the two differ.
async fn rust_reaches_python(name: &str, server: &[&str], client: &[&str]) {
    let vhost = TestVhost::new(name).await.unwrap();
    let python = PythonService::start(&vhost, "py", &options(server)).await;
    let rust = RustService::start(&vhost, "rs", &options(client)).await;
    assert_eq!(rust.whoami("py").await, "py", "{name}");
    rust.poke("py").await;
    rust.poke_all().await;
    eventually(&format!("the casts, {name}"), async || {
        python.pokes().await == 2 && rust.pokes() == 1
    })
    .await;
    rust.notify("nl", "mixed").await;
    eventually(&format!("the notification, {name}"), async || {
        let mut heard = python.events().await;
        heard.extend(rust.events());
        heard == ["mixed"]
    })
    .await;
    rust.stop().await;
    python.stop().await;
}

#[tokio::test]
async fn ours_call_and_fan_out_to_theirs_however_the_options_differ() {
    let quorum = ["rabbit_quorum_queue"];
    let durable = ["amqp_durable_queues"];
    let transient = ["rabbit_transient_quorum_queue"];
    for (name, server, client) in [
        ("mix-transient-default", &transient[..], &[][..]),
        ("mix-default-transient", &[], &transient),
        ("mix-quorum-default", &quorum, &[]),
        ("mix-durable-default", &durable, &[]),
        ("mix-default-quorum", &[], &quorum),
        ("mix-default-durable", &[], &durable),
        ("mix-quorum-durable", &quorum, &durable),
    ] {
        rust_reaches_python(name, server, client).await;
    }
}

/// A Python client beside a server of ours: what fails there fails for the reason that it fails with its own kind.
async fn python_to_rust(name: &str, server: &[&str], client: &[&str]) -> (Value, Value) {
    let vhost = TestVhost::new(name).await.unwrap();
    let rust = RustService::start(&vhost, "rs", &options(server)).await;
    // A client alone: a server of its own would meet the same queues.
    let conf: serde_json::Map<_, _> = client
        .iter()
        .map(|option| (format!("oslo_messaging_rabbit.{option}"), json!(true)))
        .collect();
    let url = vhost.url();
    let python = PythonClient::start(&url, "t", json!({"conf": conf}));
    let python = python.await.unwrap();
    let nothing = || json!({});
    let one = json!({"server": "rs"});
    let called = python
        .call("whoami", nothing(), one, json!({"retry": 0}))
        .await;
    let all = json!({"fanout": true});
    let fanned = python
        .cast("poke", nothing(), all, json!({"retry": 0}))
        .await;
    let (called, fanned) = (called.unwrap(), fanned.unwrap());
    if fanned.get("error").is_none() {
        eventually(&format!("the fanout, {name}"), async || rust.pokes() == 1).await;
    }
    rust.stop().await;
    (called, fanned)
}

#[tokio::test]
async fn theirs_reach_ours_where_they_reach_their_own() {
    let transient = ["rabbit_transient_quorum_queue"];
    let (called, fanned) = python_to_rust("xim-transient-default", &transient, &[]).await;
    assert_eq!(called["result"], json!("rs"), "{called}");
    assert!(
        error(&fanned).contains("inequivalent arg 'durable'"),
        "{fanned}"
    );

    let (called, fanned) = python_to_rust("xim-default-transient", &[], &transient).await;
    assert_eq!(called["result"], json!("rs"), "{called}");
    assert_eq!(fanned.get("error"), None, "{fanned}");

    for (name, option) in [
        ("xim-quorum-default", "rabbit_quorum_queue"),
        ("xim-durable-default", "amqp_durable_queues"),
    ] {
        let (called, fanned) = python_to_rust(name, &[option], &[]).await;
        assert!(
            error(&called).contains("inequivalent arg 'durable'"),
            "{called}"
        );
        assert_eq!(fanned.get("error"), None, "{fanned}");
    }
    for (name, option) in [
        ("xim-default-quorum", "rabbit_quorum_queue"),
        ("xim-default-durable", "amqp_durable_queues"),
    ] {
        let (called, fanned) = python_to_rust(name, &[], &[option]).await;
        assert_eq!(called["result"], json!("rs"), "{called}");
        assert_eq!(fanned.get("error"), None, "{fanned}");
    }
}
