use std::sync::Mutex;

use bergen_messaging::rpc::{CallError, RpcClient, RpcServer};
use bergen_messaging::target::{ClientTarget, ServerTarget};
use bergen_testing::{Fault, TestBus};
use serde_json::{Value, json};

use super::super::{AGENT_TOPIC, L3AgentClient};
use super::*;
use crate::neutron::MethodTimeouts;

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn all(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl L3AgentApi for Heard {
    async fn agent_updated(&self, _: &Context, admin_state_up: bool) {
        self.note(format!("updated {admin_state_up}"));
    }

    async fn routers_updated(&self, _: &Context, router_ids: Vec<String>) {
        self.note(format!("routers {router_ids:?}"));
    }

    async fn router_deleted(&self, _: &Context, router_id: String) {
        self.note(format!("deleted {router_id}"));
    }

    async fn router_removed_from_agent(&self, _: &Context, router_id: String) {
        self.note(format!("removed {router_id}"));
    }

    async fn router_added_to_agent(&self, _: &Context, router_ids: Vec<String>) {
        self.note(format!("added {router_ids:?}"));
    }

    async fn network_update(&self, _: &Context, network: Value) {
        self.note(format!("network {}", network["id"]));
    }
}

async fn serving(bus: &TestBus) -> (RpcServer, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let server = RpcServer::builder(
        &bus.rpc_transport(),
        ServerTarget::new(AGENT_TOPIC, "net-1"),
    )
    .endpoint(L3AgentEndpoint::new(Arc::clone(&heard)))
    .build();
    server.start().await.unwrap();
    (server, heard)
}

async fn call(bus: &TestBus, method: &'static str, args: Value) -> Result<Value, CallError> {
    let target = ClientTarget::new(AGENT_TOPIC).version((1, 4));
    let client = RpcClient::new(&bus.rpc_transport(), target);
    client.call(&Context::default(), method, &args).await
}

#[tokio::test(start_paused = true)]
async fn the_servers_client_reaches_the_agent() {
    let bus = TestBus::new();
    let (_server, heard) = serving(&bus).await;
    let client = L3AgentClient::new(&bus.rpc_transport(), &MethodTimeouts::default());
    let (ctxt, ids) = (Context::default(), ["r-1".to_owned()]);
    client
        .router_added_to_agent(&ctxt, "net-1", &ids)
        .await
        .unwrap();
    client.routers_updated(&ctxt, "net-1", &ids).await.unwrap();
    client
        .router_removed_from_agent(&ctxt, "net-1", "r-1")
        .await
        .unwrap();
    client.router_deleted(&ctxt, "r-2").await.unwrap();
    client.agent_updated(&ctxt, "net-1", true).await.unwrap();
    bus.wait_until_idle().await;
    let mut all = heard.all();
    all.sort();
    assert_eq!(
        all,
        [
            r#"added ["r-1"]"#,
            "deleted r-2",
            "removed r-1",
            r#"routers ["r-1"]"#,
            "updated true"
        ]
    );
    let methods: Vec<_> = bus
        .sent()
        .iter()
        .filter(|sent| sent.target.topic.as_deref() == Some(AGENT_TOPIC))
        .map(|sent| {
            let version = sent.target.version.map(|version| version.to_string());
            (sent.method.clone(), version.unwrap(), sent.target.fanout)
        })
        .collect();
    let sent =
        |method: &str, version: &str, fanout| (method.to_owned(), version.to_owned(), fanout);
    assert_eq!(
        methods,
        [
            sent("router_added_to_agent", "1.0", false),
            sent("routers_updated", "1.1", false),
            sent("router_removed_from_agent", "1.0", false),
            sent("router_deleted", "1.0", true),
            sent("agent_updated", "1.0", false),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn router_added_to_agent_is_tried_twice() {
    let bus = TestBus::new();
    let (_server, heard) = serving(&bus).await;
    let client = L3AgentClient::new(&bus.rpc_transport(), &MethodTimeouts::default());
    let lost = bus.inject(Fault::lose().method("router_added_to_agent").times(1));
    let (ctxt, ids) = (Context::default(), ["r-1".to_owned()]);
    let added = client.router_added_to_agent(&ctxt, "net-1", &ids);
    assert_eq!(added.await, Ok(()));
    assert_eq!((lost.hits(), heard.all().len()), (1, 1));

    let lost = bus.inject(Fault::lose().method("router_added_to_agent"));
    let added = client.router_added_to_agent(&ctxt, "net-1", &ids);
    assert!(added.await.unwrap_err().is_timeout());
    assert_eq!(lost.hits(), 2);
}

#[tokio::test(start_paused = true)]
async fn arguments_of_later_servers_are_ignored() {
    let bus = TestBus::new();
    let (_server, heard) = serving(&bus).await;
    let args = json!({"network": {"id": "n-1"}, "later": [1, 2]});
    assert_eq!(call(&bus, "network_update", args).await, Ok(json!(null)));
    assert_eq!(heard.all(), [r#"network "n-1""#]);
}

#[tokio::test(start_paused = true)]
async fn old_servers_send_whole_routers() {
    let bus = TestBus::new();
    let (_server, heard) = serving(&bus).await;
    let args = json!({"routers": ["r-1", {"id": "r-2", "name": "old"}]});
    assert_eq!(call(&bus, "routers_updated", args).await, Ok(json!(null)));
    assert_eq!(heard.all(), [r#"routers ["r-1", "r-2"]"#]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_a_type_error_and_what_is_not_there_no_such_method() {
    let bus = TestBus::new();
    let (_server, heard) = serving(&bus).await;
    for args in [json!({}), json!({"router_id": 7})] {
        let error = call(&bus, "router_deleted", args).await.unwrap_err();
        assert!(error.remote().unwrap().is("builtins", "TypeError"));
    }
    let error = call(&bus, "add_arp_entry", json!({"payload": {}})).await;
    assert_eq!(error.unwrap_err().remote().unwrap().class, "NoSuchMethod");
    assert!(heard.all().is_empty());
}
