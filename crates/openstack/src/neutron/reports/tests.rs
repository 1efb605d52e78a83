use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex as StdMutex;

use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcServer};
use bergen_messaging::target::{EndpointTarget, ServerTarget};
use bergen_messaging::transport::RpcTransport;
use bergen_testing::{Fault, Sent, TestBus};
use serde_json::{Value, json};

use super::*;
use crate::neutron::MethodTimeouts;
use crate::neutron::state::REPORTS_TOPIC;

const INTERVAL: Duration = Duration::from_secs(30);

/// Answers reports with these, then always with the last of them.
async fn server(transport: &RpcTransport, answers: &[Value]) -> RpcServer {
    let answers = Arc::new(StdMutex::new(VecDeque::from(answers.to_vec())));
    let endpoint = DynamicEndpoint::new(EndpointTarget::new().version((1, 4))).method(
        "report_state",
        move |_: Call| {
            let mut answers = answers.lock().unwrap();
            let answer = answers.pop_front().unwrap();
            if answers.is_empty() {
                answers.push_back(answer.clone());
            }
            async move { Ok::<_, MethodError>(answer) }
        },
    );
    let server = RpcServer::builder(transport, ServerTarget::new(REPORTS_TOPIC, "s-1"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    server
}

#[derive(Default)]
struct Agent {
    outcomes: StdMutex<Vec<ReportOutcome>>,
}

impl Reporting for Agent {
    fn agent_state(&self) -> AgentState {
        let mut state = AgentState::l3("net-1");
        state.resource_versions = Some(BTreeMap::from([("Port".to_owned(), "1.8".to_owned())]));
        state
    }

    fn reported(&self, outcome: ReportOutcome) {
        self.outcomes.lock().unwrap().push(outcome);
    }
}

fn reporter(transport: &RpcTransport) -> (Arc<Agent>, StateReporter<Agent>) {
    let agent = Arc::new(Agent::default());
    let client = StateReportClient::new(transport, &MethodTimeouts::default());
    let reporter = StateReporter::new(&client, &agent, INTERVAL);
    (agent, reporter)
}

fn reports(bus: &TestBus) -> Vec<Sent> {
    bus.sent().method("report_state").iter().cloned().collect()
}

fn state(sent: &Sent) -> Value {
    sent.args_as::<Value>()["agent_state"]["agent_state"].clone()
}

#[tokio::test(start_paused = true)]
async fn the_first_report_comes_at_once_and_then_one_each_interval() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = server(&transport, &[json!("new"), json!("alive")]).await;
    let (agent, reporter) = reporter(&transport);
    let tasks = TaskGroup::new();
    let began = tokio::time::Instant::now();
    reporter.start(&tasks);
    tokio::time::sleep(INTERVAL * 2 + Duration::from_secs(1)).await;
    tasks.stop(true).await;

    let reports = reports(&bus);
    let at: Vec<u64> = reports
        .iter()
        .map(|sent| (sent.at - began).as_secs())
        .collect();
    assert_eq!(at, [0, 30, 60]);
    let outcomes = agent.outcomes.lock().unwrap().clone();
    assert_eq!(
        outcomes,
        [
            ReportOutcome::New,
            ReportOutcome::Alive,
            ReportOutcome::Alive
        ]
    );
    // Each has a UUID of its own.
    assert_ne!(state(&reports[0])["uuid"], state(&reports[1])["uuid"]);
}

#[tokio::test(start_paused = true)]
async fn the_start_flag_and_the_resource_versions_go_until_a_report_is_accepted() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let answers = [json!(null), json!(null), json!("new"), json!("alive")];
    let _server = server(&transport, &answers).await;
    let (_, reporter) = reporter(&transport);
    for _ in 0..4 {
        reporter.report_now().await.unwrap();
    }
    let flags: Vec<bool> = reports(&bus)
        .iter()
        .map(|sent| state(sent).get("start_flag").is_some())
        .collect();
    assert_eq!(flags, [true, true, true, false]);
    let versions: Vec<bool> = reports(&bus)
        .iter()
        .map(|sent| state(sent).get("resource_versions").is_some())
        .collect();
    assert_eq!(versions, [true, true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_report_times_out_after_the_interval_and_the_next_keeps_the_start_flag() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = server(&transport, &[json!("new")]).await;
    bus.inject(Fault::lose().topic(REPORTS_TOPIC).times(1));
    let (agent, reporter) = reporter(&transport);
    let tasks = TaskGroup::new();
    let began = tokio::time::Instant::now();
    reporter.start(&tasks);
    tokio::time::sleep(INTERVAL * 3 / 2).await;
    tasks.stop(true).await;
    let reports = reports(&bus);
    assert_eq!(reports.len(), 2);
    // No back-off: the timeout is the interval.
    assert_eq!((reports[1].at - began).as_secs(), 30);
    assert_eq!(state(&reports[1])["start_flag"], json!(true));
    let outcomes = agent.outcomes.lock().unwrap().clone();
    assert_eq!(outcomes, [ReportOutcome::New]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_hears_that_it_was_revived() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = server(&transport, &[json!("revived")]).await;
    let (agent, reporter) = reporter(&transport);
    assert_eq!(reporter.report_now().await, Ok(ReportOutcome::Revived));
    let outcomes = agent.outcomes.lock().unwrap().clone();
    assert_eq!(outcomes, [ReportOutcome::Revived]);
}

#[tokio::test(start_paused = true)]
async fn an_interval_of_zero_reports_nothing() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let client = StateReportClient::new(&transport, &MethodTimeouts::default());
    let agent = Arc::new(Agent::default());
    let reporter = StateReporter::new(&client, &agent, Duration::ZERO);
    assert!(reporter.start(&TaskGroup::new()).is_none());
}
