use super::*;
use crate::rpc::MethodInfo;
use crate::wire::{Context, RawJson};

/// An endpoint whose methods return its name, so that tests see which one was found.
fn endpoint(
    name: &'static str,
    target: EndpointTarget,
    methods: &[MethodInfo],
) -> Arc<dyn Endpoint> {
    let answer = move |_: Call| async move { Ok::<_, MethodError>(name) };
    let endpoint = methods
        .iter()
        .fold(DynamicEndpoint::new(target), |endpoint, info| {
            endpoint.method_with(info.clone(), answer)
        });
    Arc::new(endpoint)
}

fn target() -> EndpointTarget {
    EndpointTarget::new()
}

async fn found(
    dispatcher: &Dispatcher,
    namespace: Option<&str>,
    version: &str,
    method: &str,
) -> Result<String, String> {
    let version = match version {
        "" => RequestVersion::Absent,
        "null" => RequestVersion::Other(RawJson::null()),
        text => RequestVersion::Text(text.to_owned().into()),
    };
    let endpoint = dispatcher
        .find(namespace, &version, method)
        .map_err(|error| {
            let failure = error.failure();
            assert_eq!(failure.module, "oslo_messaging.rpc.dispatcher");
            format!("{}: {}", failure.class, failure.message)
        })?;
    let call = Call::new(Context::default(), RawJson::empty_object());
    Ok(endpoint
        .dispatch(method, call)
        .await
        .unwrap()
        .decode()
        .unwrap())
}

fn unsupported(version: &str, method: &str) -> Result<String, String> {
    Err(format!(
        "UnsupportedVersion: Endpoint does not support RPC version {version}. Attempted method: {method}"
    ))
}

fn no_such_method(method: &str) -> Result<String, String> {
    Err(format!(
        "NoSuchMethod: Endpoint does not support RPC method {method}"
    ))
}

#[tokio::test]
async fn the_matrix_of_namespace_version_and_method() {
    let both = [MethodInfo::new("get"), MethodInfo::new("put")];
    let dispatcher = Dispatcher::new(
        [
            endpoint("plain", target(), &both[..1]),
            endpoint("plain 1.5", target().version((1, 5)), &both),
            endpoint("plain 2.3.1", target().version((2, 3, 1)), &both[..1]),
            endpoint("task", target().namespace("task").version((1, 1)), &both),
            endpoint(
                "old",
                target().namespace("new").legacy_namespace("old"),
                &both[..1],
            ),
        ],
        AccessPolicy::Default,
    );
    let find = |namespace, version, method| found(&dispatcher, namespace, version, method);

    // No version is 1.0, and the first endpoint in the list wins.
    assert_eq!(find(None, "", "get").await, Ok("plain".to_owned()));
    assert_eq!(find(None, "1.0", "get").await, Ok("plain".to_owned()));
    // The first lacks the method: the next compatible one has it.
    assert_eq!(find(None, "", "put").await, Ok("plain 1.5".to_owned()));
    assert_eq!(find(None, "1.3", "get").await, Ok("plain 1.5".to_owned()));
    assert_eq!(find(None, "1.6", "get").await, unsupported("1.6", "get"));
    // The revision counts where the minors are equal.
    assert_eq!(
        find(None, "2.3.1", "get").await,
        Ok("plain 2.3.1".to_owned())
    );
    assert_eq!(
        find(None, "2.3.2", "get").await,
        unsupported("2.3.2", "get")
    );
    assert_eq!(
        find(None, "2.2.9", "get").await,
        Ok("plain 2.3.1".to_owned())
    );
    assert_eq!(find(None, "2.0", "put").await, no_such_method("put"));
    assert_eq!(find(None, "3.0", "get").await, unsupported("3.0", "get"));
    // Namespaces are separate, and an unknown one is an unsupported version.
    assert_eq!(
        find(Some("task"), "1.1", "get").await,
        Ok("task".to_owned())
    );
    assert_eq!(
        find(Some("task"), "1.2", "get").await,
        unsupported("1.2", "get")
    );
    assert_eq!(
        find(Some("task"), "1.1", "nope").await,
        no_such_method("nope")
    );
    assert_eq!(
        find(Some("nowhere"), "", "get").await,
        unsupported("1.0", "get")
    );
    assert_eq!(find(Some("new"), "", "get").await, Ok("old".to_owned()));
    assert_eq!(find(Some("old"), "", "get").await, Ok("old".to_owned()));
    // What is no version matches nothing.
    for odd in ["null", "1", "2", "x.y", "1.0.0.0"] {
        let shown = if odd == "null" { "None" } else { odd };
        assert_eq!(find(None, odd, "get").await, unsupported(shown, "get"));
    }
}

#[tokio::test]
async fn access_policies() {
    let methods = [
        MethodInfo::new("open"),
        MethodInfo::new("_private"),
        MethodInfo::new("hidden").hidden(),
    ];
    let cases: [(AccessPolicy, [bool; 3]); 4] = [
        (AccessPolicy::Default, [true, false, true]),
        (AccessPolicy::Explicit, [true, true, false]),
        (AccessPolicy::Legacy, [true, true, true]),
        (
            AccessPolicy::Custom(|method| method.name == "hidden"),
            [false, false, true],
        ),
    ];
    for (policy, allowed) in cases {
        let dispatcher = Dispatcher::new([endpoint("it", target(), &methods)], policy);
        for (method, allowed) in methods.iter().zip(allowed) {
            let expected = if allowed {
                Ok("it".to_owned())
            } else {
                no_such_method(&method.name)
            };
            assert_eq!(
                found(&dispatcher, None, "", &method.name).await,
                expected,
                "{policy:?}"
            );
        }
    }
}

#[tokio::test]
async fn ping_is_added_once_and_answers_any_arguments() {
    let dispatcher = Dispatcher::new([], AccessPolicy::Explicit).with_ping();
    let endpoint = dispatcher
        .find(None, &RequestVersion::Absent, PING_METHOD)
        .unwrap();
    let call = Call::new(Context::default(), RawJson::parse(r#"{"any": 1}"#).unwrap());
    assert_eq!(
        endpoint.dispatch(PING_METHOD, call).await.unwrap().as_str(),
        "\"pong\""
    );
    assert_eq!(
        found(&dispatcher, None, "2.0", PING_METHOD).await,
        unsupported("2.0", PING_METHOD)
    );
    assert_eq!(
        found(&dispatcher, Some("n"), "", PING_METHOD).await,
        unsupported("1.0", PING_METHOD)
    );

    let own = endpoint_with_ping();
    let dispatcher = Dispatcher::new([own], AccessPolicy::Default).with_ping();
    assert_eq!(
        found(&dispatcher, None, "", PING_METHOD).await,
        Ok("mine".to_owned())
    );
}

fn endpoint_with_ping() -> Arc<dyn Endpoint> {
    endpoint("mine", target(), &[MethodInfo::new(PING_METHOD)])
}
