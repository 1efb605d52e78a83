//! What peers see of cancelling: nothing.

use std::time::Duration;

use bergen::wire::Context;
use bergen_interop::{Client, PythonClient, PythonServer, RustServer, transport};
use bergen_testbed::{PythonPeer, TestVhost};
use serde_json::{Value, json};
use tokio::time::timeout;

const TOPIC: &str = "compute";

async fn raw(vhost: &TestVhost) -> PythonPeer {
    PythonPeer::start("raw.py", &json!({"url": vhost.url()}))
        .await
        .unwrap()
}

async fn ask(peer: &PythonPeer, command: Value) -> Value {
    let answer = peer.request(command).await.unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
    answer
}

/// The message that a body's envelope holds.
fn opened(body: &str) -> Value {
    let envelope: Value = serde_json::from_str(body).unwrap();
    serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap()
}

/// What a peer has complained about: nothing that is not a warning of its own start.
fn complaints(peer: &PythonPeer) -> Vec<String> {
    let output = peer.output();
    let words = [
        "reply",
        "message",
        "msg_id",
        "Traceback",
        "Error",
        "keep",
        "unknown",
    ];
    let lines = output.lines().map(str::to_owned);
    lines
        .filter(|line| words.iter().any(|word| line.contains(word)))
        .collect()
}

/// Every message to the caller's queue is seen here, as the broker has it.
#[tokio::test]
async fn a_python_caller_of_a_slow_method_gets_the_answer_and_no_message_more() {
    let vhost = TestVhost::new("cancel-p2r").await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let _server = RustServer::start(&transport, TOPIC, "host-1")
        .await
        .unwrap();
    let raw = raw(&vhost).await;
    let queue = "reply_by_hand";
    ask(&raw, json!({"op": "declare", "queue": queue})).await;
    // The request of a Python client, letter by letter what its library writes.
    let request = json!({
        "method": "slow", "args": {"seconds": 1.2, "value": "done"}, "version": "1.0",
        "_msg_id": "654042547409423384ba1bd0e32750a3", "_reply_q": queue, "_timeout": null,
        "_unique_id": "203125b9dbf2456a8585a28ad3e5f742",
    });
    let body = json!({"oslo.version": "2.0", "oslo.message": request.to_string()}).to_string();
    let publish =
        json!({"op": "publish", "exchange": "openstack", "routing_key": TOPIC, "body": body});
    ask(&raw, publish).await;
    let get = |seconds: f64| json!({"op": "get", "queue": queue, "seconds": seconds});
    let first = ask(&raw, get(10.0)).await;
    let reply = opened(first["message"]["body"].as_str().unwrap());
    let mut keys: Vec<_> = reply.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        ["_msg_id", "_unique_id", "ending", "failure", "result"]
    );
    assert_eq!(
        (&reply["ending"], &reply["result"]),
        (&json!(true), &json!("done"))
    );
    let second = ask(&raw, get(0.5)).await;
    assert_eq!(second["message"], Value::Null, "one message is all");

    let client = PythonClient::start(&vhost.url(), TOPIC, json!({}))
        .await
        .unwrap();
    let arguments = json!({"seconds": 0.6, "value": 7});
    let answer = client
        .call("slow", arguments, json!({}), json!({}))
        .await
        .unwrap();
    assert_eq!(answer["result"], json!(7));
    assert_eq!(complaints(client.peer()), [""; 0]);
}

/// The control to the test above: a caller who asks does get a message more.
#[tokio::test]
async fn a_caller_who_understands_cancels_is_told_where_to_send_them() {
    let vhost = TestVhost::new("cancel-control").await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let _server = RustServer::start(&transport, TOPIC, "host-1")
        .await
        .unwrap();
    let raw = raw(&vhost).await;
    let queue = "reply_by_hand";
    ask(&raw, json!({"op": "declare", "queue": queue})).await;
    let request = json!({
        "method": "slow", "args": {"seconds": 1.2, "value": "done"}, "_unique_id": "1",
        "_msg_id": "654042547409423384ba1bd0e32750a3", "_reply_q": queue, "_bergen_cancel": true,
    });
    let body = json!({"oslo.version": "2.0", "oslo.message": request.to_string()}).to_string();
    let publish =
        json!({"op": "publish", "exchange": "openstack", "routing_key": TOPIC, "body": body});
    ask(&raw, publish).await;
    let mut replies = Vec::new();
    for _ in 0..2 {
        let got = ask(&raw, json!({"op": "get", "queue": queue, "seconds": 10})).await;
        replies.push(opened(got["message"]["body"].as_str().unwrap()));
    }
    assert_eq!(
        (&replies[0]["ending"], &replies[1]["ending"]),
        (&json!(false), &json!(true))
    );
    let control = replies[0]["_bergen_control"].as_str().unwrap();
    assert!(control.starts_with("reply_"), "{control}");
    assert_eq!(replies[1].get("_bergen_control"), None);
}

#[tokio::test]
async fn a_python_server_does_not_notice_that_rust_could_cancel() {
    let vhost = TestVhost::new("cancel-r2p").await.unwrap();
    let server = PythonServer::start(&vhost.url(), TOPIC, "host-1", json!({}))
        .await
        .unwrap();
    let client = Client::of(&vhost.url(), TOPIC).unwrap();
    let context = Context::default();
    let arguments = json!({"seconds": 0.8, "value": 7});
    let answer: Value = client.call(&context, "slow", &arguments).await.unwrap();
    assert_eq!(answer, json!(7));
    // The method sees nothing of it.
    let seen: Value = client.call(&context, "whoami", &()).await.unwrap();
    assert!(!seen.to_string().contains("bergen"), "{seen}");
    // One that is given up runs to its end, and its answer finds nobody.
    let given_up = client.call::<Value>(&context, "slow", &arguments);
    assert!(timeout(Duration::from_millis(400), given_up).await.is_err());
    let answer: Value = client.call(&context, "slow", &arguments).await.unwrap();
    assert_eq!(answer, json!(7));
    assert_eq!(server.executed("slow").await.unwrap(), 3);
    assert_eq!(complaints(server.peer()), [""; 0]);
}

/// That the calls above really say it.
#[tokio::test]
async fn a_call_of_ours_says_that_it_can_be_cancelled_and_a_cast_does_not() {
    let vhost = TestVhost::new("cancel-key").await.unwrap();
    let raw = raw(&vhost).await;
    let declare = json!({
        "op": "declare", "exchange": "openstack", "queue": TOPIC, "routing_key": TOPIC,
    });
    ask(&raw, declare).await;
    let client = Client::of(&vhost.url(), TOPIC).unwrap();
    let context = Context::default();
    let call = client.call::<Value>(&context, "m", &());
    assert!(timeout(Duration::from_secs(1), call).await.is_err());
    client.cast(&context, "m", &()).await.unwrap();
    for (key, expected) in [("call", Some(&json!(true))), ("cast", None)] {
        let got = ask(&raw, json!({"op": "get", "queue": TOPIC, "seconds": 10})).await;
        let request = opened(got["message"]["body"].as_str().unwrap());
        assert_eq!(request.get("_bergen_cancel"), expected, "{key}: {request}");
    }
}
