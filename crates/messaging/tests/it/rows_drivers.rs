//! One trait for every driver: the same test on a broker in memory and on RabbitMQ.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bergen_messaging::rpc::{Arguments, Call, DynamicEndpoint, MethodError, RpcClient, RpcServer};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::{RpcTransport, TransportOptions};
use bergen_testbed::TestVhost;

use crate::bus::Bus;
use crate::rpc_client::{ctxt, endpoint};

/// Consumers of a topic, of one server, and of everybody; calls and casts; what is taken is finished.
async fn a_driver_serves(transport: &RpcTransport) {
    let mut servers = Vec::new();
    for name in ["one", "two"] {
        let heard = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&heard);
        let who = DynamicEndpoint::new(EndpointTarget::new())
            .method(
                "who",
                move |_: Call| async move { Ok::<_, MethodError>(name) },
            )
            .method("hear", move |_: Call| {
                counter.fetch_add(1, Ordering::SeqCst);
                async { Ok::<_, MethodError>(()) }
            });
        let server = RpcServer::builder(transport, ServerTarget::new("t", name))
            .endpoint(who)
            .endpoint(endpoint())
            .build();
        server.start().await.unwrap();
        servers.push((name, server, heard));
    }
    let client = RpcClient::new(transport, ClientTarget::new("t"));
    for (name, ..) in &servers {
        let one = client.prepare().server(*name);
        assert_eq!(one.call(&ctxt(), "who", &()).await, Ok((*name).to_owned()));
    }
    let any: String = client.call(&ctxt(), "who", &()).await.unwrap();
    assert!(["one", "two"].contains(&any.as_str()));
    client.fanout(&ctxt(), "hear", &()).await.unwrap();
    client
        .prepare()
        .server("two")
        .cast(&ctxt(), "hear", &())
        .await
        .unwrap();
    client.cast(&ctxt(), "hear", &()).await.unwrap();
    let heard = || -> usize {
        servers
            .iter()
            .map(|(_, _, heard)| heard.load(Ordering::SeqCst))
            .sum()
    };
    let all = async {
        while heard() < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all)
        .await
        .expect("casts were lost");

    let arguments = Arguments::new().with("seconds", &1).unwrap();
    let context = ctxt();
    let last = client.call::<()>(&context, "sleep", &arguments);
    let ending = async {
        let taken = || {
            servers
                .iter()
                .map(|(_, server, _)| server.stats().dispatched)
                .sum::<u64>()
        };
        while taken() < 8 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for (_, server, _) in &servers {
            server.stop().await.unwrap();
        }
        for (_, server, _) in &servers {
            server.wait().await.unwrap();
        }
    };
    let (answer, ()) = tokio::join!(last, ending);
    assert_eq!(answer, Ok(()));
    assert_eq!(heard(), 4);
    transport.close(Duration::from_secs(10)).await;
    let client = client.prepare().timeout(Duration::from_secs(1));
    assert!(client.call::<String>(&ctxt(), "who", &()).await.is_err());
}

#[tokio::test]
async fn the_driver_in_memory_serves() {
    let bus = Bus::new();
    a_driver_serves(&bus.transport()).await;
    assert_eq!((bus.consumers(), bus.closed()), (0, 1));
}

#[tokio::test]
async fn the_rabbit_driver_serves() {
    let vhost = TestVhost::new("same-trait").await.unwrap();
    let options = TransportOptions::default().url(vhost.url().parse().unwrap());
    a_driver_serves(&RpcTransport::new(options).unwrap()).await;
}
