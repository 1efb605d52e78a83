//! What goes wrong on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bergen_messaging::driver::{Finding, SendError};
use bergen_messaging::notify::Notifier;
use bergen_messaging::rpc::{
    Call, CallError, DynamicEndpoint, MethodError, RpcClient, RpcServer, RpcServerBuilder,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget, Target};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Context;
use bergen_testing::{Fault, TestBus};
use serde_json::json;
use tokio::time::Instant;

/// A server whose `count` says how often it was asked, and its client.
async fn counting(
    transport: &RpcTransport,
    name: &str,
    set_up: impl FnOnce(RpcServerBuilder) -> RpcServerBuilder,
) -> (RpcServer, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    let endpoint =
        DynamicEndpoint::new(EndpointTarget::new()).method("count", move |call: Call| {
            let counter = Arc::clone(&counter);
            async move {
                let ms: u64 = call
                    .arguments
                    .member("ms")
                    .map_or(0, |ms| ms.decode().unwrap());
                let count = counter.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok::<_, MethodError>(count)
            }
        });
    let builder = RpcServer::builder(transport, ServerTarget::new("t", name)).endpoint(endpoint);
    let server = set_up(builder).build();
    server.start().await.unwrap();
    (server, count)
}

fn client(transport: &RpcTransport) -> RpcClient {
    RpcClient::new(transport, ClientTarget::new("t"))
}

#[tokio::test]
async fn a_delay_takes_a_call_s_time_and_nobody_s_for_a_cast() {
    let bus = TestBus::with_virtual_time();
    let transport = bus.rpc_transport();
    let (_server, count) = counting(&transport, "s", |builder| builder).await;
    let client = client(&transport);
    let injected = bus.inject(Fault::delay(Duration::from_secs(7)).topic("t"));
    let start = Instant::now();
    client
        .cast(&Context::default(), "count", &())
        .await
        .unwrap();
    assert_eq!(
        (start.elapsed(), count.load(Ordering::SeqCst)),
        (Duration::ZERO, 0)
    );
    bus.wait_until_idle().await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert!(start.elapsed() >= Duration::from_secs(7));
    let start = Instant::now();
    let counted: u32 = client
        .call(&Context::default(), "count", &())
        .await
        .unwrap();
    assert_eq!((counted, start.elapsed().as_secs()), (2, 7));
    assert_eq!(injected.hits(), 2);
    let hasty = client.prepare().timeout(Duration::from_secs(2));
    let start = Instant::now();
    assert!(
        hasty
            .call::<u32>(&Context::default(), "count", &())
            .await
            .unwrap_err()
            .is_timeout()
    );
    assert_eq!(start.elapsed().as_secs(), 2);
    injected.remove();
    let counted: u32 = hasty.call(&Context::default(), "count", &()).await.unwrap();
    assert_eq!(counted, 3, "the call that timed out never came");
}

#[tokio::test]
async fn what_is_lost_is_written_down_and_does_not_come() {
    let bus = TestBus::with_virtual_time();
    let transport = bus.rpc_transport();
    let (_server, count) = counting(&transport, "s", |builder| builder).await;
    let client = client(&transport);
    let lost = bus.inject(Fault::lose().method("count").times(2));
    client
        .cast(&Context::default(), "count", &())
        .await
        .unwrap();
    let start = Instant::now();
    let error = client
        .call::<u32>(&Context::default(), "count", &())
        .await
        .unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(
        start.elapsed().as_secs(),
        60,
        "the usual timeout, which took no time"
    );
    assert_eq!((lost.hits(), count.load(Ordering::SeqCst)), (2, 0));
    let counted: u32 = client
        .call(&Context::default(), "count", &())
        .await
        .unwrap();
    assert_eq!((counted, bus.sent().len()), (1, 3));
}

