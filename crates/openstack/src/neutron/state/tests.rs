use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcServer};
use bergen_messaging::target::{EndpointTarget, ServerTarget, Version};
use bergen_testing::{Fault, TestBus};
use serde_json::Value;
use tokio::time::Instant;

use super::*;

/// A server that answers `report_state` with this.
async fn server(transport: &RpcTransport, answer: Value) -> RpcServer {
    let endpoint = DynamicEndpoint::new(EndpointTarget::new().version((1, 2)))
        .method("report_state", move |_: Call| {
            let answer = answer.clone();
            async move { Ok::<_, MethodError>(answer) }
        })
        .method("has_alive_neutron_server", |_| async {
            Ok::<_, MethodError>(true)
        });
    let server = RpcServer::builder(transport, ServerTarget::new(REPORTS_TOPIC, "s-1"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    server
}

fn l3() -> AgentState {
    let mut state = AgentState::l3("net-1");
    state.availability_zone = Some("nova".to_owned());
    state
        .configurations
        .insert("agent_mode".to_owned(), json!("legacy"));
    state
}

#[tokio::test(start_paused = true)]
async fn a_report_has_the_form_that_todays_agents_send() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = server(&transport, json!("new")).await;
    let client = StateReportClient::new(&transport, &MethodTimeouts::default());
    let report = AgentReport::new(l3(), true);
    let outcome = client.report_state(&Context::default(), &report).await;
    assert_eq!(outcome, Ok(ReportOutcome::New));

    let sent = bus.sent().calls().topic(REPORTS_TOPIC).assert_one();
    assert_eq!(sent.target.version, Some(Version::new(1, 1)));
    assert_eq!(sent.target.namespace, None);
    let args: Value = sent.args_as();
    let expected = json!({
        "agent_type": "L3 agent",
        "binary": "neutron-l3-agent",
        "host": "net-1",
        "topic": "l3_agent",
        "availability_zone": "nova",
        "start_flag": true,
        "configurations": {"agent_mode": "legacy"},
        "uuid": report.uuid,
    });
    assert_eq!(args["agent_state"], json!({"agent_state": expected}));
    let time = args["time"].as_str().unwrap();
    assert_eq!(time.len(), "2026-11-22T01:21:34.196067".len(), "{time}");
    assert_eq!(time.parse::<DateTime>().unwrap().to_string(), time);
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_not_said_again() {
    let report = serde_json::to_value(AgentReport::new(l3(), false)).unwrap();
    assert_eq!(report.get("start_flag"), None);
    assert_eq!(report.get("resource_versions"), None);
}

#[tokio::test(start_paused = true)]
async fn each_answer_has_its_outcome() {
    for (answer, outcome) in [
        (json!("new"), ReportOutcome::New),
        (json!("alive"), ReportOutcome::Alive),
        (json!("revived"), ReportOutcome::Revived),
        (json!("something later"), ReportOutcome::Alive),
        (json!(null), ReportOutcome::Stale),
    ] {
        let bus = TestBus::new();
        let transport = bus.rpc_transport();
        let _server = server(&transport, answer).await;
        let client = StateReportClient::new(&transport, &MethodTimeouts::default());
        let report = AgentReport::new(l3(), true);
        let reported = client.report_state(&Context::default(), &report).await;
        assert_eq!(reported, Ok(outcome));
        assert_eq!(outcome.is_accepted(), outcome != ReportOutcome::Stale);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_servers_database_can_not_hold_is_not_sent() {
    let bus = TestBus::new();
    let client = StateReportClient::new(&bus.rpc_transport(), &MethodTimeouts::default());
    let mut state = l3();
    let long = json!("x".repeat(4096));
    state.configurations.insert("notes".to_owned(), long);
    let report = AgentReport::new(state, true);
    let reported = client.report_state(&Context::default(), &report).await;
    assert!(
        matches!(
            reported,
            Err(ReportError::ConfigurationsTooLong { length: 4133 })
        ),
        "{reported:?}"
    );

    let mut state = l3();
    state.agent_type = "é".repeat(256);
    let report = AgentReport::new(state, true);
    let reported = client.cast_report_state(&Context::default(), &report).await;
    assert_eq!(reported, Err(ReportError::AgentTypeTooLong));
    assert!(bus.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_l2_agent_waits_until_a_server_reaches_its_database() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let client = StateReportClient::new(&transport, &MethodTimeouts::default());
    let pause = Duration::from_secs(30);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.wait_for_server(&Context::default(), pause).await }
    });
    // No server at all, then one that does not answer, then one that does.
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(!waiting.is_finished());
    let lost = bus.inject(Fault::lose().method("has_alive_neutron_server").times(1));
    let _server = server(&transport, json!("new")).await;
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert_eq!(lost.hits(), 1);
    let version = Some(Version::new(1, 2));
    assert!(bus.sent().iter().all(|sent| sent.target.version == version));
}

#[tokio::test(start_paused = true)]
async fn an_l2_agent_sleeps_when_the_server_has_no_database() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let answers = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let endpoint = DynamicEndpoint::new(EndpointTarget::new().version((1, 2))).method(
        "has_alive_neutron_server",
        move |_| {
            let answer = answers.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 2;
            async move { Ok::<_, MethodError>(answer) }
        },
    );
    let server = RpcServer::builder(&transport, ServerTarget::new(REPORTS_TOPIC, "s-1"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    let client = StateReportClient::new(&transport, &MethodTimeouts::default());
    let began = Instant::now();
    let (ctxt, pause) = (Context::default(), Duration::from_secs(30));
    assert_eq!(client.wait_for_server(&ctxt, pause).await, Ok(()));
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn other_agents_are_found_and_deleted_with_version_1_4() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let known = json!([{"host": "net-2", "agent_type": "L3 agent", "admin_state_up": true}]);
    let listed = known.clone();
    let endpoint = DynamicEndpoint::new(EndpointTarget::new().version((1, 4)))
        .method("get_agents", move |_| {
            let listed = listed.clone();
            async move { Ok::<_, MethodError>(listed) }
        })
        .method("delete_agent", |_| async { Ok::<_, MethodError>(()) });
    let server = RpcServer::builder(&transport, ServerTarget::new(REPORTS_TOPIC, "s-1"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    let client = StateReportClient::new(&transport, &MethodTimeouts::default());
    let ctxt = Context::default();

    let filters = json!({"host": "net-2", "is_active": true});
    let agents = client.get_agents(&ctxt, filters.as_object().unwrap()).await;
    assert_eq!(json!(agents.unwrap()), known);
    client
        .delete_agent(&ctxt, "net-2", "L3 agent")
        .await
        .unwrap();

    let found = bus.sent().calls().method("get_agents").assert_one();
    assert_eq!(found.target.version, Some(Version::new(1, 4)));
    assert_eq!(found.args_as::<Value>(), filters);
    let deleted = bus.sent().calls().method("delete_agent").assert_one();
    assert_eq!(deleted.target.version, Some(Version::new(1, 4)));
    assert_eq!(
        deleted.args_as::<Value>(),
        json!({"host": "net-2", "agent_type": "L3 agent"})
    );
}
