//! What callers get back from a server, whatever its methods do.

use std::collections::BTreeMap;
use std::time::Duration;

use bergen_messaging::rpc::{
    AccessPolicy, Arguments, Call, DynamicEndpoint, Expected, MethodError, RemoteError, RpcError,
    RpcServer,
};
use bergen_messaging::target::{EndpointTarget, ServerTarget};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Failure;

use crate::bus::Bus;
use crate::rpc_client::{client, ctxt, endpoint, serve};

/// The failure that a call of `method` ends in.
async fn failure(
    transport: &RpcTransport,
    method: &'static str,
    arguments: &Arguments,
) -> RemoteError {
    let error = client(transport)
        .call::<()>(&ctxt(), method, arguments)
        .await
        .unwrap_err();
    error
        .remote()
        .unwrap_or_else(|| panic!("{error:?}"))
        .clone()
}

fn none() -> Arguments {
    Arguments::new()
}

#[tokio::test(start_paused = true)]
async fn unknown_methods_versions_and_namespaces_have_the_peers_names() {
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, endpoint()).await;

    let error = failure(&transport, "nosuch", &none()).await;
    assert!(error.is("oslo_messaging.rpc.dispatcher", "NoSuchMethod"));
    assert_eq!(error.message, "Endpoint does not support RPC method nosuch");
    assert_eq!(
        error.traceback,
        [
            "oslo_messaging.rpc.dispatcher.NoSuchMethod: Endpoint does not support RPC method nosuch\n"
        ]
    );

    let newer = client(&transport).prepare().version((1, 6));
    let error = newer
        .call::<()>(&ctxt(), "echo", &none())
        .await
        .unwrap_err();
    let error = error.remote().unwrap();
    assert!(error.is("oslo_messaging.rpc.dispatcher", "UnsupportedVersion"));
    assert_eq!(
        error.message,
        "Endpoint does not support RPC version 1.6. Attempted method: echo"
    );

    let elsewhere = client(&transport).prepare().namespace("elsewhere");
    let error = elsewhere
        .call::<()>(&ctxt(), "echo", &none())
        .await
        .unwrap_err();
    assert_eq!(error.remote().unwrap().class, "UnsupportedVersion");
}

#[tokio::test(start_paused = true)]
async fn one_method_name_in_two_namespaces() {
    let bus = Bus::new();
    let transport = bus.transport();
    let named = |target: EndpointTarget, name: &'static str| {
        DynamicEndpoint::new(target).method("who", move |_: Call| async move {
            Ok::<_, MethodError>(name)
        })
    };
    let server = RpcServer::builder(&transport, ServerTarget::new("t", "s"))
        .endpoint(named(EndpointTarget::new(), "plain"))
        .endpoint(named(
            EndpointTarget::new().namespace("compute_task"),
            "task",
        ))
        .build();
    server.start().await.unwrap();
    let client = client(&transport);
    let who = client.call::<String>(&ctxt(), "who", &()).await;
    assert_eq!(who, Ok("plain".to_owned()));
    let task = client.prepare().namespace("compute_task");
    assert_eq!(
        task.call::<String>(&ctxt(), "who", &()).await,
        Ok("task".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_method_does_not_exist_for_callers() {
    let bus = Bus::new();
    let transport = bus.transport();
    let endpoint = DynamicEndpoint::new(EndpointTarget::new())
        .method("_private", |_: Call| async { Ok::<_, MethodError>(()) });
    let server = RpcServer::builder(&transport, ServerTarget::new("t", "s"))
        .endpoint(endpoint)
        .access_policy(AccessPolicy::Default)
        .build();
    server.start().await.unwrap();
    assert_eq!(
        failure(&transport, "_private", &none()).await.class,
        "NoSuchMethod"
    );
}

#[tokio::test(start_paused = true)]
async fn bad_arguments_are_type_errors() {
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, endpoint()).await;

    let missing = failure(&transport, "echo", &none()).await;
    assert!(missing.is("builtins", "TypeError"));
    assert_eq!(
        missing.message,
        "echo() missing 1 required positional argument: 'value'"
    );
    assert_eq!(
        missing.traceback,
        [format!("TypeError: {}\n", missing.message)]
    );

    let unknown = Arguments::new()
        .with("value", &1)
        .unwrap()
        .with("more", &2)
        .unwrap();
    let unknown = failure(&transport, "echo", &unknown).await;
    assert!(unknown.is("builtins", "TypeError"));
    assert_eq!(
        unknown.message,
        "echo() got an unexpected keyword argument 'more'"
    );

    let wrong = Arguments::new().with("seconds", "soon").unwrap();
    assert!(
        failure(&transport, "sleep", &wrong)
            .await
            .is("builtins", "TypeError")
    );
}

fn panics(text: &str) -> std::future::Ready<Result<(), MethodError>> {
    panic!("{text}")
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_answered_and_the_server_lives_on() {
    let bus = Bus::new();
    let transport = bus.transport();
    let endpoint = endpoint()
        .method("panic_later", |_: Call| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            panics("out of order").await
        })
        .method("panic_at_once", |_: Call| panics("early"));
    let server = serve(&transport, endpoint).await;
    for (method, text) in [("panic_later", "out of order"), ("panic_at_once", "early")] {
        let error = failure(&transport, method, &none()).await;
        assert!(error.is("builtins", "RuntimeError"), "{error:?}");
        assert_eq!(error.message, format!("{method} panicked: {text}"));
    }
    let echo = Arguments::new().with("value", &1).unwrap();
    assert_eq!(
        client(&transport).call::<i64>(&ctxt(), "echo", &echo).await,
        Ok(1)
    );
    let stats = server.stats();
    assert_eq!((stats.panics, stats.failed, stats.succeeded), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_json_form_is_answered_with_a_failure() {
    let bus = Bus::new();
    let transport = bus.transport();
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("map", |_: Call| async {
        Ok::<_, MethodError>(BTreeMap::from([(vec![1], 2)]))
    });
    let _server = serve(&transport, endpoint).await;
    let error = failure(&transport, "map", &none()).await;
    assert!(error.is("builtins", "ValueError"), "{error:?}");
    assert!(
        error
            .message
            .starts_with("the result of map can't be sent: "),
        "{error:?}"
    );
}

/// An error that is part of a method's contract.
struct Busy;

impl RpcError for Busy {
    fn to_failure(&self) -> Failure {
        Failure::new("mine", "Busy", "try later")
    }

    fn from_remote(remote: &RemoteError) -> Option<Self> {
        remote.is("mine", "Busy").then_some(Self)
    }
}

#[tokio::test(start_paused = true)]
async fn expected_failures_are_sent_like_others_and_counted_apart() {
    let bus = Bus::new();
    let transport = bus.transport();
    let endpoint = DynamicEndpoint::new(EndpointTarget::new())
        .method("expected", |_: Call| async { Err::<(), _>(Expected(Busy)) })
        .method("unexpected", |_: Call| async { Err::<(), _>(Busy) });
    let server = serve(&transport, endpoint).await;
    assert!(
        failure(&transport, "expected", &none())
            .await
            .is("mine", "Busy")
    );
    assert!(
        failure(&transport, "unexpected", &none())
            .await
            .is("mine", "Busy")
    );
    let stats = server.stats();
    assert_eq!((stats.expected_failures, stats.failed), (1, 1));
    assert_eq!((stats.received, stats.dispatched, stats.replies), (2, 2, 2));
}
