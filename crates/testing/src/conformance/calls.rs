//! Calls and their answers.

use std::collections::HashSet;

use bergen_messaging::driver::SendError;
use bergen_messaging::rpc::{Call, CallError, DynamicEndpoint, MethodError, RpcClient, RpcServer};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::wire::Context;
use serde_json::{Value, json};

use super::Subject;
use super::service::{SOON, Service, builder, client, context};

/// A call runs on one server of the topic and yields what the method returned.
pub async fn a_call_is_answered_by_a_server_of_its_topic(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let sent = json!({"a": [1, 2.5, null, true], "b": {"c": "ü ☃ \u{1f600}"}});
    let echoed: Value = client.call(&context(), "echo", &sent).await.unwrap();
    assert_eq!(echoed, sent);
    let nothing: Value = client.call(&context(), "note", &()).await.unwrap();
    assert_eq!(nothing, Value::Null);
    assert_eq!(server.seen().len(), 2);
    transport.close(SOON).await;
    server.stop().await;
}

/// A target that names a server reaches that one only.
pub async fn a_call_to_one_server_goes_there(subject: &Subject) {
    let servers = [
        Service::start(subject, "one").await,
        Service::start(subject, "two").await,
    ];
    let (transport, client) = client(subject);
    for name in ["one", "two", "one"] {
        let direct = client.prepare().server(name);
        let answer: String = direct.call(&context(), "whoami", &()).await.unwrap();
        assert_eq!(answer, name);
    }
    transport.close(SOON).await;
    for server in servers {
        server.stop().await;
    }
}

/// Servers of one topic take turns.
pub async fn calls_are_spread_over_the_servers_of_a_topic(subject: &Subject) {
    let servers = [
        Service::start(subject, "one").await,
        Service::start(subject, "two").await,
    ];
    let (transport, client) = client(subject);
    let mut answered = HashSet::new();
    for _ in 0..6 {
        let name: String = client.call(&context(), "whoami", &()).await.unwrap();
        answered.insert(name);
    }
    assert_eq!(answered.len(), 2, "one server got all calls");
    transport.close(SOON).await;
    for server in servers {
        server.stop().await;
    }
}

/// What the caller says of itself arrives with the request.
pub async fn arguments_and_context_arrive_as_they_were_sent(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let args = json!({"small": -1, "large": 18_446_744_073_709_551_615_u64, "text": "\"\\\n\u{0}"});
    let seen: Value = client.call(&context(), "context", &args).await.unwrap();
    assert_eq!(
        seen,
        json!({"user_id": "user-1", "roles": ["admin", "member"]})
    );
    assert_eq!(server.seen()[0].1, args);
    transport.close(SOON).await;
    server.stop().await;
}

/// Class, module, text and arguments of a failure come through.
pub async fn a_failure_comes_back_as_the_server_sent_it(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let failed = client.call::<Value>(&context(), "fail", &()).await;
    let error = failed.unwrap_err();
    let remote = error.remote().expect("a failure of the method");
    assert_eq!(
        (
            remote.module.as_str(),
            remote.class.as_str(),
            remote.message.as_str()
        ),
        ("nova.exception", "InstanceNotFound", "no instance 7")
    );
    assert!(
        remote
            .kwargs
            .json_eq(&serde_raw(&json!({"instance_id": 7})))
    );
    transport.close(SOON).await;
    server.stop().await;
}

/// What no endpoint offers is answered with the peer's errors.
pub async fn unknown_methods_and_versions_are_told_to_the_caller(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let class = async |client: bergen_messaging::rpc::PreparedClient, method: &'static str| {
        let failed = client.call::<Value>(&context(), method, &()).await;
        failed.unwrap_err().remote().unwrap().class.clone()
    };
    assert_eq!(
        class(client.prepare(), "no_such_method").await,
        "NoSuchMethod"
    );
    let newer = client.prepare().version((1, 5));
    assert_eq!(class(newer, "echo").await, "UnsupportedVersion");
    let elsewhere = client.prepare().namespace("elsewhere");
    assert_eq!(class(elsewhere, "echo").await, "UnsupportedVersion");
    let older = client.prepare().version((1, 4));
    let _: Value = older.call(&context(), "echo", &()).await.unwrap();
    transport.close(SOON).await;
    server.stop().await;
}

/// Answers find their own call among many.
pub async fn each_of_many_calls_gets_its_own_answer(subject: &Subject) {
    let server = Service::limited(subject, "one", 64).await;
    let (transport, client) = client(subject);
    let calls = (0..500).map(|number: u32| {
        let client = client.clone();
        tokio::spawn(async move {
            let sent = json!({"number": number});
            let echoed: Value = client
                .call(&Context::default(), "echo", &sent)
                .await
                .unwrap();
            assert_eq!(echoed, sent);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(server.seen().len(), 500);
    transport.close(SOON).await;
    server.stop().await;
}

/// A method calls another service, on the transport that it is served on.
pub async fn a_handler_calls_on(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let transport = subject.rpc();
    let next = RpcClient::new(&transport, ClientTarget::new(super::service::TOPIC));
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("ask", move |call: Call| {
        let next = next.clone();
        async move {
            let name: String = next.call(&call.context, "whoami", &()).await?;
            Ok::<_, MethodError>(format!("{name} says so"))
        }
    });
    let middle = RpcServer::builder(&transport, ServerTarget::new("middle", "m"))
        .endpoint(endpoint)
        .build();
    middle.start().await.unwrap();
    let (caller, client) = client(subject);
    let asked = client.prepare().topic("middle");
    let answer: String = asked.call(&context(), "ask", &()).await.unwrap();
    assert_eq!(answer, "one says so");
    middle.stop().await.unwrap();
    middle.wait().await.unwrap();
    transport.close(SOON).await;
    caller.close(SOON).await;
    server.stop().await;
}

/// A call that finds no queue fails, well before its deadline: its method ran nowhere.
pub async fn a_call_to_nobody_says_that_there_is_no_server(subject: &Subject) {
    let (transport, client) = client(subject);
    let start = tokio::time::Instant::now();
    let patient = client.prepare().topic("nobody");
    let error = patient
        .call::<Value>(&context(), "echo", &())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CallError::Send(SendError::NoServer { routing_key, .. }) if routing_key == "nobody"),
        "{error:?}"
    );
    assert!(start.elapsed() < SOON * 3 / 4, "{:?}", start.elapsed());
    transport.close(SOON).await;
}

/// `at_least_once` gives servers no time to appear.
pub async fn a_call_that_must_be_taken_at_once_is_undeliverable_without_a_queue(subject: &Subject) {
    let (transport, builder) = builder(subject);
    let client = builder.at_least_once(true).build();
    let nobody = client.prepare().topic("nobody");
    let error = nobody
        .call::<Value>(&context(), "echo", &())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CallError::Send(SendError::Undeliverable { .. })),
        "{error:?}"
    );
    transport.close(SOON).await;
}

fn serde_raw(value: &Value) -> bergen_messaging::wire::RawJson {
    bergen_messaging::wire::RawJson::encode(value).unwrap()
}
