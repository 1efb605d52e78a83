//! Transports that share their two connections, and those that do not.

use std::time::Duration;

use bergen_messaging::driver::SendError;
use bergen_messaging::rpc::{CallError, RpcClient};
use bergen_messaging::runtime::{Runtime, RuntimeOptions};
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::{RpcTransport, TransportOptions};
use bergen_messaging::wire::Context;
use bergen_testbed::{FaultProxy, TestVhost};

use super::harness::{Server, through};

const GOODBYE: Duration = Duration::from_secs(5);

/// A vhost with a server that has connections of its own, and options that lead there by way of a proxy.
async fn proxied(name: &str) -> (TestVhost, FaultProxy, Server, TransportOptions) {
    let vhost = TestVhost::new(name).await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let url = through(&vhost.url(), &proxy).parse().unwrap();
    let options = TransportOptions::default().url(url);
    (vhost, proxy, server, options)
}

async fn call(transport: &RpcTransport, method: &'static str) -> Result<(), CallError> {
    let client = RpcClient::new(transport, ClientTarget::new("compute"));
    let call = client.call::<serde_json::Value>(&Context::default(), method, &());
    call.await.map(drop)
}

fn is_closed(outcome: &Result<(), CallError>) -> bool {
    matches!(outcome, Err(CallError::Send(SendError::Closed)))
}

async fn until_connections(proxy: &FaultProxy, count: usize) {
    let changed = async {
        while proxy.connections() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let changed = tokio::time::timeout(Duration::from_secs(10), changed);
    changed.await.expect("another number of connections");
}

#[tokio::test]
async fn equal_transports_share_two_connections_until_the_last_one_closes() {
    let (_vhost, proxy, server, options) = proxied("shared").await;
    let one = RpcTransport::new(options.clone()).unwrap();
    let other = RpcTransport::new(options.clone()).unwrap();
    call(&one, "echo").await.unwrap();
    call(&other, "echo").await.unwrap();
    assert_eq!(proxy.accepted(), 2);

    // What waits for its answer on the one that closes ends, what waits on the other does not.
    let waiting = [&one, &other].map(|transport| {
        let transport = transport.clone();
        tokio::spawn(async move { call(&transport, "hold").await })
    });
    server.wait_for(4).await;
    one.close(GOODBYE).await;
    let [of_one, of_other] = waiting;
    assert!(is_closed(&of_one.await.unwrap()));
    server.release();
    of_other.await.unwrap().unwrap();
    assert!(is_closed(&call(&one, "echo").await));
    let cast = RpcClient::new(&one, ClientTarget::new("compute"));
    assert!(is_closed(
        &cast.cast(&Context::default(), "echo", &()).await
    ));
    call(&other, "echo").await.unwrap();
    assert_eq!((proxy.accepted(), proxy.connections()), (2, 2));

    other.close(GOODBYE).await;
    until_connections(&proxy, 0).await;
    // Whoever comes next connects anew.
    let third = RpcTransport::new(options).unwrap();
    call(&third, "echo").await.unwrap();
    assert_eq!(proxy.accepted(), 4);
    drop(third);
    until_connections(&proxy, 0).await;
    server.stop().await;
}

#[tokio::test]
async fn the_two_transports_of_a_runtime_share_two_connections() {
    let (_vhost, proxy, server, options) = proxied("runtime").await;
    let runtime = Runtime::new(RuntimeOptions::new(options, "test.host")).unwrap();
    call(runtime.rpc(), "echo").await.unwrap();
    let notifier = runtime.notifier();
    let context = Context::default();
    let notified = notifier.info(&context, "happened", &());
    notified.await.unwrap();
    assert_eq!(proxy.accepted(), 2);
    runtime.close(GOODBYE).await;
    until_connections(&proxy, 0).await;
    server.stop().await;
}

#[tokio::test]
async fn other_options_other_registries_and_other_runtimes_do_not_share() {
    let (vhost, proxy, server, options) = proxied("unshared").await;
    let one = RpcTransport::new(options.clone()).unwrap();
    call(&one, "echo").await.unwrap();
    assert_eq!(proxy.connections(), 2);

    let url = through(&vhost.url(), &proxy);
    let otherwise = format!("{url}?heartbeat_timeout_threshold=10");
    let otherwise = options.clone().url(otherwise.parse().unwrap());
    let otherwise = RpcTransport::new(otherwise).unwrap();
    call(&otherwise, "echo").await.unwrap();
    assert_eq!(proxy.connections(), 4);

    let elsewhere = TransportOptions::default().url(url.parse().unwrap());
    let elsewhere = RpcTransport::new(elsewhere).unwrap();
    call(&elsewhere, "echo").await.unwrap();
    assert_eq!(proxy.connections(), 6);

    // A connection ends with the runtime that it was opened on: it must not be somebody else's.
    let there = tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let transport = RpcTransport::new(options).unwrap();
            call(&transport, "echo").await.unwrap();
        });
    });
    there.await.unwrap();
    assert_eq!(proxy.accepted(), 8);
    until_connections(&proxy, 6).await;
    call(&one, "echo").await.unwrap();
    for transport in [one, otherwise, elsewhere] {
        transport.close(GOODBYE).await;
    }
    server.stop().await;
}
