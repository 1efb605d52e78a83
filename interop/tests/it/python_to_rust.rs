//! Unmodified oslo.messaging 18.3.1 calls a Rust service.

use bergen::transport::RpcTransport;
use bergen_interop::{PythonClient, RustServer, transport};
use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use crate::support::eventually;

const TOPIC: &str = "compute";

struct Pair {
    _vhost: TestVhost,
    transport: RpcTransport,
    server: RustServer,
    client: PythonClient,
}

/// One Rust server `host-1` and one Python client.
async fn pair(test: &str, client: Value) -> Pair {
    let vhost = TestVhost::new(test).await.unwrap();
    let transport = transport(&vhost.url()).unwrap();
    let server = RustServer::start(&transport, TOPIC, "host-1")
        .await
        .unwrap();
    let client = PythonClient::start(&vhost.url(), TOPIC, client)
        .await
        .unwrap();
    Pair {
        _vhost: vhost,
        transport,
        server,
        client,
    }
}

impl Pair {
    async fn call(&self, method: &str, args: Value) -> Value {
        self.client
            .call(method, args, json!({}), json!({}))
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_call_by_topic_and_by_server_is_answered() {
    let pair = pair("p2r-call", json!({})).await;
    assert_eq!(
        pair.call("add", json!({"a": 1, "b": 2})).await["result"],
        json!(3)
    );
    let to_server = pair
        .client
        .call(
            "add",
            json!({"a": 40, "b": 2}),
            json!({"server": "host-1"}),
            json!({}),
        )
        .await
        .unwrap();
    assert_eq!(to_server["result"], json!(42));
    assert_eq!(pair.server.executed(), 2);
}

#[tokio::test]
async fn values_of_every_json_type_come_back_unchanged() {
    let pair = pair("p2r-values", json!({})).await;
    let values = [
        json!(null),
        json!(true),
        json!(-7),
        json!(9_007_199_254_740_993_i64),
        json!(0.1),
        json!("snow \u{2603} and \u{1f984}, \"quoted\" \\ \n\t\u{1}"),
        json!([1, [2, []], {}]),
        json!({"a": {"b": {"c": null}}, "": 1}),
    ];
    for value in values {
        assert_eq!(
            pair.call("echo", json!({"value": value})).await["result"],
            value
        );
    }
    assert_eq!(pair.call("none", json!({})).await["result"], Value::Null);
}

#[tokio::test]
async fn namespace_and_version_choose_the_endpoint() {
    let pair = pair("p2r-namespace", json!({})).await;
    let whoami = |target: Value| pair.client.call("whoami", json!({}), target, json!({}));
    for (target, endpoint) in [
        (json!({}), "plain"),
        (json!({"version": "1.5"}), "plain"),
        (json!({"version": "1.0"}), "plain"),
        (
            json!({"namespace": "namespaced", "version": "2.0"}),
            "namespaced",
        ),
    ] {
        let answer = whoami(target.clone()).await.unwrap();
        assert_eq!(
            answer["result"]["endpoint"],
            json!(endpoint),
            "{target}: {answer}"
        );
    }
    for target in [
        json!({"version": "1.6"}),
        json!({"version": "2.0"}),
        json!({"namespace": "namespaced"}),
        json!({"namespace": "unknown", "version": "1.0"}),
    ] {
        let error = &whoami(target.clone()).await.unwrap()["error"];
        assert_eq!(error["type"], json!("RemoteError"), "{target}: {error}");
        assert!(
            error["str"]
                .as_str()
                .unwrap()
                .contains("UnsupportedVersion"),
            "{target}: {error}"
        );
    }
}

#[tokio::test]
async fn the_context_arrives_with_the_client_timeout() {
    let pair = pair("p2r-context", json!({})).await;
    let context = json!({"user_id": "u1", "roles": ["admin"], "is_admin": true});
    let more = json!({"ctxt": context.clone(), "call_monitor_timeout": 5});
    let answer = pair
        .client
        .call("whoami", json!({}), json!({}), more)
        .await
        .unwrap();
    assert_eq!(answer["result"]["ctxt"], context, "{answer}");
    assert_eq!(answer["result"]["client_timeout"], json!(5), "{answer}");
}

#[tokio::test]
async fn failures_become_the_exceptions_that_python_knows() {
    let pair = pair("p2r-failures", json!({})).await;
    let error = &pair.call("fail", json!({"kind": "value"})).await["error"];
    assert_eq!(error["type"], json!("ValueError"), "{error}");
    assert!(
        error["str"].as_str().unwrap().starts_with("value failed"),
        "{error}"
    );
    // A module that the client does not allow.
    let error = &pair.call("fail", json!({"kind": "kwargs"})).await["error"];
    assert_eq!(error["type"], json!("RemoteError"), "{error}");
    let text = error["str"].as_str().unwrap();
    assert!(
        text.contains("InstanceNotFound Instance 8a2f could not be found."),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_method_a_wrong_argument_and_a_panic_are_answered() {
    let pair = pair("p2r-mistakes", json!({})).await;
    let error = &pair.call("no_such_method", json!({})).await["error"];
    assert!(
        error["str"]
            .as_str()
            .unwrap()
            .contains("Endpoint does not support RPC method no_such_method"),
        "{error}"
    );
    for args in [
        json!({"a": 1}),
        json!({"a": 1, "b": 2, "c": 3}),
        json!({"a": 1, "b": "two"}),
    ] {
        let error = &pair.call("add", args.clone()).await["error"];
        assert_eq!(error["type"], json!("TypeError"), "{args}: {error}");
    }
    assert!(pair.call("panics", json!({})).await["error"].is_object());
    assert_eq!(
        pair.call("add", json!({"a": 1, "b": 1})).await["result"],
        json!(2)
    );
}

#[tokio::test]
async fn a_monitored_call_lives_on_keep_alives() {
    let pair = pair("p2r-monitored", json!({})).await;
    let more = json!({"call_monitor_timeout": 2, "timeout": 20});
    let args = json!({"seconds": 3.2, "value": "late"});
    let answer = pair
        .client
        .call("slow", args, json!({}), more)
        .await
        .unwrap();
    assert_eq!(answer["result"], json!("late"), "{answer}");
}

#[tokio::test]
async fn a_cast_and_a_fanout_run_once_on_each_server() {
    let pair = pair("p2r-casts", json!({})).await;
    let second = RustServer::start(&pair.transport, TOPIC, "host-2")
        .await
        .unwrap();
    let nothing = || json!({});
    pair.client
        .cast("none", json!({}), json!({"server": "host-2"}), nothing())
        .await
        .unwrap();
    eventually("the cast to host-2", || async { second.executed() == 1 }).await;
    assert_eq!(pair.server.executed(), 0);
    for _ in 0..10 {
        pair.client
            .cast("none", json!({}), json!({"fanout": true}), nothing())
            .await
            .unwrap();
    }
    eventually("ten fanouts", || async {
        pair.server.executed() == 10 && second.executed() == 11
    })
    .await;
    for _ in 0..10 {
        pair.client
            .cast("none", json!({}), json!({}), nothing())
            .await
            .unwrap();
    }
    eventually("ten casts", || async {
        pair.server.executed() + second.executed() == 31
    })
    .await;
}

#[tokio::test]
async fn a_ping_is_answered() {
    let pair = pair("p2r-ping", json!({})).await;
    assert_eq!(
        pair.call("oslo_rpc_server_ping", json!({"any": 1})).await["result"],
        json!("pong")
    );
}

#[tokio::test]
async fn many_calls_at_once_are_all_answered() {
    let pair = pair("p2r-many", json!({})).await;
    let repeat = json!({
        "op": "repeat", "count": 500, "threads": 20, "target": {"topic": TOPIC},
        "method": "echo", "args": {"value": "x"}, "timeout": 30,
    });
    let answer = pair.client.peer().request(repeat).await.unwrap();
    assert_eq!(answer["answered"], json!(500), "{answer}");
    assert_eq!(pair.server.executed(), 500);
}

#[tokio::test]
async fn a_stopped_server_answers_what_it_took_and_takes_no_more() {
    let pair = pair("p2r-stop", json!({})).await;
    let args = json!({"seconds": 1.0, "value": "done"});
    let slow = pair.call("slow", args);
    let stop = async {
        eventually("the call", || async { pair.server.executed() == 1 }).await;
        pair.server.stop().await.unwrap();
    };
    let (answer, ()) = tokio::join!(slow, stop);
    assert_eq!(answer["result"], json!("done"), "{answer}");
    let more = json!({"timeout": 1});
    let late = pair
        .client
        .call("none", json!({}), json!({}), more)
        .await
        .unwrap();
    assert_eq!(late["error"]["type"], json!("MessagingTimeout"), "{late}");
}
