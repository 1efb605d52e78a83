//! Negative controls: what must fail, fails. A suite that passes here whatever happens shows nothing.

use std::time::Duration;

use bergen::driver::SendError;
use bergen::rpc::CallError;
use bergen::wire::Context;
use bergen_interop::{Client, PythonClient, PythonServer, RustServer, transport};
use bergen_testbed::{Direction, FaultProxy, PythonPeer, TestVhost};
use serde_json::{Value, json};

use crate::support::eventually;

const TOPIC: &str = "compute";

/// Changes the envelope's version in everything that passes.
fn corrupt_envelope(bytes: &mut [u8]) {
    let (from, to) = (
        b"oslo.version\": \"2.0\"".as_slice(),
        b"oslo.version\": \"3.0\"".as_slice(),
    );
    replace(bytes, from, to);
    replace(bytes, b"oslo.version\":\"2.0\"", b"oslo.version\":\"3.0\"");
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
}

/// The URL of `vhost` through `proxy`.
fn through(vhost: &TestVhost, proxy: &FaultProxy) -> String {
    let direct = format!(":{}/", vhost.rabbit().port());
    let url = vhost.url().replace(&direct, &format!(":{}/", proxy.port()));
    assert_ne!(url, vhost.url());
    url
}

/// Publishes a body by hand.
async fn publish(raw: &PythonPeer, body: &str) {
    let answer = raw
        .request(json!({"op": "publish", "routing_key": TOPIC, "body": body}))
        .await
        .unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
}

#[tokio::test]
async fn a_corrupted_envelope_from_python_is_not_answered() {
    let vhost = TestVhost::new("neg-p2r").await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let server = RustServer::start(&transport, TOPIC, "host-1")
        .await
        .unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let client = PythonClient::start(&through(&vhost, &proxy), TOPIC, json!({}))
        .await
        .unwrap();
    let nothing = || json!({});
    let call = || client.call("none", nothing(), nothing(), json!({"timeout": 2}));
    assert_eq!(call().await.unwrap()["result"], Value::Null);
    proxy.mutate(Direction::ToServer, |bytes| corrupt_envelope(bytes));
    assert_eq!(
        call().await.unwrap()["error"]["type"],
        json!("MessagingTimeout")
    );
    assert_eq!(server.executed(), 1);
    // Rejected, not left behind or redelivered for ever.
    let management = vhost.management();
    let name = vhost.name().to_owned();
    eventually("the queue to be empty", || async {
        let queue = management.queue(&name, TOPIC).await.unwrap();
        queue["messages_unacknowledged"] == json!(0) && queue["messages_ready"] == json!(0)
    })
    .await;
}

#[tokio::test]
async fn a_corrupted_envelope_from_rust_is_not_answered() {
    let vhost = TestVhost::new("neg-r2p").await.unwrap();
    let server = PythonServer::start(&vhost.url(), TOPIC, "host-1", json!({}))
        .await
        .unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let client = Client::of(&through(&vhost, &proxy), TOPIC)
        .unwrap()
        .prepare()
        .timeout(Duration::from_secs(2));
    let call = async || client.call::<Value>(&Context::default(), "none", &()).await;
    assert_eq!(call().await, Ok(Value::Null));
    proxy.mutate(Direction::ToServer, |bytes| corrupt_envelope(bytes));
    let ended = call().await;
    assert!(
        matches!(ended, Err(CallError::Send(SendError::Timeout(_)))),
        "{ended:?}"
    );
    assert_eq!(server.executed("none").await.unwrap(), 1);
}

#[tokio::test]
async fn a_corrupted_reply_is_not_taken_for_an_answer() {
    let vhost = TestVhost::new("neg-reply").await.unwrap();
    let _server = PythonServer::start(&vhost.url(), TOPIC, "host-1", json!({}))
        .await
        .unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let client = Client::of(&through(&vhost, &proxy), TOPIC)
        .unwrap()
        .prepare()
        .timeout(Duration::from_secs(2));
    let call = async || client.call::<Value>(&Context::default(), "none", &()).await;
    assert_eq!(call().await, Ok(Value::Null));
    proxy.mutate(Direction::ToClient, |bytes| corrupt_envelope(bytes));
    let ended = call().await;
    assert!(
        matches!(ended, Err(CallError::Send(SendError::Timeout(_)))),
        "{ended:?}"
    );
}

/// An acknowledgement that never reaches the broker leaves the request with it: it comes again after the connection is
/// cut, and is recognised, so that the method still runs once.
#[tokio::test]
async fn a_dropped_ack_is_noticed_and_the_request_runs_once() {
    let vhost = TestVhost::new("neg-ack").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let transport = transport(&through(&vhost, &proxy)).unwrap();
    let server = RustServer::start(&transport, TOPIC, "host-1")
        .await
        .unwrap();
    let raw = PythonPeer::start("raw.py", &json!({"url": vhost.url()}))
        .await
        .unwrap();
    let request =
        json!({"method": "none", "args": {}, "_unique_id": "0123456789abcdef0123456789abcdef"});
    let body = json!({"oslo.version": "2.0", "oslo.message": request.to_string()}).to_string();
    proxy.black_hole(Direction::ToServer, true);
    publish(&raw, &body).await;
    eventually("the request", || async { server.executed() == 1 }).await;
    let management = vhost.management();
    let name = vhost.name().to_owned();
    eventually("the request to stay unacknowledged", || async {
        management.queue(&name, TOPIC).await.unwrap()["messages_unacknowledged"] == json!(1)
    })
    .await;
    proxy.heal();
    proxy.cut();
    eventually("the request to be acknowledged", || async {
        let queue = management.queue(&name, TOPIC).await.unwrap();
        queue["messages"] == json!(0) && queue["consumers"] == json!(1)
    })
    .await;
    assert_eq!(server.executed(), 1);
    assert_eq!(server.server().stats().duplicates, 1);
}

#[tokio::test]
async fn hostile_bodies_are_rejected_and_the_server_lives_on() {
    let vhost = TestVhost::new("neg-bodies").await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let server = RustServer::start(&transport, TOPIC, "host-1")
        .await
        .unwrap();
    let raw = PythonPeer::start("raw.py", &json!({"url": vhost.url()}))
        .await
        .unwrap();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies = [
        String::new(),
        "not json".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        deep.clone(),
        json!({"oslo.version": "9.9", "oslo.message": "{}"}).to_string(),
        json!({"oslo.version": "2.0", "oslo.message": "[1]"}).to_string(),
        json!({"oslo.version": "2.0", "oslo.message": deep}).to_string(),
        json!({"oslo.version": "2.0", "oslo.message": "{\"method\": 1, \"args\": null}"})
            .to_string(),
    ];
    for body in &bodies {
        publish(&raw, body).await;
    }
    let client = Client::of(&vhost.url(), TOPIC).unwrap();
    let sum: i64 = client
        .call(&Context::default(), "add", &json!({"a": 1, "b": 2}))
        .await
        .unwrap();
    assert_eq!((sum, server.executed()), (3, 1));
    let management = vhost.management();
    let name = vhost.name().to_owned();
    eventually("the queue to be empty", || async {
        management.queue(&name, TOPIC).await.unwrap()["messages"] == json!(0)
    })
    .await;
}
