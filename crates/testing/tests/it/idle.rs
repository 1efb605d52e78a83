//! Waiting until nothing goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcClient, RpcServer};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Context;
use bergen_testing::TestBus;
use serde_json::json;
use tokio::time::Instant;

/// A server whose `down` casts on with one less, after a second, until nothing is left.
async fn chain(transport: &RpcTransport) -> (RpcServer, Arc<AtomicU32>) {
    let ran = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&ran);
    let client = RpcClient::new(transport, ClientTarget::new("chain"));
    let endpoint = DynamicEndpoint::new(EndpointTarget::new())
        .method("down", move |call: Call| {
            let (counter, client) = (Arc::clone(&counter), client.clone());
            async move {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                let left: u32 = call.arguments.member("left").unwrap().decode().unwrap();
                if left > 0 {
                    let args = json!({"left": left - 1});
                    client.cast(&call.context, "down", &args).await?;
                }
                Ok::<_, MethodError>(())
            }
        })
        .method("stuck", |_: Call| async {
            std::future::pending::<()>().await;
            Ok::<_, MethodError>(())
        });
    let server = RpcServer::builder(transport, ServerTarget::new("chain", "s"))
        .endpoint(endpoint)
        .limit(2)
        .build();
    server.start().await.unwrap();
    (server, ran)
}

#[tokio::test(start_paused = true)]
async fn the_bus_is_idle_when_the_last_handler_has_ended() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let (_server, ran) = chain(&transport).await;
    let client = RpcClient::new(&transport, ClientTarget::new("chain"));
    let start = Instant::now();
    // More than the limit lets run at once.
    for _ in 0..5 {
        client
            .cast(&Context::default(), "down", &json!({"left": 3}))
            .await
            .unwrap();
    }
    assert!(!bus.idle_within(Duration::from_secs(2)).await);
    bus.wait_until_idle().await;
    assert_eq!(ran.load(Ordering::SeqCst), 20);
    assert!(start.elapsed() >= Duration::from_secs(10));
    bus.wait_until_idle().await;
}

#[tokio::test]
async fn the_bus_is_idle_in_real_time_too() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let (_server, ran) = chain(&transport).await;
    let client = RpcClient::new(&transport, ClientTarget::new("chain"));
    client
        .cast(&Context::default(), "down", &json!({"left": 0}))
        .await
        .unwrap();
    bus.wait_until_idle().await;
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_listens_for_keeps_nobody_busy() {
    let bus = TestBus::new();
    let client = RpcClient::new(&bus.rpc_transport(), ClientTarget::new("nobody"));
    client.cast(&Context::default(), "note", &()).await.unwrap();
    let notifier = bergen_messaging::notify::Notifier::new(&bus.notification_transport(), "me");
    notifier
        .info(&Context::default(), "event", &())
        .await
        .unwrap();
    bus.wait_until_idle().await;
    assert_eq!(bus.queue("notifications.info").unwrap().messages, 1);
    assert_eq!(bus.queue("nobody"), None);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "stuck of chain is at work")]
async fn a_bus_that_is_never_idle_says_what_goes_on() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let (_server, _) = chain(&transport).await;
    let client = RpcClient::new(&transport, ClientTarget::new("chain"));
    client
        .cast(&Context::default(), "stuck", &())
        .await
        .unwrap();
    bus.wait_until_idle().await;
}
