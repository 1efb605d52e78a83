//! What `#[rpc_api]` makes: its client against its own server half, over a driver that shows what was sent.

use std::time::Duration;

use bergen::rpc::{
    CallError, Context, MethodError, RemoteError, RpcClient, RpcError, TypedCallError, rpc_api,
};
use bergen::target::{ClientTarget, Version};
use bergen::wire::Text;
use tokio::sync::mpsc;

use crate::loopback::Loopback;

#[derive(Debug, Clone, PartialEq, RpcError)]
#[rpc(module = "nova.exception")]
pub(crate) enum ComputeError {
    #[rpc(
        class = "InstanceNotFound",
        message = "Instance {instance_id} could not be found."
    )]
    NotFound { instance_id: String },
}

#[rpc_api(namespace = "compute", version = "1.3", legacy_namespaces = ["old"])]
pub(crate) trait ComputeApi {
    /// Reboots an instance.
    #[rpc(version = "1.1", expected(NotFound))]
    async fn reboot(
        &self,
        ctxt: &Context,
        instance: &str,
        #[rpc(default)] hard: bool,
    ) -> Result<String, ComputeError>;

    #[rpc(name = "get_uptime")]
    async fn uptime(&self) -> f64;

    async fn touch(&self, #[rpc(name = "type")] kind: Option<Vec<u8>>);

    #[rpc(cast, version = "1.2.1")]
    async fn refresh(&self, ctxt: &Context, host: String);
}

struct Compute {
    refreshed: mpsc::UnboundedSender<String>,
}

impl ComputeApi for Compute {
    async fn reboot(
        &self,
        ctxt: &Context,
        instance: &str,
        hard: bool,
    ) -> Result<String, ComputeError> {
        if instance.is_empty() {
            return Err(ComputeError::NotFound {
                instance_id: "none".to_owned(),
            });
        }
        let user: Option<String> = ctxt.get("user_id").ok().flatten();
        Ok(format!("{instance} {hard} {}", user.unwrap_or_default()))
    }

    async fn uptime(&self) -> f64 {
        1.5
    }

    async fn touch(&self, _: Option<Vec<u8>>) {}

