//! Rust calls an unmodified oslo.messaging 18.3.1 server.

use std::time::Duration;

use bergen::driver::{Finding, SendError};
use bergen::rpc::{CallError, PreparedClient, RemoteError, RpcError};
use bergen::target::Version;
use bergen::wire::{Context, RawJson};
use bergen_interop::{Client, Custom, PythonServer};
use bergen_testbed::TestVhost;
use serde_json::{Value, json};

use crate::support::eventually;

const TOPIC: &str = "compute";

struct Pair {
    vhost: TestVhost,
    server: PythonServer,
    client: PreparedClient,
}

/// One Python server `host-1` and one Rust client.
async fn pair(test: &str, server: Value) -> Pair {
    let vhost = TestVhost::new(test).await.unwrap();
    let server = PythonServer::start(&vhost.url(), TOPIC, "host-1", server)
        .await
        .unwrap();
    let client = Client::of(&vhost.url(), TOPIC)
        .unwrap()
        .prepare()
        .timeout(Duration::from_secs(15));
    Pair {
        vhost,
        server,
        client,
    }
}

impl Pair {
    async fn call(&self, method: &'static str, args: Value) -> Result<Value, CallError> {
        self.client.call(&Context::default(), method, &args).await
    }

    async fn remote(
        &self,
        client: PreparedClient,
        method: &'static str,
        args: Value,
    ) -> RemoteError {
        let ended: Result<Value, CallError> = client.call(&Context::default(), method, &args).await;
        match ended {
            Err(CallError::Remote(error)) => *error,
            other => panic!("{method}: {other:?}"),
        }
    }
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_call_by_topic_and_by_server_is_answered() {
    let pair = pair("r2p-call", json!({})).await;
    assert_eq!(
        pair.call("add", json!({"a": 1, "b": 2})).await,
        Ok(json!(3))
    );
    let to_server = pair.client.prepare().server("host-1");
    let sum: i64 = to_server
        .call(&Context::default(), "add", &json!({"a": 40, "b": 2}))
        .await
        .unwrap();
    assert_eq!(sum, 42);
    assert_eq!(pair.call("none", json!({})).await, Ok(Value::Null));
    assert_eq!(pair.server.executed("add").await.unwrap(), 2);
}

#[tokio::test]
async fn values_of_every_json_type_arrive_unchanged() {
    let pair = pair("r2p-values", json!({})).await;
    let value = json!({
        "text": "snow \u{2603} and \u{1f984}, \"quoted\" \\ \n\t\u{1}",
        "numbers": [0, -7, 9_007_199_254_740_993_i64, 0.1, 1e300],
        "rest": [null, true, {}, [], {"": {"a": []}}],
    });
    assert_eq!(
        pair.call("echo", json!({"value": value.clone()})).await,
        Ok(value)
    );
    let zoo: RawJson = pair
        .client
        .call(&Context::default(), "zoo", &json!({}))
        .await
        .unwrap();
    assert_eq!(
        zoo.member("huge").unwrap().as_str(),
        "1208925819614629174706176"
    );
    assert_eq!(
        zoo.member("tuple").unwrap().decode::<Vec<u8>>().unwrap(),
        [1, 2]
    );
    let text: String = zoo.member("text").unwrap().decode().unwrap();
    assert_eq!(text, "snow \u{2603} and \u{1f984}, \"quoted\" \\ \n\t\u{1}");
}

#[tokio::test]
async fn namespace_and_version_choose_the_endpoint() {
    let pair = pair("r2p-namespace", json!({})).await;
    let plain = pair.client.prepare();
    let cases = [
        (plain.prepare(), "plain"),
        (plain.prepare().version(version("1.5")), "plain"),
        (
            plain
                .prepare()
                .namespace("namespaced")
                .version(version("2.0")),
            "namespaced",
        ),
    ];
    for (client, endpoint) in cases {
        let seen: Value = client
            .call(&Context::default(), "whoami", &json!({}))
            .await
            .unwrap();
        assert_eq!(seen["endpoint"], json!(endpoint));
    }
    for client in [
        plain.prepare().version(version("1.6")),
        plain.prepare().namespace("unknown"),
    ] {
        let error = pair.remote(client, "whoami", json!({})).await;
        assert!(
            error.is("oslo_messaging.rpc.dispatcher", "UnsupportedVersion"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn the_context_arrives() {
    let pair = pair("r2p-context", json!({})).await;
    let mut context = Context::default();
    context.insert("user_id", "u1").unwrap();
    context.insert("roles", &["admin"]).unwrap();
    let seen: Value = pair
        .client
        .call(&context, "whoami", &json!({}))
        .await
        .unwrap();
    assert_eq!(
        seen["ctxt"],
        json!({"user_id": "u1", "roles": ["admin"], "client_timeout": null})
    );
}

#[tokio::test]
async fn failures_of_known_and_unknown_modules_are_typed() {
    let pair = pair("r2p-failures", json!({})).await;
    let error = pair
        .remote(pair.client.prepare(), "fail", json!({"kind": "value"}))
        .await;
    assert_eq!(
        Custom::from_remote(&error),
        Some(Custom::Value("it failed".to_owned()))
    );
    assert!(
        error
            .traceback
            .iter()
            .any(|entry| entry.contains("rpc_server.py")),
        "{error:?}"
    );
    let error = pair
        .remote(pair.client.prepare(), "fail", json!({"kind": "kwargs"}))
        .await;
    assert_eq!(
        (error.module.as_str(), error.class.as_str()),
        ("__main__", "CustomError")
    );
    assert_eq!(error.message, "it failed thing");
    assert_eq!(error.kwarg::<u32>("code"), Some(42));
    assert_eq!(Custom::from_remote(&error), None);
}

#[tokio::test]
async fn an_unknown_method_and_bad_arguments_are_remote_errors() {
    let pair = pair("r2p-mistakes", json!({})).await;
    let error = pair
        .remote(pair.client.prepare(), "no_such_method", json!({}))
        .await;
    assert!(
        error.is("oslo_messaging.rpc.dispatcher", "NoSuchMethod"),
        "{error:?}"
    );
    let error = pair
        .remote(pair.client.prepare(), "add", json!({"a": 1}))
        .await;
    assert!(error.is("builtins", "TypeError"), "{error:?}");
}

#[tokio::test]
async fn our_type_errors_read_like_pythons() {
    let vhost = TestVhost::new("r2p-texts").await.unwrap();
    let python = PythonServer::start(&vhost.url(), "python", "host-1", json!({}))
        .await
        .unwrap();
    let transport = bergen_interop::transport(&vhost.url()).unwrap();
    let rust = bergen_interop::RustServer::start(&transport, "rust", "host-1")
        .await
        .unwrap();
    for args in [json!({}), json!({"a": 1}), json!({"a": 1, "b": 2, "c": 3})] {
        let mut texts = Vec::new();
        for topic in ["python", "rust"] {
            let client = Client::of(&vhost.url(), topic).unwrap();
            let ended: Result<Value, CallError> =
                client.call(&Context::default(), "add", &args).await;
            let text = ended.unwrap_err().remote().unwrap().message.clone();
            // The name of the class stands before the method's, in both.
            texts.push(text.replace("Endpoint.", "").replace("Service.", ""));
        }
        assert_eq!(texts[0], texts[1], "{args}");
    }
    rust.stop().await.unwrap();
    python.stop().await.unwrap();
}

#[tokio::test]
async fn a_monitored_call_lives_on_keep_alives() {
    let pair = pair("r2p-monitored", json!({})).await;
    let client = pair
        .client
        .prepare()
        .timeout(Duration::from_secs(20))
        .call_monitor_timeout(Some(Duration::from_secs(2)));
    let args = json!({"seconds": 3.2, "value": "late"});
    let answer: String = client
        .call(&Context::default(), "slow", &args)
        .await
        .unwrap();
    assert_eq!(answer, "late");
}

#[tokio::test]
async fn a_cast_and_a_fanout_run_once_on_each_server() {
    let pair = pair("r2p-casts", json!({})).await;
    let second = PythonServer::start(&pair.vhost.url(), TOPIC, "host-2", json!({}))
        .await
        .unwrap();
    let executed = async || {
        (
            pair.server.executed("none").await.unwrap(),
            second.executed("none").await.unwrap(),
        )
    };
    pair.client
        .prepare()
        .server("host-2")
        .cast(&Context::default(), "none", &())
        .await
        .unwrap();
    eventually("the cast to host-2", async || executed().await == (0, 1)).await;
    let everyone = pair.client.prepare().fanout(true);
    for _ in 0..10 {
        everyone
            .cast(&Context::default(), "none", &())
            .await
            .unwrap();
    }
    eventually("ten fanouts", async || executed().await == (10, 11)).await;
    for _ in 0..10 {
        pair.client
            .cast(&Context::default(), "none", &())
            .await
            .unwrap();
    }
    eventually("ten casts", async || {
        let (first, second) = executed().await;
        first + second == 31
    })
    .await;
}

#[tokio::test]
async fn a_ping_is_answered() {
    let pair = pair("r2p-ping", json!({"ping": true})).await;
    assert_eq!(
        pair.call("oslo_rpc_server_ping", json!({})).await,
        Ok(json!("pong"))
    );
}

#[tokio::test]
async fn many_calls_at_once_are_all_answered() {
    let pair = pair("r2p-many", json!({})).await;
    let calls = (0..500).map(|number| {
        let client = pair.client.prepare();
        tokio::spawn(async move {
            let answer: Result<u32, CallError> = client
                .call(&Context::default(), "echo", &json!({"value": number}))
                .await;
            assert_eq!(answer, Ok(number));
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(pair.server.executed("echo").await.unwrap(), 500);
}

#[tokio::test]
async fn a_stopped_python_server_is_named_in_the_timeout() {
    let pair = pair("r2p-stopped", json!({})).await;
    let Pair {
        vhost: _vhost,
        server,
        client,
    } = pair;
    server.stop().await.unwrap();
    let started = std::time::Instant::now();
    let client = client.timeout(Duration::from_secs(3));
    let ended: Result<Value, CallError> =
        client.call(&Context::default(), "none", &json!({})).await;
    let Err(CallError::Send(SendError::Timeout(timeout))) = ended else {
        panic!("{ended:?}");
    };
    assert!(
        timeout
            .findings
            .iter()
            .any(|finding| matches!(finding, Finding::NoConsumer { queue } if queue == TOPIC)),
        "{timeout}"
    );
    assert!(started.elapsed() < Duration::from_secs(4));
}
