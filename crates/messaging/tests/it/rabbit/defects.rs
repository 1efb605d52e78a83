//! What the peer's library gets wrong at this level, and deadlines and sizes that it does not look at.

use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::{CallOptions, Driver, IncomingRequest, Retry, SendError};
use bergen_messaging::drivers::rabbit::RabbitDriver;
use bergen_messaging::rpc::{Call, CallError, DynamicEndpoint, MethodError, RpcClient, RpcServer};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::Requests;
use bergen_messaging::wire::{Context, OutgoingRequest, RawJson};
use bergen_testbed::{Direction, FaultProxy, RabbitNode, TestVhost};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::cancel::over;
use super::harness::{Server, call, cast, close, driver, request, result, through, topic};
use super::recovery::cut_and_heal;

/// Raw requests of topic `compute`, by a driver that knows no proxy.
async fn listen(vhost: &TestVhost) -> (Arc<RabbitDriver>, Requests) {
    let serving = driver(&vhost.url());
    let target = ServerTarget::new("compute", "one").into();
    let requests = over(&serving).listen(&target, 100).await.unwrap();
    (serving, requests)
}

async fn proxied(name: &str) -> (TestVhost, FaultProxy, Arc<RabbitDriver>) {
    let vhost = TestVhost::new(name).await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let client = driver(&through(&vhost.url(), &proxy));
    (vhost, proxy, client)
}

async fn next(requests: &mut Requests) -> IncomingRequest {
    let next = timeout(Duration::from_secs(20), requests.next()).await;
    next.expect("no request came").unwrap()
}

/// What the server gets of a call's time.
fn remains(request: &IncomingRequest) -> Duration {
    request.deadline.unwrap().duration_since(request.received)
}

/// A call of ten seconds in a task of its own.
fn ten_seconds(client: &Arc<RabbitDriver>) -> tokio::task::JoinHandle<()> {
    let client = Arc::clone(client);
    tokio::spawn(async move {
        let options = CallOptions::new(Instant::now() + Duration::from_secs(10));
        let _ = client
            .call(&topic("compute"), &request("m", "{}"), options)
            .await;
    })
}