    async fn refresh(&self, _: &Context, host: String) {
        self.refreshed.send(host).unwrap();
    }
}

struct Setting {
    loopback: Loopback,
    client: ComputeApiClient,
    refreshed: mpsc::UnboundedReceiver<String>,
}

fn setting() -> Setting {
    let (sender, refreshed) = mpsc::unbounded_channel();
    let loopback = Loopback::new(ComputeApiEndpoint::new(Compute { refreshed: sender }));
    let rpc = RpcClient::new(&loopback.transport(), ClientTarget::new("compute"));
    Setting {
        loopback,
        client: ComputeApiClient::new(&rpc),
        refreshed,
    }
}

fn context() -> Context {
    let mut context = Context::default();
    context.insert("user_id", "u1").unwrap();
    context
}

#[tokio::test]
async fn a_call_carries_name_arguments_namespace_version_and_context() {
    let Setting {
        loopback, client, ..
    } = setting();
    assert_eq!(
        client.reboot(&context(), "i-1", true).await.unwrap(),
        "i-1 true u1"
    );
    let [sent] = &loopback.sent()[..] else {
        panic!("one request")
    };
    assert_eq!(sent.target.topic.as_deref(), Some("compute"));
    assert_eq!(sent.target.server, None);
    assert_eq!(sent.request.method.as_str(), "reboot");
    assert_eq!(
        sent.request.args.as_str(),
        r#"{"instance":"i-1","hard":true}"#
    );
    assert_eq!(
        sent.request.namespace.as_ref().map(Text::as_str),
        Some("compute")
    );
    assert_eq!(sent.request.version, Some(Version::new(1, 1)));
    assert_eq!(
        sent.request
            .context
            .get::<String>("user_id")
            .unwrap()
            .as_deref(),
        Some("u1")
    );
}

#[tokio::test]
async fn what_is_not_said_has_its_default() {
    let Setting {
        loopback, client, ..
    } = setting();
    assert_eq!(client.uptime().await, Ok(1.5));
    client.touch(None).await.unwrap();
    let [uptime, touch] = &loopback.sent()[..] else {
        panic!("two requests")
    };
    assert_eq!(uptime.request.method.as_str(), "get_uptime");
    assert_eq!(uptime.request.args.as_str(), "{}");
    // There since the start of major 1.
    assert_eq!(uptime.request.version, Some(Version::new(1, 0)));
    assert!(uptime.request.context.is_empty());
    assert_eq!(touch.request.args.as_str(), r#"{"type":null}"#);
}

#[tokio::test]
async fn errors_come_back_as_they_left() {
    let Setting { client, .. } = setting();
    let error = client.reboot(&context(), "", false).await.unwrap_err();
    let own = ComputeError::NotFound {
        instance_id: "none".to_owned(),
    };
    assert_eq!(error, TypedCallError::Own(own));
}

#[tokio::test]
async fn settings_go_through_to_the_request() {
    let Setting {
        loopback, client, ..
    } = setting();
    let directed = client
        .with_server("node1")
        .with_timeout(Duration::from_secs(5));
    directed
        .with(|rpc| rpc.exchange("nova"))
        .uptime()
        .await
        .unwrap();
    client.uptime().await.unwrap();
    let [directed, plain] = &loopback.sent()[..] else {
        panic!("two requests")
    };
    assert_eq!(directed.target.server.as_deref(), Some("node1"));
    assert_eq!(directed.target.exchange.as_deref(), Some("nova"));
    assert!(directed.timeout.unwrap() <= Duration::from_secs(5));
    assert_eq!(plain.target.server, None);
    assert!(plain.timeout.unwrap() > Duration::from_secs(5));
}

#[tokio::test]
async fn a_version_cap_holds_back_newer_methods() {
    let Setting {
        loopback, client, ..
    } = setting();
    let capped = client.with(|rpc| rpc.version_cap(Some(Version::new(1, 0))));
    capped.uptime().await.unwrap();
    let error = capped.reboot(&context(), "i-1", false).await.unwrap_err();
    assert!(
        matches!(error, TypedCallError::Call(CallError::VersionCap(_))),
        "{error}"
    );
    assert_eq!(loopback.sent().len(), 1);
}

#[tokio::test]
async fn casts_go_to_one_or_to_all() {
    let Setting {
        loopback,
        client,
        mut refreshed,
    } = setting();
    client
        .refresh(&context(), "node1".to_owned())
        .await
        .unwrap();
    client
        .fanout()
        .refresh(&context(), "node2".to_owned())
        .await
        .unwrap();
    assert_eq!(refreshed.recv().await.as_deref(), Some("node1"));
    assert_eq!(refreshed.recv().await.as_deref(), Some("node2"));
    let [one, all] = &loopback.sent()[..] else {
        panic!("two requests")
    };
    assert!(one.timeout.is_none() && all.timeout.is_none());
    assert!(!one.target.fanout && all.target.fanout);
    assert_eq!(all.request.version, Some("1.2.1".parse().unwrap()));
}

#[test]
fn both_halves_have_the_same_table() {
    use bergen::rpc::Endpoint;

    let (refreshed, _) = mpsc::unbounded_channel();
    let endpoint = ComputeApiEndpoint::new(Compute { refreshed });
    assert_eq!(endpoint.methods(), ComputeApiClient::METHODS);
    let names: Vec<_> = ComputeApiClient::METHODS
        .iter()
        .map(|method| &*method.name)
        .collect();
    assert_eq!(names, ["reboot", "get_uptime", "touch", "refresh"]);
}

/// Spoils every answer.
mod stranger {
    use bergen::rpc::endpoint;

    pub(super) struct Stranger;

    #[endpoint]
    impl Stranger {
        #[rpc]
        async fn reboot(&self, instance: String, hard: bool) -> Result<u32, super::MethodError> {
            let _ = (instance, hard);
            Err(super::MethodError::new(
                "cinder.exception",
                "VolumeNotFound",
                "no volume",
            ))
        }

        #[rpc]
        async fn get_uptime(&self) -> &'static str {
            "long"
        }
    }
}

#[tokio::test]
async fn what_the_api_does_not_know_is_the_calls_error() {
    let loopback = Loopback::new(stranger::Stranger);
    let rpc = RpcClient::new(&loopback.transport(), ClientTarget::new("compute"));
    let client = ComputeApiClient::new(&rpc);

    let error = client.reboot(&context(), "i-1", false).await.unwrap_err();
    let TypedCallError::Call(CallError::Remote(remote)) = error else {
        panic!("{error}")
    };
    let RemoteError { module, class, .. } = &*remote;
    assert_eq!(
        (&**module, &**class),
        ("cinder.exception", "VolumeNotFound")
    );

    let error = client.uptime().await.unwrap_err();
    assert!(matches!(error, CallError::Result { .. }), "{error}");
    let error = client.touch(None).await.unwrap_err();
    assert_eq!(
        error.remote().map(|remote| &*remote.class),
        Some("NoSuchMethod")
    );
}
