use std::time::Duration;

use bergen_messaging::rpc::MethodError;
use bergen_service::TaskGroup;
use bergen_testing::{Fault, TestBus};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::log_lines::LogLines;
use crate::nova::registration::Identity;
use crate::nova::stand_in::{HOST, StandIn};
use crate::nova::{ConductorApi, DbDriver, NovaSettings, ServiceGroup, ServiceRecords};
use crate::objects::nova::ServiceId;

/// A member of the group, just registered; its heartbeats have begun.
async fn member(stand_in: &StandIn, report_interval: u64) -> (Arc<ServiceRecord>, TaskGroup) {
    let settings = NovaSettings {
        report_interval: Duration::from_secs(report_interval),
        ..NovaSettings::default()
    };
    let records: Arc<dyn ServiceRecords> =
        Arc::new(ConductorApi::new(&stand_in.transport, &settings));
    let identity = Identity {
        host: HOST.to_owned(),
        binary: "nova-compute".to_owned(),
        topic: "compute".to_owned(),
        version: 74,
    };
    let service = identity
        .register(&*records, &bergen_messaging::wire::Context::default(), None)
        .await
        .unwrap();
    let record = Arc::new(ServiceRecord::new(&records, service));
    stand_in.bus.forget();
    let tasks = TaskGroup::new();
    DbDriver::new(&settings).join(&tasks, &record);
    (record, tasks)
}

fn count(stand_in: &StandIn) -> u64 {
    let state = stand_in.state();
    state.row.as_ref().unwrap()["report_count"]
        .as_u64()
        .unwrap()
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test]
async fn the_first_comes_after_five_seconds_and_then_one_each_interval() {
    let stand_in = StandIn::serving().await;
    let (record, tasks) = member(&stand_in, 10).await;
    let start = Instant::now();
    let mut at = Vec::new();
    let mut changes = record.watch();
    while at.len() < 3 {
        changes.changed().await.unwrap();
        at.push(start.elapsed().as_secs());
    }
    assert_eq!(at, [5, 15, 25]);
    assert_eq!(count(&stand_in), 3);
    let sent = stand_in.bus.sent().method("object_action");
    sent.assert_count(3);
    let first: Value = sent.iter().next().unwrap().arg("objinst");
    assert_eq!(first["nova_object.changes"], json!(["report_count"]));
    assert_eq!(first["nova_object.data"]["id"], 3);
    tasks.stop(false).await;
}

#[tokio::test]
async fn without_an_interval_there_is_no_heartbeat() {
    let stand_in = StandIn::serving().await;
    let (_record, tasks) = member(&stand_in, 0).await;
    assert!(tasks.snapshot().timers.is_empty());
}

#[tokio::test]
async fn what_an_operator_sets_comes_back() {
    let stand_in = StandIn::serving().await;
    let (record, tasks) = member(&stand_in, 10).await;
    {
        let mut state = stand_in.state();
        let row = state.row.as_mut().unwrap();
        row.insert("disabled".to_owned(), json!(true));
        row.insert("disabled_reason".to_owned(), json!("maintenance"));
        row.insert("forced_down".to_owned(), json!(true));
    }
    seconds(6).await;
    let service = record.service();
    assert_eq!(service.disabled.get(), Some(&true));
    assert_eq!(
        service.disabled_reason.get(),
        Some(&Some("maintenance".to_owned()))
    );
    assert_eq!(service.forced_down.get(), Some(&true));
    tasks.stop(false).await;
}

#[tokio::test]
async fn lost_answers_are_said_once_and_the_count_grows_on() {
    let stand_in = StandIn::serving().await;
    let (record, _tasks) = member(&stand_in, 0).await;
    let heartbeat = Heartbeat::new(&record);
    let (lines, _guard) = LogLines::capture();
    let lost = stand_in.bus.inject(Fault::lose().method("object_action"));
    heartbeat.beat().await;
    heartbeat.beat().await;
    assert_eq!(count(&stand_in), 0);
    assert_eq!(lines.with("Lost connection to nova-conductor").len(), 1);
    lost.remove();
    heartbeat.beat().await;
    heartbeat.beat().await;
    assert_eq!(count(&stand_in), 4);
    assert_eq!(lines.with("Recovered from being unable").len(), 1);
}

/// Each heartbeat was logged as an unexpected error.
#[tokio::test]
async fn an_absent_conductor_is_said_once() {
    let stand_in = StandIn::serving().await;
    let (record, _tasks) = member(&stand_in, 0).await;
    let nobody = TestBus::new().rpc_transport();
    let conductor = ConductorApi::new(&nobody, &NovaSettings::default());
    let records: Arc<dyn ServiceRecords> = Arc::new(conductor);
    let record = Arc::new(ServiceRecord::new(&records, record.service()));
    let heartbeat = Heartbeat::new(&record);
    let (lines, _guard) = LogLines::capture();
    heartbeat.beat().await;
    heartbeat.beat().await;
    assert_eq!(lines.with("Lost connection to nova-conductor").len(), 1);
    assert_eq!(lines.with("Unexpected error").len(), 0);
}

#[tokio::test]
async fn a_deleted_record_is_not_made_anew_and_the_timer_goes_on() {
    let stand_in = StandIn::serving().await;
    let (_record, tasks) = member(&stand_in, 10).await;
    let (lines, _guard) = LogLines::capture();
    for _ in 0..2 {
        let gone = ServiceError::NotFound {
            service_id: ServiceId::Id(3),
        };
        stand_in.refuse("save", false, gone);
    }
    seconds(30).await;
    let ran = stand_in.state().ran.clone();
    assert_eq!(ran, ["create", "save", "save", "save"]);
    assert_eq!(lines.with("an operator has deleted it").len(), 2);
    assert_eq!(count(&stand_in), 3);
    tasks.stop(false).await;
}

#[tokio::test]
async fn any_failure_is_survived() {
    let stand_in = StandIn::serving().await;
    let (record, _tasks) = member(&stand_in, 0).await;
    let heartbeat = Heartbeat::new(&record);
    let (lines, _guard) = LogLines::capture();
    stand_in.refuse("save", false, MethodError::runtime_error("no database"));
    heartbeat.beat().await;
    assert_eq!(lines.with("Unexpected error while reporting").len(), 1);
    heartbeat.beat().await;
    assert_eq!(lines.with("Recovered from being unable").len(), 1);
}
