//! What `#[endpoint]` makes, dispatched to directly.

use std::sync::atomic::{AtomicU32, Ordering};

use bergen::rpc::{Call, Context, Endpoint, MethodError, MethodResult, RpcError, endpoint};
use bergen::target::Target;
use bergen::wire::RawJson;

struct Compute {
    reboots: AtomicU32,
}

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum ComputeError {
    #[rpc(
        class = "InstanceNotFound",
        message = "Instance {instance_id} could not be found."
    )]
    NotFound { instance_id: String },
    #[rpc(message = "host {0} is busy")]
    HostBusy(String),
}

#[endpoint(namespace = "compute", version = "1.3", legacy_namespaces = ["old"])]
impl Compute {
    /// Reboots an instance.
    #[rpc(version = "1.1", expected(NotFound))]
    async fn reboot(
        &self,
        ctxt: &Context,
        instance: &str,
        #[rpc(default)] hard: bool,
        #[rpc(default = 2 + 1)] attempts: u32,
        #[rpc(name = "type")] kind: Option<String>,
    ) -> Result<(u32, bool, u32, Option<String>, Option<String>), ComputeError> {
        match instance {
            "missing" => Err(ComputeError::NotFound {
                instance_id: instance.to_owned(),
            }),
            "busy" => Err(ComputeError::HostBusy(instance.to_owned())),
            _ => {
                let count = self.reboots.fetch_add(1, Ordering::Relaxed) + 1;
                let user = ctxt.get("user_id").ok().flatten();
                Ok((count, hard, attempts, kind, user))
            }
        }
    }

    #[rpc(name = "object_class_action_versions")]
    async fn versions(&self, r#type: Vec<u8>) -> Vec<u8> {
        r#type
    }

    #[rpc]
    async fn refresh(&self) {}

    #[rpc(expected)]
    async fn refuse(&self) -> Result<(), MethodError> {
        Err(MethodError::value_error("never"))
    }

    fn internal(&self) -> u32 {
        self.reboots.load(Ordering::Relaxed)
    }
}

async fn dispatch(method: &str, arguments: &str) -> MethodResult {
    let compute = Compute {
        reboots: AtomicU32::new(0),
    };
    let mut context = Context::default();
    context.insert("user_id", "u1").unwrap();
    let call = Call::new(context, RawJson::parse(arguments).unwrap());
    compute.dispatch(method, call).await
}

async fn result(method: &str, arguments: &str) -> String {
    dispatch(method, arguments)
        .await
        .unwrap()
        .as_str()
        .to_owned()
}

async fn type_error(method: &str, arguments: &str) -> String {
    let error = dispatch(method, arguments).await.unwrap_err();
    let failure = error.failure();
    assert_eq!(
        (&*failure.module, &*failure.class),
        ("builtins", "TypeError")
    );
    failure.message.clone()
}

#[test]
fn target_and_table_say_what_was_declared() {
    let compute = Compute {
        reboots: AtomicU32::new(0),
    };
    let target: Target = Endpoint::target(&compute).into();
    assert_eq!(target.namespace.as_deref(), Some("compute"));
    assert_eq!(target.version, Some((1, 3).into()));
    assert_eq!(target.legacy_namespaces, ["old"]);
    let methods: Vec<_> = compute
        .methods()
        .iter()
        .map(|method| (&*method.name, method.version.as_deref(), method.exposed))
        .collect();
    assert_eq!(
        methods,
        [
            ("reboot", Some("1.1"), true),
            ("object_class_action_versions", None, true),
            ("refresh", None, true),
            ("refuse", None, true),
        ]
    );
}

#[tokio::test]
async fn arguments_go_by_name_and_have_defaults() {
    assert_eq!(
        result("reboot", r#"{"instance": "i-1"}"#).await,
        r#"[1,false,3,null,"u1"]"#
    );
    assert_eq!(
        result(
            "reboot",
            r#"{"type": "x", "attempts": 7, "hard": true, "instance": "i-1"}"#
        )
        .await,
        r#"[1,true,7,"x","u1"]"#
    );
    assert_eq!(
        result("object_class_action_versions", r#"{"type": [1]}"#).await,
        "[1]"
    );
    assert_eq!(result("refresh", "{}").await, "null");
}

#[tokio::test]
async fn wrong_arguments_are_type_errors_in_pythons_words() {
    assert_eq!(
        type_error("reboot", "{}").await,
        "Compute.reboot() missing 1 required positional argument: 'instance'"
    );
    assert_eq!(
        type_error("reboot", r#"{"instance": "i-1", "soft": true}"#).await,
        "Compute.reboot() got an unexpected keyword argument 'soft'"
    );
    assert_eq!(
        type_error("refresh", r#"{"host": "h"}"#).await,
        "Compute.refresh() got an unexpected keyword argument 'host'"
    );
    let wrong_type = type_error("reboot", r#"{"instance": 7}"#).await;
    assert!(
        wrong_type.starts_with("Compute.reboot() argument 'instance'"),
        "{wrong_type}"
    );
}

#[tokio::test]
async fn errors_travel_as_python_knows_them() {
    let missing = dispatch("reboot", r#"{"instance": "missing"}"#)
        .await
        .unwrap_err();
    assert!(missing.is_expected());
    let failure = missing.failure();
    assert_eq!(
        (&*failure.module, &*failure.class),
        ("nova.exception", "InstanceNotFound")
    );
    assert_eq!(failure.message, "Instance missing could not be found.");
    assert_eq!(failure.kwargs.as_str(), r#"{"instance_id":"missing"}"#);

    let busy = dispatch("reboot", r#"{"instance": "busy"}"#)
        .await
        .unwrap_err();
    assert!(!busy.is_expected());
    assert_eq!(busy.failure().class, "HostBusy");

    assert!(dispatch("refuse", "{}").await.unwrap_err().is_expected());
}

#[tokio::test]
async fn only_marked_methods_are_served() {
    let compute = Compute {
        reboots: AtomicU32::new(0),
    };
    assert_eq!(compute.internal(), 0);
    for name in ["internal", "versions", "_reboot", ""] {
        let error = dispatch(name, "{}").await.unwrap_err();
        assert_eq!(error, MethodError::no_such_method(name));
    }
}
