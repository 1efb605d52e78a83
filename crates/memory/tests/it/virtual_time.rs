//! Everything that takes time takes none when the clock is stopped.

use std::time::Duration;

use bergen_messaging::driver::SendError;
use bergen_messaging::rpc::{CallError, RpcClient};
use bergen_messaging::target::ClientTarget;
use bergen_messaging::wire::Context;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{client, rpc, server, url};

#[tokio::test(start_paused = true)]
async fn a_call_waits_its_minute_at_once() {
    let transport = rpc(&url());
    let server = server(&transport, "s");
    server.start().await.unwrap();
    let (start, wall) = (Instant::now(), std::time::Instant::now());
    let called = client(&transport)
        .call::<Value>(&Context::default(), "hold", &())
        .await;
    assert!(called.unwrap_err().is_timeout());
    assert_eq!(start.elapsed().as_secs(), 60);
    assert!(wall.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_server_for_the_time_of_grace() {
    let transport = rpc(&format!("{}/?bergen_no_server_grace=10", url()));
    let client = client(&transport);
    let start = Instant::now();
    let called = client.call::<Value>(&Context::default(), "echo", &()).await;
    assert!(
        matches!(called, Err(CallError::Send(SendError::NoServer { .. }))),
        "{called:?}"
    );
    assert_eq!(start.elapsed().as_secs(), 10);
    let hasty = client.prepare().timeout(Duration::from_secs(4));
    let start = Instant::now();
    let called = hasty.call::<Value>(&Context::default(), "echo", &()).await;
    assert!(
        matches!(called, Err(CallError::Send(SendError::NoServer { .. }))),
        "{called:?}"
    );
    assert_eq!(start.elapsed().as_secs(), 2, "half of its time");
    let calling = tokio::spawn(client.call::<Value>(&Context::default(), "echo", &()));
    sleep(Duration::from_secs(7)).await;
    let server = server(&transport, "s");
    server.start().await.unwrap();
    calling.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_monitored_call_fails_when_its_server_falls_silent() {
    let transport = rpc(&url());
    // Nobody who reads them answers, nor says that he is at work.
    let target = bergen_messaging::target::Target::default()
        .with_topic("t")
        .with_server("s");
    let mut requests = transport.listen(&target, 5).await.unwrap();
    let client = RpcClient::builder(&transport, ClientTarget::new("t"))
        .call_monitor_timeout(Duration::from_secs(4))
        .build();
    let start = Instant::now();
    let calling = tokio::spawn(client.call::<Value>(&Context::default(), "work", &()));
    let incoming = requests.next().await.unwrap();
    assert_eq!(
        incoming.ctxt().client_timeout(),
        Some(Duration::from_secs(4))
    );
    sleep(Duration::from_secs(3)).await;
    incoming.keep_alive().await.unwrap();
    let error = calling.await.unwrap().unwrap_err();
    let CallError::Send(SendError::Timeout(timeout)) = error else {
        panic!("{error}")
    };
    assert!(timeout.keep_alives_stopped);
    assert_eq!(start.elapsed().as_secs(), 7);
    // It has given up; that it hears no more is nobody's fault.
    incoming.keep_alive().await.unwrap();
    transport.close(Duration::from_secs(1)).await;
}
