//! Contexts, both ways.

use bergen::prelude::*;
use bergen::rpc::{DynamicEndpoint, MethodError};
use bergen::target::EndpointTarget;
use bergen::wire::{Context, RawJson};
use bergen_interop::transport;
use bergen_openstack::context::{Extension, RequestContext, WithRequestSpan};
use serde_json::{Map, Value, json};

use super::{OURS, Python};

fn json_of(context: &Context) -> Map<String, Value> {
    let members = context.iter();
    members
        .map(|(key, value)| (key.to_owned(), value.decode().unwrap()))
        .collect()
}

/// A context with a value for everything that oslo.context sends.
fn full() -> RequestContext {
    let text = |text: &str| Some(text.to_owned());
    RequestContext {
        user_id: text("u1"),
        project_id: text("p1"),
        domain_id: text("d1"),
        user_domain_id: text("ud"),
        project_domain_id: text("pd"),
        system_scope: text("all"),
        is_admin: true,
        is_admin_project: false,
        read_only: true,
        show_deleted: true,
        auth_token: text("gAAAA"),
        global_request_id: text("req-3b0ec5ef-2b3f-4cd0-8d6c-2c8d4d1c0f11"),
        resource_uuid: text("r1"),
        roles: vec!["member".to_owned(), "reader".to_owned()],
        ..RequestContext::new()
    }
}

#[tokio::test]
async fn pythons_context_library_reads_ours_as_it_was_meant() {
    let python = Python::start("contexts-out", "neutron").await;
    for context in [
        RequestContext::new(),
        full(),
        RequestContext::admin_nova(),
        RequestContext::admin_neutron(),
        full().elevated(),
    ] {
        let sent = context.to_wire();
        let seen: Map<String, Value> = python.client.call(&sent, "context", &()).await.unwrap();
        // What nova and neutron add, the base class does not read.
        let base = RequestContext {
            extension: Extension::None,
            ..context.clone()
        };
        let mut expected = json_of(&base.to_wire());
        for (key, value) in &seen {
            let expected = expected.remove(key);
            assert_eq!(Some(value), expected.as_ref(), "{key} of {context:?}");
        }
        assert!(expected.is_empty(), "{expected:?}");
    }
}

#[tokio::test]
async fn a_context_of_python_is_read_and_written_the_same() {
    let python = Python::start("contexts-in", "neutron").await;
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("whoami", |_| async {
        let context = RequestContext::current().ok_or_else(|| MethodError::value_error("none"))?;
        let members = context.to_wire();
        let members = members
            .iter()
            .map(|(key, value)| (key.to_owned(), value.clone()));
        Ok::<_, MethodError>(members.collect::<std::collections::BTreeMap<String, RawJson>>())
    });
    let transport = transport(&python.vhost.url()).unwrap();
    let server = RpcServer::builder(&transport, ServerTarget::new(OURS, "host-1"))
        .endpoint(WithRequestSpan(endpoint))
        .build();
    server.start().await.unwrap();
    for values in [
        json!({}),
        json!({"user_id": "u1", "project_id": "p1", "domain_id": "d1", "user_domain_id": "ud",
            "project_domain_id": "pd", "system_scope": "all", "is_admin": true, "is_admin_project": false,
            "read_only": true, "show_deleted": true, "auth_token": "gAAAA", "resource_uuid": "r1",
            "roles": ["a", "b"], "global_request_id": "req-3b0ec5ef-2b3f-4cd0-8d6c-2c8d4d1c0f11"}),
    ] {
        let command = json!({"op": "context", "topic": OURS, "method": "whoami", "values": values});
        let answer = python.peer.request(command).await.unwrap();
        assert_eq!(answer["got"], answer["sent"]);
        assert!(answer["got"].is_object(), "{answer}");
    }
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}
