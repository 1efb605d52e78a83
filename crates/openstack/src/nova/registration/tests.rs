use std::sync::Arc;

use bergen_messaging::rpc::MethodError;
use serde_json::{Value, json};

use super::*;
use crate::nova::stand_in::{HOST, StandIn, object_of};
use crate::nova::{ConductorApi, NovaSettings, ServiceRecord};
use crate::objects::VersionedObject;
use crate::objects::nova::ServiceId;

fn identity(binary: &str) -> Identity {
    Identity {
        host: HOST.to_owned(),
        binary: binary.to_owned(),
        topic: "compute".to_owned(),
        version: 74,
    }
}

fn records(stand_in: &StandIn) -> ConductorApi {
    ConductorApi::new(&stand_in.transport, &NovaSettings::default())
}

async fn register(stand_in: &StandIn) -> Result<Service, RecordError> {
    let records = records(stand_in);
    let ctxt = Context::default();
    let identity = identity("nova-compute");
    let found = records.find(&ctxt, HOST, "nova-compute").await.unwrap();
    identity.register(&records, &ctxt, found).await
}

fn row(version: i64) -> serde_json::Map<String, Value> {
    object_of(json!({
        "id": 9, "host": HOST, "binary": "nova-compute", "topic": "compute", "report_count": 41,
        "version": version, "disabled": false, "forced_down": false,
    }))
}

#[tokio::test]
async fn a_new_service_is_created_as_nova_does() {
    let stand_in = StandIn::serving().await;
    let service = register(&stand_in).await.unwrap();
    assert_eq!(service.id.get(), Some(&3));
    assert!(service.what_changed().is_empty());
    let sent = stand_in.bus.sent().method("object_action").assert_one();
    let captured = include_str!("../../../tests/captures/service_create.json");
    let captured = captured.replace("fakec-6b0243b0", HOST);
    let mut captured: Value = serde_json::from_str(&captured).unwrap();
    // They are a set, which Python writes in any order.
    captured["objinst"]["nova_object.changes"]
        .as_array_mut()
        .unwrap()
        .sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    sent.assert_args(&captured);
}

#[tokio::test]
async fn a_known_service_only_gets_its_new_version() {
    let stand_in = StandIn::serving().await;
    stand_in.state().row = Some(row(73));
    let service = register(&stand_in).await.unwrap();
    assert_eq!(
        (service.id.get(), service.version.get()),
        (Some(&9), Some(&74))
    );
    let sent = stand_in.bus.sent().method("object_action").assert_one();
    let object: Value = sent.arg("objinst");
    assert_eq!(object["nova_object.changes"], json!(["version"]));
    assert_eq!(sent.arg::<String>("objmethod"), "save");
}

#[tokio::test]
async fn nothing_is_written_for_a_service_of_the_same_version() {
    let stand_in = StandIn::serving().await;
    stand_in.state().row = Some(row(74));
    register(&stand_in).await.unwrap();
    stand_in.bus.sent().method("object_action").assert_none();
}

#[tokio::test]
async fn a_value_error_after_the_row_was_written_is_looked_behind() {
    let stand_in = StandIn::serving().await;
    let refused = MethodError::value_error("Field value nova-lamp is invalid");
    stand_in.refuse("create", true, refused);
    let service = register(&stand_in).await.unwrap();
    assert_eq!(service.id.get(), Some(&3));
    let ran = ["get_by_host_and_binary", "create", "get_by_host_and_binary"];
    assert_eq!(stand_in.state().ran, ran);
}

#[tokio::test]
async fn a_value_error_without_a_row_is_one() {
    let stand_in = StandIn::serving().await;
    stand_in.refuse("create", false, MethodError::value_error("no"));
    let error = register(&stand_in).await.unwrap_err();
    assert_eq!(error.to_string(), "no");
    assert_eq!(stand_in.state().row, None);
}

async fn after_a_sibling(error: ServiceError) {
    let stand_in = StandIn::serving().await;
    stand_in.refuse("create", true, error);
    let service = register(&stand_in).await.unwrap();
    assert_eq!(service.id.get(), Some(&3));
}

#[tokio::test]
async fn a_sibling_that_was_faster_has_made_the_record_of_both() {
    after_a_sibling(ServiceError::BinaryExists {
        host: HOST.to_owned(),
        binary: "nova-compute".to_owned(),
    })
    .await;
}

#[tokio::test]
async fn so_has_one_that_the_topic_was_taken_by() {
    after_a_sibling(ServiceError::TopicExists {
        host: HOST.to_owned(),
        topic: "compute".to_owned(),
    })
    .await;
}

#[tokio::test]
async fn a_service_older_than_the_others_is_not_registered() {
    let stand_in = StandIn::serving().await;
    let too_old = ServiceError::TooOld {
        thisver: 74,
        minver: 75,
    };
    stand_in.refuse("create", false, too_old.clone());
    assert_eq!(register(&stand_in).await, Err(TypedCallError::Own(too_old)));
}

#[tokio::test]
async fn a_record_is_deleted_although_nova_fails_afterwards() {
    let stand_in = StandIn::serving().await;
    let service = register(&stand_in).await.unwrap();
    let records: Arc<dyn ServiceRecords> = Arc::new(records(&stand_in));
    let record = ServiceRecord::new(&records, service);
    stand_in.refuse("destroy", true, MethodError::value_error("Field value"));
    assert_eq!(record.destroy().await, Ok(()));
    assert_eq!(stand_in.state().row, None);
    // An operator may be faster, too.
    let gone = ServiceError::NotFound {
        service_id: ServiceId::Id(3),
    };
    stand_in.refuse("destroy", false, gone);
    assert_eq!(record.destroy().await, Ok(()));
}
