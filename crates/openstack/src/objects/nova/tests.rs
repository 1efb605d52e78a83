//! Messages of a real nova, captured on the bus.

use std::collections::BTreeSet;

use bergen_messaging::wire::RawJson;
use serde_json::{Value, json};

use super::*;
use crate::objects::{Envelope, VersionedObject, backport};

macro_rules! capture {
    ($name:literal) => {
        RawJson::parse(include_str!(concat!(
            "../../../tests/captures/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}

/// JSON with the changes of objects in order: peers write them in any.
fn ordered(json: &RawJson) -> Value {
    fn sort(value: &mut Value) {
        match value {
            Value::Array(elements) => elements.iter_mut().for_each(sort),
            Value::Object(members) => {
                for (key, value) in members {
                    sort(value);
                    if key.ends_with(".changes") {
                        let names: BTreeSet<String> = serde_json::from_value(value.take()).unwrap();
                        *value = json!(names);
                    }
                }
            }
            _ => {}
        }
    }
    let mut value = json.decode().unwrap();
    sort(&mut value);
    value
}

/// Reads an object and writes it again.
fn unchanged<T: VersionedObject + serde::Serialize + serde::de::DeserializeOwned>(json: &RawJson) {
    let object: T = json.decode().unwrap();
    assert_eq!(ordered(&RawJson::encode(&object).unwrap()), ordered(json));
    let opaque: Envelope = json.decode().unwrap();
    assert_eq!(ordered(&opaque.to_json().unwrap()), ordered(json));
}

fn objinst(request: &RawJson) -> RawJson {
    request.member("objinst").unwrap()
}

fn removed(target: (u32, u32)) -> Vec<String> {
    let service: Service = capture!("service_1_22").decode().unwrap();
    let whole = service.to_envelope().unwrap();
    let older = service.backported(target.into(), None).unwrap();
    assert_eq!(older.version, target.into());
    let gone = whole
        .data
        .keys()
        .filter(|name| !older.data.contains_key(*name));
    gone.cloned().collect()
}

#[test]
fn captured_objects_are_read_and_written_the_same() {
    unchanged::<Service>(&capture!("service_1_22"));
    unchanged::<Service>(&capture!("service_1_20"));
    unchanged::<Service>(&objinst(&capture!("service_create")));
    unchanged::<Service>(&objinst(&capture!("service_save")));
    unchanged::<ComputeNode>(&objinst(&capture!("compute_node_create")));
    unchanged::<ComputeNode>(&objinst(&capture!("compute_node_save")));
}

#[test]
fn a_list_and_what_is_nested_in_two_levels_are_read_and_written_the_same() {
    let list = json!({"nova_object.name": "ServiceList", "nova_object.namespace": "nova",
        "nova_object.version": "1.19",
        "nova_object.data": {"objects": [capture!("service_1_22").decode::<Value>().unwrap()]}});
    unchanged::<ServiceList>(&RawJson::encode(&list).unwrap());
    let object = |name: &str, version: &str, data: Value| {
        json!({"nova_object.name": name, "nova_object.namespace": "nova",
            "nova_object.version": version, "nova_object.data": data})
    };
    let pool = object(
        "PciDevicePool",
        "1.1",
        json!({"product_id": "1", "vendor_id": "8086", "numa_node": null, "tags": {"k": "v"}, "count": 2}),
    );
    let spec = json!({"arch": "x86_64", "hv_type": "kvm", "vm_mode": "hvm"});
    let node = object(
        "ComputeNode",
        "1.19",
        json!({"id": 1, "host": "h", "host_ip": "192.0.2.4", "cpu_allocation_ratio": 4.0,
            "stats": {"num_instances": "0", "x": null},
            "supported_hv_specs": [object("HVSpec", "1.2", spec)],
            "pci_device_pools": object("PciDevicePoolList", "1.1", json!({"objects": [pool]}))}),
    );
    let service = object("Service", "1.22", json!({"id": 1, "compute_node": node}));
    unchanged::<Service>(&RawJson::encode(&service).unwrap());
}

#[test]
fn the_manifest_is_the_one_that_nova_sends() {
    let request = capture!("service_get_request");
    let sent = request.member("object_versions").unwrap();
    let ours = RawJson::encode(&Service::definition().manifest()).unwrap();
    assert!(ours.json_eq(&sent), "{ours} {sent}");
}

#[test]
fn older_versions_of_a_service_lack_what_came_later() {
    assert!(removed((1, 22)).is_empty());
    assert_eq!(removed((1, 20)), ["uuid"]);
    assert_eq!(removed((1, 15)), ["uuid", "version"]);
    assert_eq!(
        removed((1, 12)),
        ["forced_down", "last_seen_up", "uuid", "version"]
    );
}

#[test]
fn the_backport_to_1_20_is_the_one_of_novas_conductor() {
    let service: Service = capture!("service_1_22").decode().unwrap();
    let mut manifest = Service::definition().manifest();
    manifest.insert("Service".to_owned(), (1, 20).into());
    let ours = service.backported((1, 20).into(), Some(&manifest)).unwrap();
    assert_eq!(
        ordered(&ours.to_json().unwrap()),
        ordered(&capture!("service_1_20"))
    );
}

#[test]
fn removed_fields_are_no_changes_any_more() {
    let mut service = Service::default();
    service.host.set(Some("h".to_owned()));
    service.version.set(74);
    let older = service.backported((1, 15).into(), None).unwrap();
    assert_eq!(older.changes, BTreeSet::from(["host".to_owned()]));
    let newer = backport(older, Service::definition(), (1, 22).into(), None);
    assert_eq!(
        newer.unwrap_err().to_string(),
        "Invalid target version 1.22"
    );
}

#[test]
fn an_older_object_keeps_its_version_and_unset_fields() {
    let service: Service = capture!("service_1_20").decode().unwrap();
    assert_eq!(service.version(), (1, 20).into());
    assert!(!service.uuid.is_set() && service.what_changed().is_empty());
    assert_eq!(service.disabled_reason.get(), Some(&None));
}

#[test]
fn the_answer_to_create_is_taken_over() {
    let mut service: Service = objinst(&capture!("service_create")).decode().unwrap();
    assert_eq!(service.what_changed().len(), 5);
    let updates = capture!("service_create_reply").elements().next().unwrap();
    service.merge(&updates).unwrap();
    assert_eq!(service.id.get(), Some(&3));
    assert_eq!(
        service.host.get().unwrap().as_deref(),
        Some("fakec-6b0243b0")
    );
    assert_eq!(service.deleted_at.get(), Some(&None));
    assert!(service.what_changed().is_empty());
}

#[test]
fn an_answer_may_hold_objects_and_say_what_is_changed_still() {
    let mut node: ComputeNode = objinst(&capture!("compute_node_create")).decode().unwrap();
    let updates = capture!("compute_node_create_reply")
        .elements()
        .next()
        .unwrap();
    node.merge(&updates).unwrap();
    let specs = node.supported_hv_specs.get().unwrap();
    assert_eq!(specs[0].arch.get().map(String::as_str), Some("x86_64"));
    assert_eq!(node.pci_device_pools.get(), Some(&None));
    assert!(
        node.what_changed().is_empty(),
        "changes in lists are not the node's"
    );

    let updates =
        json!({"mapped": 1, "vcpus": 8, "no_such_field": 1, "obj_what_changed": ["vcpus"]});
    node.merge(&RawJson::encode(&updates).unwrap()).unwrap();
    assert_eq!(node.what_changed(), BTreeSet::from(["vcpus"]));
    assert_eq!(node.mapped.get(), Some(&1));
}

#[test]
fn a_nested_object_with_changes_changes_its_field() {
    let mut node: ComputeNode = objinst(&capture!("compute_node_save")).decode().unwrap();
    node.reset_changes();
    assert_eq!(node.what_changed(), BTreeSet::from(["pci_device_pools"]));
    node.pci_device_pools
        .get_mut()
        .unwrap()
        .as_mut()
        .unwrap()
        .reset_changes();
    assert!(node.what_changed().is_empty());

    let mut list = ServiceList::default();
    list.objects = crate::objects::Field::loaded(vec![Service::default()]);
    assert!(list.what_changed().is_empty());
    list.objects.get_mut().unwrap()[0].disabled.set(true);
    assert_eq!(list.what_changed(), BTreeSet::from(["objects"]));
}

#[test]
fn a_service_that_is_gone_is_known_by_its_number_and_by_its_uuid() {
    use bergen_messaging::rpc::{RemoteError, RpcError};
    use bergen_messaging::wire::Failure;

    // As nova 34 answers the heartbeat of a service whose record was deleted, and a look-up.
    for (id, sent) in [
        (ServiceId::Id(4), json!({"service_id": 4, "code": 404})),
        (
            ServiceId::Uuid("u-1".to_owned()),
            json!({"service_id": "u-1", "code": 404}),
        ),
    ] {
        let message = format!("Service {id} could not be found.");
        let mut failure = Failure::new("nova.exception", "ServiceNotFound", message);
        failure.kwargs = RawJson::encode(&sent).unwrap();
        let remote = RemoteError::from(failure);
        let error = ServiceError::NotFound { service_id: id };
        assert_eq!(ServiceError::from_remote(&remote), Some(error));
    }
}
