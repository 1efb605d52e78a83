use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcServer, TypedCallError};
use bergen_messaging::target::{EndpointTarget, ServerTarget};
use bergen_testing::TestBus;
use serde_json::{Value, json};

use super::*;
use crate::objects::nova::{self, Service, ServiceError, ServiceId};
use crate::objects::{ObjectSerializer, WithObjects};

const NEWER: &str = r#"{"nova_object.name":"Service","nova_object.namespace":"nova","nova_object.version":"1.99","nova_object.data":{"id":1,"mood":"new"}}"#;

fn raw(value: &Value) -> RawJson {
    RawJson::encode(value).unwrap()
}

fn arguments(call: &Call) -> Value {
    call.arguments.decode().unwrap()
}

/// What a conductor does, for a single service.
fn conductor() -> DynamicEndpoint {
    DynamicEndpoint::new(EndpointTarget::new().version((3, 0)))
        .method("object_class_action_versions", |call: Call| async move {
            let request = arguments(&call);
            assert_eq!(request["objname"], "Service");
            match request["objmethod"].as_str() {
                Some("get_by_host_and_binary") => {
                    assert_eq!(request["args"], json!(["h", "nova-compute"]));
                    let mut service = Service::default();
                    service.host.set(Some("h".to_owned()));
                    service.uuid.set("u".to_owned());
                    let version: crate::objects::Version =
                        serde_json::from_value(request["object_versions"]["Service"].clone()).unwrap();
                    let envelope = service.backported(version, None).unwrap();
                    Ok(envelope.to_json().unwrap())
                }
                Some("get_minimum_version") => {
                    assert_eq!(request["kwargs"], json!({"use_slave": true}));
                    Ok(raw(&json!(66)))
                }
                _ => Err(MethodError::from(ServiceError::NotFound {
                    service_id: ServiceId::Id(7),
                })),
            }
        })
        .method("object_action", |call: Call| async move {
            let request = arguments(&call);
            let inst = &request["objinst"];
            assert_eq!(inst["nova_object.changes"], json!(["host"]));
            Ok::<_, MethodError>(json!([{"id": 1, "topic": inst["nova_object.version"], "obj_what_changed": []}, null]))
        })
        .method("object_backport_versions", |call: Call| async move {
            let request = arguments(&call);
            assert_eq!(request["objinst"], serde_json::from_str::<Value>(NEWER).unwrap());
            assert_eq!(request["object_versions"]["HVSpec"], "1.2");
            Ok::<_, MethodError>(raw(&serde_json::from_str(&NEWER.replace("1.99", "1.22")).unwrap()))
        })
}

async fn bus() -> (TestBus, RpcServer, ObjectClient) {
    let bus = TestBus::with_virtual_time();
    let transport = bus.rpc_transport();
    let server = RpcServer::builder(&transport, ServerTarget::new("conductor", "c-1"))
        .endpoint(conductor())
        .build();
    server.start().await.unwrap();
    let client = ObjectClient::new(&transport);
    (bus, server, client)
}

#[tokio::test]
async fn a_class_method_gives_objects_and_plain_values() {
    let (_bus, _server, client) = bus().await;
    let ctxt = Context::default();
    let arguments = || MethodArguments::new().arg("h").arg("nova-compute");
    let found: Option<Service> = client
        .class_action::<Service, _>(&ctxt, "get_by_host_and_binary", arguments())
        .await
        .unwrap();
    let found = found.unwrap();
    assert_eq!(
        (found.version(), found.uuid.is_set()),
        ((1, 22).into(), true)
    );

    let pinned = client
        .clone()
        .pinned(Manifest::from([("Service".to_owned(), (1, 20).into())]));
    let older: Service = pinned
        .class_action::<Service, _>(&ctxt, "get_by_host_and_binary", arguments())
        .await
        .unwrap();
    assert_eq!(
        (older.version(), older.uuid.is_set()),
        ((1, 20).into(), false)
    );
    // A pin can't ask for more than this program reads.
    let newer = client
        .clone()
        .pinned(Manifest::from([("Service".to_owned(), (1, 99).into())]));
    let ours: Service = newer
        .class_action::<Service, _>(&ctxt, "get_by_host_and_binary", arguments())
        .await
        .unwrap();
    assert_eq!(ours.version(), Service::definition().version);

    let kwargs = MethodArguments::new().kwarg("use_slave", &true);
    let minimum: i64 = client
        .class_action::<Service, _>(&ctxt, "get_minimum_version", kwargs)
        .await
        .unwrap();
    assert_eq!(minimum, 66);
}