#[tokio::test]
async fn a_lost_answer_leaves_its_caller_waiting_and_its_work_done() {
    let bus = TestBus::with_virtual_time();
    let transport = bus.rpc_transport();
    let (_server, count) = counting(&transport, "s", |builder| builder).await;
    let client = client(&transport);
    bus.inject(Fault::lose().replies().times(1));
    assert!(
        client
            .call::<u32>(&Context::default(), "count", &())
            .await
            .unwrap_err()
            .is_timeout()
    );
    assert_eq!(count.load(Ordering::SeqCst), 1);
    bus.inject(Fault::delay(Duration::from_secs(5)).replies());
    let start = Instant::now();
    let _: u32 = client
        .call(&Context::default(), "count", &())
        .await
        .unwrap();
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn what_is_sent_twice_runs_twice_and_what_is_delivered_twice_runs_once() {
    let bus = TestBus::with_virtual_time();
    let transport = bus.rpc_transport();
    let (server, count) = counting(&transport, "s", |builder| builder).await;
    let client = client(&transport);
    bus.inject(Fault::duplicate());
    client
        .cast(&Context::default(), "count", &())
        .await
        .unwrap();
    bus.wait_until_idle().await;
    assert_eq!(count.load(Ordering::SeqCst), 2);
    let _: u32 = client
        .call(&Context::default(), "count", &())
        .await
        .unwrap();
    bus.wait_until_idle().await;
    assert_eq!(count.load(Ordering::SeqCst), 4);
    bus.heal();
    bus.inject(Fault::redeliver());
    client
        .cast(&Context::default(), "count", &())
        .await
        .unwrap();
    bus.wait_until_idle().await;
    assert_eq!(count.load(Ordering::SeqCst), 5);
    let stats = server.stats();
    assert_eq!((stats.duplicates, stats.redelivered), (1, 1));
}

#[tokio::test]
async fn a_server_that_loses_its_connection_gets_what_it_had_not_acknowledged_again() {
    let bus = TestBus::with_virtual_time();
    let (one_transport, two_transport) = (bus.rpc_transport(), bus.rpc_transport());
    let late = |builder: RpcServerBuilder| builder.late_acknowledgement(true);
    let (one, first) = counting(&one_transport, "one", late).await;
    let client = client(&one_transport);
    let injected = bus.inject(Fault::disconnect().method("count").times(1));
    let calling =
        tokio::spawn(client.call::<u32>(&Context::default(), "count", &json!({"ms": 1000})));
    tokio::task::yield_now().await;
    let (two, second) = counting(&two_transport, "two", late).await;
    let counted = calling.await.unwrap().unwrap();
    bus.wait_until_idle().await;
    assert_eq!((counted, injected.hits()), (1, 1));
    // It ran on the first, whose copy was recognised if it got it, and on the second if that got it.
    let redelivered = one.stats().redelivered + two.stats().redelivered;
    assert_eq!(redelivered, 1);
    let ran = first.load(Ordering::SeqCst) + second.load(Ordering::SeqCst);
    assert_eq!(ran, 1 + u32::try_from(two.stats().redelivered).unwrap());
}

#[tokio::test]
async fn while_the_bus_is_away_senders_wait_and_servers_get_nothing() {
    let bus = TestBus::with_virtual_time();
    let transport = bus.rpc_transport();
    let (_server, count) = counting(&transport, "s", |builder| builder).await;
    let client = client(&transport);
    bus.disconnect();
    let start = Instant::now();
    let hasty = client.prepare().timeout(Duration::from_secs(3));
    let error = hasty
        .call::<u32>(&Context::default(), "count", &())
        .await
        .unwrap_err();
    let CallError::Send(SendError::Timeout(timeout)) = error else {
        panic!("{error:?}")
    };
    assert!(
        matches!(timeout.findings[..], [Finding::NotConnected { .. }]),
        "{timeout}"
    );
    assert_eq!(start.elapsed().as_secs(), 3);
    let waiting = tokio::spawn(client.call::<u32>(&Context::default(), "count", &()));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(count.load(Ordering::SeqCst), 0);
    bus.reconnect().await;
    assert_eq!(waiting.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn notifications_are_disturbed_by_event_type() {
    let bus = TestBus::with_virtual_time();
    let transport = bus.notification_transport();
    let target = Target::default().with_topic("notifications");
    let mut listening = transport
        .listen(&[(target, "info".to_owned())], None, 10)
        .await
        .unwrap();
    bus.inject(Fault::lose().method("disk.full"));
    bus.inject(Fault::duplicate().method("disk.empty"));
    let notifier = Notifier::new(&transport, "compute.host-1");
    for event in ["disk.full", "disk.empty"] {
        notifier
            .info(&Context::default(), event, &())
            .await
            .unwrap();
    }
    for _ in 0..2 {
        let incoming = listening.next().await.unwrap();
        assert_eq!(incoming.notification.event_type, "disk.empty");
        incoming.acknowledge().unwrap();
    }
    bus.wait_until_idle().await;
    assert_eq!(bus.queue("notifications.info").unwrap().messages, 0);
    bus.sent().notifications().assert_count(2);
}
