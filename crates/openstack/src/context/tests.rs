use bergen_messaging::rpc::CurrentRequest;
use bergen_messaging::wire::Context;
use serde_json::{Value, json};

use super::*;

macro_rules! capture {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!(
            "../../tests/captures/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}

fn wire(value: &Value) -> Context {
    let mut context = Context::default();
    for (key, value) in value.as_object().unwrap() {
        context.insert(key.clone(), value).unwrap();
    }
    context
}

fn json(context: &Context) -> Value {
    let members = context.iter();
    members
        .map(|(key, value)| (key.to_owned(), value.decode().unwrap()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn read(value: &Value) -> RequestContext {
    RequestContext::from_wire(&wire(value))
}

#[test]
fn captured_contexts_are_read_and_written_the_same() {
    let contexts: [Value; 3] = [
        capture!("nova_context"),
        capture!("nova_user_context"),
        capture!("neutron_context"),
    ];
    for context in contexts {
        assert_eq!(json(&read(&context).to_wire()), context);
    }
}

#[test]
fn the_catalogue_keeps_what_nova_keeps() {
    let mut user: Value = capture!("nova_user_context");
    let network = json!({"type": "network", "name": "neutron", "endpoints": [{"publicURL": "http://n:9696"}]});
    user["service_catalog"] = json!([network, {"type": "identity"}, 7]);
    let written = json(&read(&user).to_wire());
    assert_eq!(written["service_catalog"], json!([network]));
}

#[test]
fn contexts_of_own_work_have_the_keys_of_the_peers() {
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    for (ours, theirs) in [
        (RequestContext::admin_nova(), capture!("nova_context")),
        (RequestContext::admin_neutron(), capture!("neutron_context")),
    ] {
        let ours = json(&ours.to_wire());
        let theirs: Value = theirs;
        assert_eq!(keys(&ours), keys(&theirs));
        assert_eq!(ours["is_admin"], true);
        assert_eq!(ours["user_identity"], "- - - - -");
    }
    let nova = json(&RequestContext::admin_nova().to_wire());
    assert_eq!(
        (&nova["roles"], &nova["read_deleted"]),
        (&json!([]), &json!("no"))
    );
    let neutron = RequestContext::admin_neutron();
    assert_eq!(neutron.roles, ["admin", "member", "reader"]);
    assert_ne!(
        neutron.request_id,
        RequestContext::admin_neutron().request_id
    );
}

#[test]
fn the_least_context_has_defaults() {
    let context = read(&json!({"is_admin": true}));
    assert!(context.is_admin && context.is_admin_project);
    assert!(context.request_id.starts_with("req-") && context.request_id.len() == 40);
    assert_eq!(context.extension, Extension::None);
    let nobody = read(&json!({}));
    assert!(!nobody.is_admin && nobody.roles.is_empty());
}

#[test]
fn whatever_comes_is_read() {
    let context = read(
        &json!({"is_admin": "yes", "roles": 7, "request_id": null, "user": [], "read_deleted": null,
        "timestamp": "long ago", "service_catalog": {}, "global_request_id": 5}),
    );
    assert!(!context.is_admin && context.roles.is_empty());
    assert!(context.request_id.starts_with("req-"));
    let Extension::Nova(nova) = &context.extension else {
        panic!("{context:?}")
    };
    assert_eq!(nova.read_deleted, ReadDeleted::No);
}

#[test]
fn unknown_keys_are_passed_on_and_the_messages_timeout_is_not() {
    let sent = json!({"user": "u", "tenant": "p", "tenant_id": "p", "trace_info": {"hmac_key": "k"},
        "client_timeout": 60, "x": 1.50});
    let context = read(&sent);
    assert_eq!(context.project_id.as_deref(), Some("p"), "as before 2021");
    let again = json(&context.to_wire());
    for key in ["tenant", "tenant_id", "trace_info", "x"] {
        assert_eq!(again[key], sent[key], "{key}");
    }
    assert_eq!(again.get("client_timeout"), None);
}

#[test]
fn whose_user_key_counts() {
    let user = |value: Value| read(&value).user_id;
    assert_eq!(user(json!({"user": "a"})).as_deref(), Some("a"));
    assert_eq!(
        user(json!({"user": "a", "timestamp": "t"})).as_deref(),
        Some("a")
    );
    assert_eq!(
        user(json!({"user": "a", "user_id": "b"})).as_deref(),
        Some("b")
    );
    assert_eq!(user(json!({"user": "a", "user_id": null})), None);
    assert_eq!(user(json!({"user": "a", "read_deleted": "no"})), None);
}

#[test]
fn elevated_may_do_everything_and_is_a_copy() {
    let user = read(&capture!("nova_user_context"));
    let mut member = user.clone();
    member.is_admin = false;
    member.roles = vec!["member".to_owned()];
    let elevated = member.elevated().with_read_deleted(ReadDeleted::Yes);
    assert!(elevated.is_admin && !member.is_admin);
    assert_eq!(elevated.roles, ["member", "admin"]);
    assert_eq!(elevated.elevated(), elevated);
    assert_eq!(json(&elevated.to_wire())["read_deleted"], "yes");

    let mut agent = RequestContext::admin_neutron();
    agent.roles.clear();
    assert_eq!(agent.elevated().roles, ["admin", "member", "reader"]);
}

#[test]
fn the_global_id_is_the_requests_own_if_there_is_no_other() {
    let mut context = RequestContext::new();
    assert_eq!(context.global_id(), context.request_id);
    context.global_request_id = Some("req-other".to_owned());
    assert_eq!(context.global_id(), "req-other");
}

#[test]
fn no_secret_is_shown_or_left_in_a_redacted_copy() {
    let mut user: Value = capture!("nova_user_context");
    user["auth_token"] = json!("gAAAA");
    user["x_token"] = json!("gAAAA");
    user["trace_info"] = json!({"hmac_key": "gAAAA"});
    user["service_catalog"] = json!([{"type": "network", "endpoints": ["gAAAA"]}]);
    user["harmless"] = json!("seen");
    let context = read(&user);
    let shown = format!("{context:?} {context:#?} {:?}", context.to_wire());
    assert!(
        !shown.contains("gAAAA") && shown.contains("harmless"),
        "{shown}"
    );
    let redacted = json(&context.without_secrets().to_wire());
    assert!(!redacted.to_string().contains("gAAAA"), "{redacted}");
    assert_eq!(redacted["harmless"], "seen");
    assert_eq!(redacted["request_id"], user["request_id"]);
}

#[tokio::test]
async fn the_current_context_is_there_for_the_request_and_gone_afterwards() {
    assert_eq!(RequestContext::current(), None);
    let context = RequestContext::admin_nova();
    let seen = context
        .clone()
        .into_request()
        .scope(async { RequestContext::current() });
    assert_eq!(seen.await, Some(context));
    assert!(CurrentRequest::get().is_none() && RequestContext::current().is_none());
}