#[tokio::test]
async fn an_objects_method_takes_its_changes_along_and_brings_updates() {
    let (_bus, _server, client) = bus().await;
    let mut service = Service::default();
    service.host.set(Some("h".to_owned()));
    let () = client
        .action(
            &Context::default(),
            &mut service,
            "create",
            MethodArguments::new(),
        )
        .await
        .unwrap();
    assert_eq!(service.id.get(), Some(&1));
    assert!(service.what_changed().is_empty());

    let mut service = Service::default();
    service.host.set(Some("h".to_owned()));
    let pins = Manifest::from([("Service".to_owned(), (1, 15).into())]);
    let () = client
        .pinned(pins)
        .action(
            &Context::default(),
            &mut service,
            "create",
            MethodArguments::new(),
        )
        .await
        .unwrap();
    // The conductor of this test answers with the version that it saw.
    assert_eq!(service.topic.get().unwrap().as_deref(), Some("1.15"));
}

#[tokio::test]
async fn a_failure_is_the_programs_own_error() {
    let (_bus, _server, client) = bus().await;
    let failed: Result<Service, CallError> = client
        .class_action::<Service, _>(
            &Context::default(),
            "get_by_id",
            MethodArguments::new().arg(&7),
        )
        .await;
    let own = TypedCallError::<ServiceError>::from(failed.unwrap_err());
    let expected = ServiceError::NotFound {
        service_id: ServiceId::Id(7),
    };
    assert_eq!(own, TypedCallError::Own(expected));
}

#[tokio::test]
async fn a_newer_argument_is_backported_once_before_the_method_runs() {
    let (bus, _conductor, client) = bus().await;
    let transport = bus.rpc_transport();
    let ran = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&ran);
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("take", move |call: Call| {
        counting.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, MethodError>(call.arguments) }
    });
    let serializer = ObjectSerializer::new(nova::registry()).with_backporter(client);
    let server = RpcServer::builder(&transport, ServerTarget::new("compute", "h"))
        .endpoint(WithObjects::new(endpoint, serializer))
        .build();
    server.start().await.unwrap();

    let caller = RpcClient::new(&transport, ClientTarget::new("compute"));
    let newer: Value = serde_json::from_str(NEWER).unwrap();
    let request = json!({"services": [newer, null], "n": 1});
    let seen: Value = caller
        .call(&Context::default(), "take", &request)
        .await
        .unwrap();
    assert_eq!(seen["services"][0]["nova_object.version"], "1.22");
    assert_eq!(
        (&seen["services"][1], &seen["n"]),
        (&Value::Null, &json!(1))
    );
    bus.sent()
        .calls()
        .method("object_backport_versions")
        .assert_one();

    let unknown: Value = serde_json::from_str(&NEWER.replace("Service", "Instance")).unwrap();
    let refused: Result<Value, CallError> = caller
        .call(&Context::default(), "take", &json!({"x": unknown}))
        .await;
    let error = refused.unwrap_err();
    let own: ObjectError = error.remote().unwrap().to().unwrap();
    assert_eq!(
        own,
        ObjectError::UnsupportedObject {
            objtype: "Instance".to_owned()
        }
    );
    assert_eq!(ran.load(Ordering::Relaxed), 1);
}
