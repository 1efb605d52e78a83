use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bergen_messaging::rpc::{
    Connection, DynamicEndpoint, MethodError, Parameter, RpcClient, RpcServer,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget, Version};
use bergen_messaging::wire::{Context, RawJson};
use bergen_testing::TestBus;
use serde_json::{Value, json};

use super::*;
use crate::neutron::MethodTimeouts;
use crate::objects::neutron::Agent;
use crate::objects::{Envelope, NEUTRON};

#[derive(Default)]
struct Heard(Mutex<Vec<(ResourceEvent, Vec<Envelope>)>>);

impl Heard {
    fn take(&self) -> Vec<(ResourceEvent, Vec<Envelope>)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl ResourceConsumer for Heard {
    async fn push(&self, _: &Context, resources: Vec<Envelope>, event: ResourceEvent) {
        self.0.lock().unwrap().push((event, resources));
    }
}

fn resource(name: &str, version: (u32, u32), id: &str) -> Envelope {
    let mut envelope = Envelope::new(NEUTRON, name, version.into());
    let id = RawJson::encode(&id).unwrap();
    envelope.data.insert("id".to_owned(), id);
    envelope.changes.insert("id".to_owned());
    envelope
}

fn read_back(envelope: Envelope) -> Envelope {
    Envelope {
        changes: [].into(),
        ..envelope
    }
}

async fn agent(bus: &TestBus) -> (Connection, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let mut connection = Connection::new(&bus.rpc_transport());
    ResourceVersions::new()
        .with("Port", (1, 8))
        .with("Network", (1, 3))
        .create_consumers(&mut connection, &heard);
    connection.consume_in_threads().await.unwrap();
    (connection, heard)
}

#[test]
fn versions_are_announced_as_text() {
    let versions = ResourceVersions::new()
        .with("Port", (1, 11))
        .with_object::<Agent>();
    let announced = serde_json::to_value(versions.announced()).unwrap();
    assert_eq!(announced, json!({"Port": "1.11", "Agent": "1.1"}));
}

#[tokio::test(start_paused = true)]
async fn a_push_reaches_the_agents_of_that_version_and_has_no_changes() {
    let bus = TestBus::new();
    let (mut connection, heard) = agent(&bus).await;
    let (first, second) = (
        resource("Port", (1, 8), "p-1"),
        resource("Port", (1, 8), "p-2"),
    );
    let newer = resource("Port", (1, 11), "p-1");
    let pushed = [first.clone(), newer, second.clone()];
    let client = ResourcesPushClient::new(&bus.rpc_transport());
    client
        .push(&Context::default(), &pushed, ResourceEvent::Updated)
        .await
        .unwrap();
    bus.wait_until_idle().await;
    let ports = vec![read_back(first), read_back(second)];
    assert_eq!(heard.take(), [(ResourceEvent::Updated, ports)]);

    bus.sent().fanouts().assert_count(2);
    let sent = bus
        .sent()
        .fanouts()
        .topic("neutron-vo-Port-1.11")
        .assert_one();
    assert_eq!(sent.target.version, Some(Version::new(1, 1)));
    assert_eq!(sent.target.namespace, None);
    let args: Value = sent.args_as();
    assert_eq!(
        args,
        json!({
            "resource_list": [{
                "versioned_object.name": "Port",
                "versioned_object.namespace": "versionedobjects",
                "versioned_object.version": "1.11",
                "versioned_object.data": {"id": "p-1"},
                "versioned_object.changes": ["id"],
            }],
            "event_type": "updated",
        })
    );
    connection.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_push_that_is_none_is_a_failure_and_reaches_nobody() {
    let bus = TestBus::new();
    let (mut connection, heard) = agent(&bus).await;
    let target = ClientTarget::new("neutron-vo-Port-1.8").version((1, 1));
    let client = RpcClient::new(&bus.rpc_transport(), target);
    let port = resource("Port", (1, 8), "p-1");
    let network = resource("Network", (1, 3), "n-1");
    for arguments in [
        json!({"resource_list": [], "event_type": "created"}),
        json!({"resource_list": [port, network], "event_type": "created"}),
        json!({"resource_list": [port], "event_type": "eaten"}),
        json!({"resource_list": [port, {"id": "p-2"}], "event_type": "created"}),
        json!({"resource_list": {"Port": port}, "event_type": "created"}),
        json!({"resource_list": [port]}),
    ] {
        let answer = client.call::<Value>(&Context::default(), "push", &arguments);
        assert!(answer.await.unwrap_err().remote().is_some(), "{arguments}");
    }
    assert_eq!(heard.take(), []);
    // What a later server adds is ignored.
    let good = json!({"resource_list": [port], "event_type": "deleted", "later": 1});
    let answer = client
        .call::<Value>(&Context::default(), "push", &good)
        .await;
    assert_eq!(answer, Ok(json!(null)));
    assert_eq!(
        heard.take(),
        [(ResourceEvent::Deleted, vec![read_back(port)])]
    );
    connection.close().await.unwrap();
}

/// Answers with what it was asked for, if that is `p-1`.
async fn plugin(bus: &TestBus) -> RpcServer {
    const PULL: &[Parameter] = &[
        Parameter::required("resource_type"),
        Parameter::required("version"),
        Parameter::required("resource_id"),
    ];
    const BULK_PULL: &[Parameter] = &[
        Parameter::required("resource_type"),
        Parameter::required("version"),
        Parameter::required("filter_kwargs"),
    ];
    let endpoint = DynamicEndpoint::new(EndpointTarget::new().version((1, 1)))
        .method("pull", |call| async move {
            let mut arguments = call.bind("pull", PULL)?;
            let name: String = arguments.take("resource_type")?;
            let version: String = arguments.take("version")?;
            let id: String = arguments.take("resource_id")?;
            assert_eq!(version, "1.8");
            let found = (id == "p-1").then(|| resource(&name, (1, 8), &id));
            Ok::<_, MethodError>(found)
        })
        .method("bulk_pull", |call| async move {
            let mut arguments = call.bind("bulk_pull", BULK_PULL)?;
            let filter: Value = arguments.take("filter_kwargs")?;
            assert_eq!(filter, json!({"network_id": "n-1"}));
            Ok::<_, MethodError>(["p-1", "p-2"].map(|id| resource("Port", (1, 8), id)))
        });
    let target = ServerTarget::new("q-plugin", "ctl-1");
    let server = RpcServer::builder(&bus.rpc_transport(), target)
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    server
}

#[tokio::test(start_paused = true)]
async fn resources_are_pulled_by_id_and_by_filter() {
    let bus = TestBus::new();
    let _plugin = plugin(&bus).await;
    let client = ResourcesPullClient::new(&bus.rpc_transport(), &MethodTimeouts::default());
    let ctxt = Context::default();
    let port = |id| read_back(resource("Port", (1, 8), id));
    let pulled = client.pull(&ctxt, "Port", (1, 8), "p-1").await;
    assert_eq!(pulled, Ok(Some(port("p-1"))));
    assert_eq!(client.pull(&ctxt, "Port", (1, 8), "p-9").await, Ok(None));
    let network = RawJson::encode(&"n-1").unwrap();
    let filter = BTreeMap::from([("network_id".to_owned(), network)]);
    let pulled = client.bulk_pull(&ctxt, "Port", (1, 8), &filter).await;
    assert_eq!(pulled, Ok(vec![port("p-1"), port("p-2")]));
    let sent = bus.sent().calls().method("bulk_pull").assert_one();
    assert_eq!(sent.target.version, Some(Version::new(1, 1)));
    assert_eq!(sent.target.namespace, None);
}
