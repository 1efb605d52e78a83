use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::DriverRegistry;
use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcClient, RpcServer};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::{RpcTransport, TransportOptions};
use bergen_messaging::wire::Context;
use tokio::sync::Notify;

use super::RpcServers;
use crate::{Introspection, Package, Service};

#[tokio::test]
async fn a_request_is_seen_while_it_runs_however_it_ends() {
    let transport = transport("seen");
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("build", {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        move |call: Call| {
            let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
            async move {
                begun.notify_one();
                go_on.notified().await;
                call.arguments.member("host").expect("a host, or a panic");
                Ok::<_, MethodError>(())
            }
        }
    });
    let server = RpcServer::builder(&transport, ServerTarget::new("compute", "host-1"));
    let servers = RpcServers::from(server.endpoint(endpoint).build());
    let introspection = Introspection::new(Package::new("compute", "1"));
    servers.show_in("compute", &introspection);
    servers.start().await.unwrap();

    let mut context = Context::default();
    context.insert("request_id", "req-1").unwrap();
    let client = RpcClient::new(&transport, ClientTarget::new("compute"));
    let call = tokio::spawn(async move { client.call::<()>(&context, "build", &()).await });
    begun.notified().await;
    let seen = introspection.snapshot().servers.remove(0).calls;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].method, "build");
    assert_eq!(seen[0].request_id.as_deref(), Some("req-1"));

    go_on.notify_one();
    assert!(call.await.unwrap().is_err(), "the handler panics");
    assert!(introspection.snapshot().servers[0].calls.is_empty());
    servers.stop().await;
    servers.wait().await;
    drop(servers);
    assert!(introspection.snapshot().servers.is_empty());
}

#[tokio::test]
async fn what_never_started_is_not_waited_for() {
    let server = RpcServer::builder(&transport("idle"), ServerTarget::new("compute", "host-1"));
    let servers = RpcServers::from(server.build());
    let ended = async {
        servers.stop().await;
        servers.wait().await;
    };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .unwrap();
}

fn transport(bus: &str) -> RpcTransport {
    let mut registry = DriverRegistry::default();
    bergen_memory::register(&mut registry);
    let url = format!("memory://{bus}").parse().unwrap();
    let options = TransportOptions::default().registry(registry).url(url);
    RpcTransport::new(options).unwrap()
}
