use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcServer};
use bergen_messaging::target::{EndpointTarget, ServerTarget};
use bergen_messaging::transport::RpcTransport;
use bergen_testing::{Fault, TestBus};
use serde_json::{Value, json};

use super::super::PLUGIN_TOPIC;
use super::*;
use crate::neutron::MethodTimeouts;

async fn plugin(transport: &RpcTransport, routers: usize) -> RpcServer {
    let endpoint = DynamicEndpoint::new(EndpointTarget::new().version((1, 13)))
        .method("get_router_ids", move |_: Call| async move {
            let ids = (0..routers).map(|number| format!("r-{number}"));
            Ok::<_, MethodError>(ids.collect::<Vec<_>>())
        })
        .method("sync_routers", |call: Call| async move {
            let arguments: Value = call.arguments.decode().unwrap();
            let ids = arguments["router_ids"].as_array().unwrap();
            let routers = ids.iter().map(|id| json!({"id": id}));
            Ok::<_, MethodError>(routers.collect::<Vec<_>>())
        });
    let server = RpcServer::builder(transport, ServerTarget::new(PLUGIN_TOPIC, "s-1"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    server
}

fn chunks(bus: &TestBus) -> Vec<usize> {
    bus.sent()
        .method("sync_routers")
        .iter()
        .map(|sent| {
            sent.args_as::<Value>()["router_ids"]
                .as_array()
                .unwrap()
                .len()
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn routers_come_in_chunks_of_256() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = plugin(&transport, 600).await;
    let client = L3PluginClient::new(&transport, &MethodTimeouts::default());
    let mut fetched = Vec::new();
    let before = Instant::now();
    let ids = FullSync::new()
        .run(&client, &Context::default(), |routers, asked| {
            assert!(asked >= before);
            fetched.extend(routers.into_iter().map(|router| router.id));
        })
        .await
        .unwrap();
    assert_eq!(chunks(&bus), [256, 256, 88]);
    assert_eq!(fetched, ids);
    assert_eq!(ids.len(), 600);
}

#[tokio::test(start_paused = true)]
async fn a_host_without_routers_asks_for_none() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = plugin(&transport, 0).await;
    let client = L3PluginClient::new(&transport, &MethodTimeouts::default());
    let synchronised = FullSync::new()
        .run(&client, &Context::default(), |_, _| {})
        .await;
    assert_eq!(synchronised, Ok(Vec::new()));
    assert!(chunks(&bus).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_halves_the_chunk_down_to_32_and_answers_let_it_grow_again() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = plugin(&transport, 300).await;
    let client = L3PluginClient::new(&transport, &MethodTimeouts::default());
    let mut sync = FullSync::new();
    let lost = bus.inject(Fault::lose().method("sync_routers").times(5));
    for _ in 0..5 {
        let failed = sync.run(&client, &Context::default(), |_, _| {}).await;
        assert!(failed.unwrap_err().0.is_timeout());
    }
    assert_eq!(lost.hits(), 5);
    assert_eq!(chunks(&bus), [256, 128, 64, 32, 32]);
    bus.forget();
    sync.run(&client, &Context::default(), |_, _| {})
        .await
        .unwrap();
    assert_eq!(chunks(&bus), [32, 64, 96, 108]);
    assert_eq!(sync.chunk(), 160);
}

#[tokio::test(start_paused = true)]
async fn another_failure_leaves_the_chunk_as_it_is() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let client = L3PluginClient::new(&transport, &MethodTimeouts::default());
    let mut sync = FullSync::new();
    let failed = sync.run(&client, &Context::default(), |_, _| {}).await;
    assert!(!failed.unwrap_err().0.is_timeout());
    assert_eq!(sync.chunk(), FullSync::MAX_CHUNK);
}

#[tokio::test(start_paused = true)]
async fn routers_that_were_not_asked_for_are_left_out() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let endpoint = DynamicEndpoint::new(EndpointTarget::new().version((1, 13)))
        .method("get_router_ids", |_| async {
            Ok::<_, MethodError>(["r-1", "r-2"])
        })
        .method("sync_routers", |_| async {
            Ok::<_, MethodError>(json!([{"id": "r-1"}, {"id": "r-9"}]))
        });
    let server = RpcServer::builder(&transport, ServerTarget::new(PLUGIN_TOPIC, "s-1"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    let client = L3PluginClient::new(&transport, &MethodTimeouts::default());
    let mut fetched = Vec::new();
    FullSync::new()
        .run(&client, &Context::default(), |routers, _| {
            fetched.extend(routers.into_iter().map(|router| router.id));
        })
        .await
        .unwrap();
    assert_eq!(fetched, ["r-1"]);
}
