use std::collections::HashMap;
use std::sync::Mutex;

use bergen_messaging::rpc::{CallError, RpcClient, RpcServer};
use bergen_messaging::target::{ClientTarget, ServerTarget};
use bergen_messaging::wire::Context;
use bergen_testing::TestBus;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::neutron::{AgentState, MethodTimeouts, StateReportClient};

#[derive(Default)]
struct Agents {
    heartbeats: Mutex<HashMap<(String, String), Instant>>,
}

impl AgentStore for Agents {
    async fn store(&self, received: &ReceivedReport) -> Result<Option<Duration>, MethodError> {
        let state = &received.report.state;
        let key = (state.agent_type.clone(), state.host.clone());
        let before = self.heartbeats.lock().unwrap().insert(key, Instant::now());
        Ok(before.map(|before| before.elapsed()))
    }
}

async fn serving(bus: &TestBus) -> (RpcServer, Arc<Agents>) {
    let agents = Arc::new(Agents::default());
    let endpoint = StateReportEndpoint::new(Arc::clone(&agents), Duration::from_secs(75));
    let target = ServerTarget::new(StateReportEndpoint::<Agents>::TOPIC, "s-1");
    let server = RpcServer::builder(&bus.rpc_transport(), target)
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    (server, agents)
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_new_then_alive_and_after_a_pause_revived() {
    let bus = TestBus::new();
    let _serving = serving(&bus).await;
    let client = StateReportClient::new(&bus.rpc_transport(), &MethodTimeouts::default());
    let report = AgentReport::new(AgentState::l3("net-1"), true);
    let context = Context::default();
    let mut outcomes = Vec::new();
    for pause in [0, 75, 76] {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        outcomes.push(client.report_state(&context, &report).await.unwrap());
    }
    assert_eq!(
        outcomes,
        [
            ReportOutcome::New,
            ReportOutcome::Alive,
            ReportOutcome::Revived
        ]
    );
    assert_eq!(client.has_alive_neutron_server(&context).await, Ok(true));
    let other = AgentReport::new(AgentState::l3("net-2"), true);
    let outcome = client.report_state(&context, &other).await;
    assert_eq!(outcome, Ok(ReportOutcome::New));
}

async fn report_at(bus: &TestBus, time: &str) -> Result<Value, CallError> {
    let target = ClientTarget::new("q-reports-plugin").version((1, 4));
    let client = RpcClient::new(&bus.rpc_transport(), target);
    let state = AgentState::l3("net-1");
    let arguments = json!({"agent_state": {"agent_state": state}, "time": time});
    client
        .call(&Context::default(), "report_state", &arguments)
        .await
}

#[tokio::test(start_paused = true)]
async fn a_time_in_another_form_is_a_value_error() {
    let bus = TestBus::new();
    let (_server, agents) = serving(&bus).await;
    for time in [
        "2099-11-22T01:21:34Z",
        "2099-11-22T01:21:34.196067Z",
        "2099-11-22T01:21:34.196067+00:00",
        "2099-11-22T01:21:34",
        "2099-11-22 01:21:34.196067",
        "yesterday",
    ] {
        let error = report_at(&bus, time).await.unwrap_err();
        let remote = error.remote().unwrap();
        assert!(remote.is("builtins", "ValueError"), "{time}: {error}");
    }
    assert!(agents.heartbeats.lock().unwrap().is_empty());
    assert_eq!(
        report_at(&bus, "2099-11-22T01:21:34.196067").await,
        Ok(json!("new"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_report_from_before_the_server_is_answered_with_null_and_not_stored() {
    let bus = TestBus::new();
    let (_server, agents) = serving(&bus).await;
    let answer = report_at(&bus, "2020-11-22T01:21:34.196067").await;
    assert_eq!(answer, Ok(json!(null)));
    assert!(agents.heartbeats.lock().unwrap().is_empty());
}
