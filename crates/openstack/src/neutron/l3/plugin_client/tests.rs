use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcServer};
use bergen_messaging::target::{EndpointTarget, ServerTarget};
use bergen_testing::TestBus;

use super::super::PLUGIN_TOPIC;
use super::*;

/// Answers each method with something that fits it.
fn plugin(transport: &RpcTransport) -> RpcServer {
    let answers = [
        ("get_host_ha_router_count", json!(3)),
        ("get_service_plugin_list", json!(["CORE"])),
        ("get_router_ids", json!(["r-1"])),
        ("sync_routers", json!([{"id": "r-1"}])),
        ("update_floatingip_statuses", json!(null)),
        ("update_ha_routers_states", json!(null)),
        ("update_all_ha_network_port_statuses", json!(null)),
        ("get_networks", json!([{"id": "n-1"}])),
        ("get_ports_by_subnet", json!([{"id": "p-1"}])),
        ("get_agent_gateway_port", json!({"id": "p-1"})),
        ("delete_agent_gateway_port", json!(null)),
    ];
    let endpoint = DynamicEndpoint::new(EndpointTarget::new().version((1, 13)));
    let endpoint = answers
        .into_iter()
        .fold(endpoint, |endpoint, (name, answer)| {
            endpoint.method(name, move |_: Call| {
                let answer = answer.clone();
                async move { Ok::<_, MethodError>(answer) }
            })
        });
    RpcServer::builder(transport, ServerTarget::new(PLUGIN_TOPIC, "s-1"))
        .endpoint(endpoint)
        .build()
}

#[tokio::test(start_paused = true)]
async fn each_method_goes_with_its_version_and_its_arguments() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let server = plugin(&transport);
    server.start().await.unwrap();
    let client = L3PluginClient::new(&transport, &MethodTimeouts::default());
    let (ctxt, host) = (Context::default(), transport.host());
    let states = BTreeMap::from([("r-1".to_owned(), "active".to_owned())]);

    assert_eq!(client.get_host_ha_router_count(&ctxt).await, Ok(3));
    client.get_service_plugin_list(&ctxt).await.unwrap();
    assert_eq!(client.get_router_ids(&ctxt).await.unwrap(), ["r-1"]);
    let routers = client.sync_routers(&ctxt, None).await.unwrap();
    assert_eq!(routers[0].id, "r-1");
    client
        .update_floatingip_statuses(&ctxt, "r-1", &states)
        .await
        .unwrap();
    client
        .update_ha_routers_states(&ctxt, &states)
        .await
        .unwrap();
    client
        .update_all_ha_network_port_statuses(&ctxt)
        .await
        .unwrap();
    client
        .get_networks(&ctxt, &BTreeMap::new(), None)
        .await
        .unwrap();
    client.get_ports_by_subnet(&ctxt, "s-1").await.unwrap();
    client.get_agent_gateway_port(&ctxt, "n-1").await.unwrap();
    client
        .delete_agent_gateway_port(&ctxt, "n-1")
        .await
        .unwrap();

    let expected = [
        ("get_host_ha_router_count", "1.11", json!({"host": host})),
        ("get_service_plugin_list", "1.3", json!({})),
        ("get_router_ids", "1.9", json!({"host": host})),
        (
            "sync_routers",
            "1.0",
            json!({"host": host, "router_ids": null}),
        ),
        (
            "update_floatingip_statuses",
            "1.1",
            json!({"router_id": "r-1", "fip_statuses": states}),
        ),
        (
            "update_ha_routers_states",
            "1.5",
            json!({"host": host, "states": states}),
        ),
        (
            "update_all_ha_network_port_statuses",
            "1.10",
            json!({"host": host}),
        ),
        (
            "get_networks",
            "1.12",
            json!({"filters": {}, "fields": null}),
        ),
        (
            "get_ports_by_subnet",
            "1.2",
            json!({"host": host, "subnet_id": "s-1"}),
        ),
        (
            "get_agent_gateway_port",
            "1.2",
            json!({"network_id": "n-1", "host": host}),
        ),
        (
            "delete_agent_gateway_port",
            "1.7",
            json!({"network_id": "n-1", "host": host}),
        ),
    ];
    let sent = bus.sent().topic(PLUGIN_TOPIC);
    assert_eq!(sent.len(), expected.len());
    for (sent, (method, version, arguments)) in sent.iter().zip(expected) {
        assert_eq!(sent.method, method);
        assert_eq!(sent.target.version.unwrap().to_string(), version);
        assert_eq!(sent.args_as::<Value>(), arguments, "{method}");
    }
    bus.sent()
        .casts()
        .topic(PLUGIN_TOPIC)
        .assert_methods(&["update_ha_routers_states"]);
}

#[tokio::test(start_paused = true)]
async fn a_starting_agent_waits_for_the_server() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let client = L3PluginClient::new(&transport, &MethodTimeouts::default());
    let waiting = tokio::spawn(async move {
        let pause = Duration::from_secs(5);
        client.wait_for_server(&Context::default(), pause).await
    });
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(!waiting.is_finished());
    let server = plugin(&transport);
    server.start().await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(3));
}
