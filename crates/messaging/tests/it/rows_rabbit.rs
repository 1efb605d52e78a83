//! Rows of the conformance page that RabbitMQ itself has to confirm.

use std::time::Duration;

use bergen_amqp::client::{self as amqp, ConnectOptions, Login, QueueDeclare, QueueDeclared};
use bergen_messaging::driver::ListenError;
use bergen_messaging::rpc::{
    Call, DynamicEndpoint, Executor, MethodError, RpcClient, RpcServer, ServerError,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::{RpcTransport, TransportOptions};
use bergen_testbed::{Direction, FaultProxy, TestVhost, shared_rabbit};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::rpc_client::{ctxt, endpoint};

fn transport(url: &str) -> RpcTransport {
    RpcTransport::new(TransportOptions::default().url(url.parse().unwrap())).unwrap()
}

async fn serve(transport: &RpcTransport, endpoint: DynamicEndpoint) -> RpcServer {
    let server = RpcServer::builder(transport, ServerTarget::new("t", "s"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    server
}

async fn echo(transport: &RpcTransport) {
    let client = RpcClient::new(transport, ClientTarget::new("t"));
    let echoed: u8 = client
        .call(&ctxt(), "echo", &serde_json::json!({"value": 7}))
        .await
        .unwrap();
    assert_eq!(echoed, 7);
}

/// The virtual host by way of a proxy, which counts connections without delay.
async fn proxied(vhost: &TestVhost) -> (FaultProxy, String) {
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let direct = format!(":{}/", vhost.rabbit().port());
    let url = vhost.url().replace(&direct, &format!(":{}/", proxy.port()));
    (proxy, url)
}

/// What is in a queue and who consumes it, as the broker tells a client without delay.
async fn state_of(vhost: &TestVhost, queue: &str) -> QueueDeclared {
    let rabbit = vhost.rabbit();
    let options = ConnectOptions {
        host: rabbit.host().to_owned(),
        port: rabbit.port(),
        virtual_host: vhost.name().to_owned(),
        login: Login::plain(rabbit.user(), rabbit.password()),
        ..ConnectOptions::default()
    };
    let (connection, _events) = amqp::Connection::open(options).await.unwrap();
    let (channel, _events) = connection.open_channel().await.unwrap();
    let declared = channel
        .queue_declare(QueueDeclare::passive(queue))
        .await
        .unwrap();
    connection.close().await.unwrap();
    declared
}

/// Waits until the management interface lists so many, each with the details that it collects in intervals.
async fn listed(vhost: &TestVhost, path: &str, count: usize, detail: &str) -> Vec<Value> {
    let complete = |list: &Value| {
        list.as_array().is_some_and(|list| {
            list.len() == count
                && list
                    .iter()
                    .all(|row| !row.pointer(detail).unwrap_or(&Value::Null).is_null())
        })
    };
    let list = vhost
        .management()
        .wait_for(path, Duration::from_secs(20), complete)
        .await
        .unwrap();
    list.as_array().unwrap().clone()
}

#[tokio::test]
async fn one_connection_consumes_and_another_publishes() {
    let vhost = TestVhost::new("connections").await.unwrap();
    let transport = transport(&vhost.url());
    let server = serve(&transport, endpoint()).await;
    echo(&transport).await;
    // Three consumers of the server on one channel, and the one of the replies on another.
    let consumers = listed(
        &vhost,
        &format!("consumers/{}", vhost.name()),
        4,
        "/channel_details/number",
    )
    .await;
    let connections = listed(
        &vhost,
        &format!("vhosts/{}/connections", vhost.name()),
        2,
        "/name",
    )
    .await;
    let of = |consumer: &Value, key: &str| consumer["channel_details"][key].to_string();
    let consuming = of(&consumers[0], "connection_name");
    assert!(
        consumers
            .iter()
            .all(|consumer| of(consumer, "connection_name") == consuming)
    );
    let mut by_channel = std::collections::BTreeMap::<_, Vec<_>>::new();
    for consumer in &consumers {
        let queue = consumer["queue"]["name"].as_str().unwrap();
        by_channel
            .entry(of(consumer, "number"))
            .or_default()
            .push(queue);
    }
    let mut sizes: Vec<_> = by_channel.values().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 3], "{by_channel:?}");
    let names: Vec<_> = connections
        .iter()
        .map(|connection| connection["name"].to_string())
        .collect();
    assert!(names.contains(&consuming), "{names:?}");
    drop(server);
}

#[tokio::test]
async fn after_wait_nothing_consumes_and_after_close_nothing_is_left() {
    let vhost = TestVhost::new("nothing-left").await.unwrap();
    let (proxy, url) = proxied(&vhost).await;
    let before = Handle::current().metrics().num_alive_tasks();
    let transport = transport(&url);
    let server = serve(&transport, endpoint()).await;
    echo(&transport).await;
    assert_eq!(state_of(&vhost, "t").await.consumer_count, 1);
    assert!(Handle::current().metrics().num_alive_tasks() > before);

    server.stop().await.unwrap();
    server.wait().await.unwrap();
    assert_eq!(state_of(&vhost, "t").await.consumer_count, 0);
    transport.close(Duration::from_secs(10)).await;
    transport.close(Duration::from_secs(10)).await;
    drop((server, transport));
    let ended = async {
        while Handle::current().metrics().num_alive_tasks() > before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended)
        .await
        .expect("a task was left");
    assert_eq!((proxy.accepted(), proxy.connections()), (2, 0));
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let mut names: Vec<_> = queues
        .iter()
        .map(|queue| queue["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["t", "t.s"]);
}

#[tokio::test]
async fn a_server_that_is_refused_says_so_and_runs_nothing() {
    let rabbit = shared_rabbit().await.unwrap();
    let url = format!(
        "rabbit://nobody:s3cret@{}:{}/",
        rabbit.host(),
        rabbit.port()
    );
    let transport = transport(&url);
    let server = RpcServer::builder(&transport, ServerTarget::new("t", "s")).build();
    let Err(ServerError::Listen(error)) = server.start().await else {
        panic!("started")
    };
    assert_eq!(error.target.to_string(), "<Target topic=t, server=s>");
    assert!(
        matches!(error.cause, ListenError::Refused { .. }),
        "{error}"
    );
    assert!(!error.to_string().contains("s3cret"));
    assert!(!server.is_running());
    transport.close(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_full_server_still_answers_the_brokers_heartbeats() {
    let vhost = TestVhost::new("full-pool").await.unwrap();
    let (proxy, url) = proxied(&vhost).await;
    let transport = transport(&format!("{url}?heartbeat_timeout_threshold=1"));
    // It keeps its thread for longer than the broker waits for a heartbeat, and there is place for one only.
    let blocking = DynamicEndpoint::new(EndpointTarget::new()).method("block", |_: Call| async {
        std::thread::sleep(Duration::from_millis(3500));
        Ok::<_, MethodError>(())
    });
    let server = RpcServer::builder(&transport, ServerTarget::new("t", "s"))
        .endpoint(blocking)
        .executor(Executor::Blocking)
        .limit(1)
        .build();
    server.start().await.unwrap();
    let client = RpcClient::new(&transport, ClientTarget::new("t"));
    let started = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        let client = client.clone();
        calls.spawn(async move { client.call::<()>(&ctxt(), "block", &()).await });
    }
    assert_eq!(calls.join_all().await, vec![Ok(()); 3]);
    assert!(
        started.elapsed() > Duration::from_secs(10),
        "one at a time: {:?}",
        started.elapsed()
    );
    assert_eq!(proxy.accepted(), 2, "no connection was lost and made again");
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}

#[tokio::test]
async fn a_passive_declare_without_an_answer_holds_up_no_recovery() {
    let vhost = TestVhost::new("passive").await.unwrap();
    let (proxy, url) = proxied(&vhost).await;
    // A queue that nobody consumes: a silent call asks for it after a second.
    let direct = transport(&vhost.url());
    let server = serve(&direct, endpoint()).await;
    server.stop().await.unwrap();
    server.wait().await.unwrap();
    let calling = tokio::spawn({
        let transport = transport(&url);
        async move {
            echo(&transport).await;
            // This one needs the connection that published, too.
            echo(&transport).await;
        }
    });
    let published = async {
        while state_of(&vhost, "t").await.message_count == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), published)
        .await
        .expect("the call was not published");
    proxy.hold(Direction::ToClient, true);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    proxy.refuse(true);
    proxy.cut();
    while proxy.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.heal();
    let _server = serve(&direct, endpoint()).await;
    tokio::time::timeout(Duration::from_secs(20), calling)
        .await
        .expect("the call hangs")
        .unwrap();
    assert!(proxy.accepted() >= 4, "both connections were made again");
}