/// Defect 4 of the peer: it does not know the second copy of a reply. Nor is there a need to.
#[tokio::test]
async fn defect_4_a_second_copy_of_a_reply_harms_nobody() {
    let vhost = TestVhost::new("defect-4").await.unwrap();
    let (serving, mut requests) = listen(&vhost).await;
    let client = driver(&vhost.url());
    let calling = tokio::spawn({
        let client = Arc::clone(&client);
        async move { result(&client, &topic("compute"), &request("m", "{}")).await }
    });
    let incoming = next(&mut requests).await;
    incoming.acknowledge().unwrap();
    let body = json!({
        "result": 1, "failure": null, "ending": true, "_unique_id": "1",
        "_msg_id": incoming.request.msg_id.as_deref(),
    });
    for _ in 0..2 {
        let properties = json!({"content_type": "application/json", "content_encoding": "utf-8"});
        let queue = incoming.request.reply_q.as_deref().unwrap();
        let management = vhost.management();
        let routed = management
            .publish(
                vhost.name(),
                "amq.default",
                queue,
                properties,
                &body.to_string(),
            )
            .await;
        assert!(routed.unwrap());
    }
    assert_eq!(calling.await.unwrap(), "1");
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.stats().unknown_replies == 0 {
        assert!(Instant::now() < deadline, "the copy was not seen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    close(&client).await;
    close(&serving).await;
}

/// Defect 6 of the peer: a confirm that takes longer than a call has time makes it publish the request again.
#[tokio::test]
async fn defect_6_a_slow_confirm_is_waited_for_and_nothing_is_published_twice() {
    let (vhost, proxy, client) = proxied("defect-6").await;
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let (target, echo) = (topic("compute"), request("echo", "{}"));
    result(&client, &target, &echo).await;
    proxy.delay(Direction::ToClient, Duration::from_millis(1_500));
    let start = Instant::now();
    let ended = call(&client, &target, &echo, Duration::from_millis(500)).await;
    assert!(matches!(ended, Err(SendError::Timeout(_))), "{ended:?}");
    assert!(start.elapsed() < Duration::from_millis(1_200));
    assert_eq!(result(&client, &target, &echo).await, "{}");
    assert_eq!(server.wait_for(3).await.len(), 3);
    let stats = client.stats();
    assert_eq!((stats.calls, stats.calls_republished), (3, 0));
    assert_eq!(stats.reconnects, 0, "the connection is not given up for it");
    server.stop().await;
}

/// Defect 7 of the peer: without retries a call blocks as long as the broker is away, or ends with a raw error.
#[tokio::test]
async fn defect_7_a_call_without_retries_fails_at_once_when_the_broker_is_away() {
    let (_vhost, proxy, client) = proxied("defect-7").await;
    proxy.refuse(true);
    let start = Instant::now();
    let mut options = CallOptions::new(start + Duration::from_mins(1));
    options.retry = Retry::Times(0);
    let error = client
        .call(&topic("compute"), &request("m", "{}"), options)
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Unreachable { .. }), "{error:?}");
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn the_expiration_is_what_remains_when_there_is_room_to_send() {
    let (vhost, proxy, client) = proxied("expiration-window").await;
    let (serving, mut requests) = listen(&vhost).await;
    let target = topic("compute");
    cast(&client, &target, &request("warm", "{}")).await;
    assert_eq!(next(&mut requests).await.request.method, "warm");
    // More than the window of unconfirmed messages holds: it goes alone, and nothing beside it until it is confirmed.
    proxy.hold(Direction::ToClient, true);
    let large = RawJson::encode(&json!({"body": "x".repeat(9 << 20)})).unwrap();
    let large = OutgoingRequest::new("large", large);
    let casting = tokio::spawn({
        let (client, target) = (Arc::clone(&client), target.clone());
        async move { cast(&client, &target, &large).await }
    });
    assert_eq!(next(&mut requests).await.request.method, "large");
    let calling = ten_seconds(&client);
    tokio::time::sleep(Duration::from_secs(2)).await;
    proxy.hold(Direction::ToClient, false);
    casting.await.unwrap();
    let remains = remains(&next(&mut requests).await);
    assert!(
        (Duration::from_secs(6)..Duration::from_millis(8_100)).contains(&remains),
        "{remains:?}"
    );
    calling.abort();
    close(&client).await;
    close(&serving).await;
}

#[tokio::test]
async fn the_expiration_of_a_second_copy_is_what_remains_then() {
    let (vhost, proxy, client) = proxied("expiration-again").await;
    let (serving, mut requests) = listen(&vhost).await;
    // Both connections and the reply queue stand after this one, which nobody answers.
    let (target, warm) = (topic("compute"), request("warm", "{}"));
    let unanswered = call(&client, &target, &warm, Duration::from_millis(500)).await;
    assert!(unanswered.is_err());
    assert_eq!(next(&mut requests).await.request.method, "warm");
    proxy.hold(Direction::ToClient, true);
    let calling = ten_seconds(&client);
    let first = next(&mut requests).await;
    assert!(
        remains(&first) > Duration::from_millis(9_500),
        "{:?}",
        remains(&first)
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    cut_and_heal(&proxy).await;
    let second = next(&mut requests).await;
    assert_eq!(second.request.unique_id, first.request.unique_id);
    let remains = remains(&second);
    assert!(
        (Duration::from_secs(4)..Duration::from_millis(8_100)).contains(&remains),
        "{remains:?}"
    );
    calling.abort();
    close(&client).await;
    close(&serving).await;
}

#[tokio::test]
async fn what_is_larger_than_the_broker_takes_is_told_to_the_caller() {
    let node = RabbitNode::builder()
        .config("max_message_size = 1000000")
        .start()
        .await
        .unwrap();
    let url = node.url("/");
    let serving = driver(&url);
    let endpoint =
        DynamicEndpoint::new(EndpointTarget::new()).method("fill", |call: Call| async move {
            let bytes: usize = call.arguments.member("bytes").unwrap().decode().unwrap();
            Ok::<_, MethodError>("x".repeat(bytes))
        });
    let server = RpcServer::builder(&over(&serving), ServerTarget::new("t", "s"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    let calling = driver(&url);
    let client = RpcClient::new(&over(&calling), ClientTarget::new("t"));
    let (context, large, small) = (
        Context::default(),
        json!({"bytes": 2_000_000}),
        json!({"bytes": 2}),
    );
    let fill = |arguments| client.call::<String>(&context, "fill", arguments);

    let start = Instant::now();
    let (large, first, second) = tokio::join!(fill(&large), fill(&small), fill(&small));
    let Err(CallError::Remote(error)) = large else {
        panic!("{:?}", large.map(|text| text.len()));
    };
    assert!(error.is("builtins", "ValueError"), "{error}");
    assert!(error.message.contains("larger than"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!((first, second), (Ok("xx".to_owned()), Ok("xx".to_owned())));
    assert_eq!(serving.stats().replies_replaced, 1);
    assert!(serving.stats().channel_errors <= 2, "{:?}", serving.stats());

    let request = json!({"bytes": 1, "more": "x".repeat(2_000_000)});
    let refused = fill(&request).await;
    assert!(
        matches!(refused, Err(CallError::Send(SendError::Encode { .. }))),
        "{refused:?}"
    );
    assert_eq!(fill(&small).await, Ok("xx".to_owned()));
    close(&calling).await;
    close(&serving).await;
}
