//! Remote failures, and how they become a program's own errors.

use bergen_messaging::rpc::{
    Arguments, Call, CallError, DynamicEndpoint, ErrorMap, RemoteError, RpcClient, RpcError,
    RpcServer, TypedCallError,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::Failure;

use crate::bus::Bus;
use crate::rpc_client::{client, ctxt, endpoint, serve};

/// An error that both sides know.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("no instance {0:?}")]
struct InstanceNotFound(Option<String>);

impl RpcError for InstanceNotFound {
    fn to_failure(&self) -> Failure {
        Failure::new("nova.exception", "InstanceNotFound", self.to_string())
    }

    fn from_remote(remote: &RemoteError) -> Option<Self> {
        remote
            .is("nova.exception", "InstanceNotFound")
            .then(|| Self(remote.kwarg("instance_id")))
    }
}

async fn failing(
    transport: &RpcTransport,
    module: &str,
    class: &str,
) -> Result<(), TypedCallError<InstanceNotFound>> {
    let arguments = Arguments::new()
        .with("module", module)
        .unwrap()
        .with("class", class)
        .unwrap();
    client(transport)
        .call_typed(&ctxt(), "fail", &arguments)
        .await
}

#[tokio::test(start_paused = true)]
async fn remote_failures_become_the_programs_own_errors_by_module_and_class() {
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, endpoint()).await;

    let own = failing(&transport, "nova.exception", "InstanceNotFound").await;
    assert_eq!(
        own,
        Err(TypedCallError::Own(InstanceNotFound(Some(
            "i-1".to_owned()
        ))))
    );

    let other = failing(&transport, "nova.exception", "Other")
        .await
        .unwrap_err();
    let TypedCallError::Call(CallError::Remote(remote)) = other else {
        panic!("{other:?}")
    };
    assert!(remote.is("nova.exception", "Other"));
    assert_eq!(remote.message, "boom");
    assert_eq!(remote.arg::<String>(0), Some("boom".to_owned()));
    assert_eq!(
        remote.kwarg::<String>("instance_id"),
        Some("i-1".to_owned())
    );
    assert_eq!(remote.traceback, ["nova.exception.Other: boom\n"]);
    assert_eq!(remote.to_string(), "Remote error: Other boom");
}

#[tokio::test(start_paused = true)]
async fn with_a_list_failures_of_other_modules_stay_generic() {
    let bus = Bus::new();
    let listed =
        RpcTransport::new(bus.options().allowed_remote_modules(["nova.exception"])).unwrap();
    let unlisted = RpcTransport::new(bus.options().allowed_remote_modules(["nova"])).unwrap();
    let _server = serve(&listed, endpoint()).await;
    let map = ErrorMap::new()
        .with("nova.exception", "InstanceNotFound", |remote| {
            InstanceNotFound(remote.arg(0))
        })
        .with("builtins", "ValueError", |_| InstanceNotFound(None));

    let own = failing(&listed, "nova.exception", "InstanceNotFound").await;
    assert!(matches!(own, Err(TypedCallError::Own(_))), "{own:?}");
    let generic = failing(&unlisted, "nova.exception", "InstanceNotFound").await;
    let Err(TypedCallError::Call(error)) = generic else {
        panic!("no prefix match: {generic:?}")
    };
    assert!(matches!(map.convert(error), TypedCallError::Call(_)));

    // Python's own exceptions are always allowed, also under the module's old name.
    for module in ["builtins", "exceptions"] {
        let builtin = failing(&unlisted, module, "ValueError").await;
        let Err(TypedCallError::Call(error)) = builtin else {
            panic!("{builtin:?}")
        };
        assert_eq!(
            map.convert(error),
            TypedCallError::Own(InstanceNotFound(None)),
            "{module}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_remote_error_that_is_passed_on_keeps_its_names() {
    let bus = Bus::new();
    let transport = bus.transport();
    let inner = RpcServer::builder(&transport, ServerTarget::new("inner", "s"))
        .endpoint(endpoint())
        .build();
    inner.start().await.unwrap();
    let nested = RpcClient::new(&transport, ClientTarget::new("inner"));
    let outer = DynamicEndpoint::new(EndpointTarget::new()).method("fail", move |call: Call| {
        let nested = nested.clone();
        async move {
            nested
                .call::<()>(&call.context, "fail", &call.arguments)
                .await
        }
    });
    let _outer = serve(&transport, outer).await;
    // Python names what it received and raises again like this.
    let error = failing(
        &transport,
        "nova.exception_Remote",
        "InstanceNotFound_Remote",
    )
    .await;
    assert_eq!(
        error,
        Err(TypedCallError::Own(InstanceNotFound(Some(
            "i-1".to_owned()
        ))))
    );
}
