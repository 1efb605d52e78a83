//! The calling side: settings, errors, deadlines, serializers.

use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::SendError;
use bergen_messaging::rpc::{
    Arguments, Call, CallError, CurrentRequest, DynamicEndpoint, MethodError, Parameter, RpcClient,
    RpcServer, SerializeError, Serializer,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, InvalidTarget, ServerTarget, Target};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::{Context, Failure, RawJson};
use tokio::time::Instant;

use crate::bus::Bus;

/// A started server for topic `t`, named `s`, in version 1.5.
pub(crate) async fn serve(transport: &RpcTransport, endpoint: DynamicEndpoint) -> RpcServer {
    let server = RpcServer::builder(transport, ServerTarget::new("t", "s"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    server
}

pub(crate) fn endpoint() -> DynamicEndpoint {
    DynamicEndpoint::new(EndpointTarget::new().version((1, 5)))
        .method("echo", |call: Call| async move {
            const PARAMETERS: &[Parameter] = &[Parameter::required("value")];
            call.bind("echo", PARAMETERS)?.take::<RawJson>("value")
        })
        .method("fail", |call: Call| async move {
            let parameters = [Parameter::required("module"), Parameter::required("class")];
            let mut arguments = call.bind("fail", &parameters)?;
            let (module, class): (String, String) =
                (arguments.take("module")?, arguments.take("class")?);
            let mut failure = Failure::new(module, class, "boom");
            failure.kwargs = RawJson::parse(r#"{"instance_id": "i-1"}"#).unwrap();
            Err::<(), _>(MethodError::from(failure))
        })
        .method("sleep", |call: Call| async move {
            const PARAMETERS: &[Parameter] = &[Parameter::required("seconds")];
            let seconds = call.bind("sleep", PARAMETERS)?.take("seconds")?;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, MethodError>(())
        })
}

pub(crate) fn client(transport: &RpcTransport) -> RpcClient {
    RpcClient::new(transport, ClientTarget::new("t"))
}

pub(crate) fn ctxt() -> Context {
    Context::default()
}

pub(crate) fn value<T: serde::Serialize>(value: T) -> Arguments {
    Arguments::new().with("value", &value).unwrap()
}

#[tokio::test(start_paused = true)]
async fn results_and_arguments_are_typed() {
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, endpoint()).await;
    let client = client(&transport);

    let echoed: Vec<Option<String>> = client
        .call(&ctxt(), "echo", &value([Some("é"), None]))
        .await
        .unwrap();
    assert_eq!(echoed, [Some("é".to_owned()), None]);

    let wrong = client
        .call::<i64>(&ctxt(), "echo", &value("text"))
        .await
        .unwrap_err();
    assert!(
        matches!(&wrong, CallError::Result { method, .. } if method == "echo"),
        "{wrong:?}"
    );

    let no_object = client
        .call::<()>(&ctxt(), "echo", &[1, 2])
        .await
        .unwrap_err();
    assert!(
        matches!(no_object, CallError::Arguments { .. }),
        "{no_object:?}"
    );

    let none = client.call::<()>(&ctxt(), "echo", &()).await.unwrap_err();
    let remote = none.remote().unwrap();
    assert!(remote.is("builtins", "TypeError"), "{remote:?}");
    assert_eq!(
        remote.message,
        "echo() missing 1 required positional argument: 'value'"
    );
}

#[tokio::test(start_paused = true)]
async fn prepare_changes_a_copy_and_inherits_the_rest() {
    let bus = Bus::new();
    let client = RpcClient::builder(&bus.transport(), ClientTarget::new("t").version((1, 2)))
        .timeout(Duration::from_secs(7))
        .version_cap((1, 3))
        .build();
    let prepared = client
        .prepare()
        .server("s")
        .namespace("n")
        .exchange("e")
        .fanout(true);
    let expected = Target {
        exchange: Some("e".to_owned()),
        topic: Some("t".to_owned()),
        namespace: Some("n".to_owned()),
        version: Some((1, 2).into()),
        server: Some("s".to_owned()),
        fanout: true,
        legacy_namespaces: Vec::new(),
    };
    assert_eq!(*prepared.target(), expected);
    assert_eq!(
        *prepared.prepare().topic("u").fanout(false).target(),
        Target {
            topic: Some("u".to_owned()),
            fanout: false,
            ..expected
        }
    );
    assert_eq!(client.target().server, None);
    assert_eq!(
        client.target().exchange.as_deref(),
        Some("openstack"),
        "the default exchange"
    );
}

#[tokio::test(start_paused = true)]
async fn the_version_cap_refuses_newer_and_missing_versions() {
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, endpoint()).await;
    let client = RpcClient::builder(&transport, ClientTarget::new("t"))
        .version_cap((1, 4))
        .build();

    assert!(client.can_send_version(Some((1, 4).into())));
    assert!(client.can_send_version(Some((1, 0).into())));
    assert!(!client.can_send_version(Some((1, 5).into())));
    assert!(!client.can_send_version(Some((2, 0).into())));
    assert!(!client.can_send_version(None));
    assert!(client.prepare().version_cap(None).can_send_version(None));

    let newer = client.prepare().version((1, 5));
    let error = newer
        .call::<i64>(&ctxt(), "echo", &value(1))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Requested message version, 1.5 is incompatible.  It needs to be equal in major version and less than or \
         equal in minor version as the specified version cap 1.4."
    );
    let error = client.cast(&ctxt(), "echo", &value(1)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Requested message version, None is incompatible.")
    );

    let allowed = client
        .prepare()
        .version((1, 3))
        .call::<i64>(&ctxt(), "echo", &value(1))
        .await;
    assert_eq!(allowed, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn targets_are_checked_with_the_peers_words() {
    let bus = Bus::new();
    let transport = bus.transport();
    let nowhere = RpcClient::builder(&transport, Target::default().with_exchange("e")).build();
    let error = nowhere.cast(&ctxt(), "echo", &()).await.unwrap_err();
    assert!(matches!(
        error,
        CallError::InvalidTarget(InvalidTarget::NoTopicToSend(_))
    ));
    assert!(
        error.to_string().starts_with("A topic is required to send"),
        "{error}"
    );

    let everyone = client(&transport).prepare().fanout(true);
    let error = everyone.call::<()>(&ctxt(), "echo", &()).await.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::InvalidTarget(InvalidTarget::FanoutCall(_))
        ),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .starts_with("A call cannot be used with fanout"),
        "{error}"
    );

    let unnamed = Target::default().with_topic("t");
    let error = transport.listen(&unnamed, 1).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("A server's target must have topic and server names specified"),
        "{error}"
    );

    let notifications = bus.notification_transport();
    let error = notifications
        .listen(&[(Target::default(), "info".to_owned())], None, 1)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("A target must have topic specified"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn casts_go_to_one_and_fanouts_to_all() {
    let bus = Bus::new();
    let transport = bus.transport();
    let counting = |counter: &Arc<std::sync::atomic::AtomicUsize>| {
        let counter = Arc::clone(counter);
        DynamicEndpoint::new(EndpointTarget::new()).method("count", move |_: Call| {
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async { Ok::<_, MethodError>(()) }
        })
    };
    let counters = [Arc::default(), Arc::default()];
    let mut servers = Vec::new();
    for (name, counter) in ["one", "two"].into_iter().zip(&counters) {
        let server = RpcServer::builder(&transport, ServerTarget::new("t", name))
            .endpoint(counting(counter))
            .build();
        server.start().await.unwrap();
        servers.push(server);
    }
    let client = client(&transport);
    client.fanout(&ctxt(), "count", &()).await.unwrap();
    client.cast(&ctxt(), "count", &()).await.unwrap();
    client
        .prepare()
        .server("two")
        .cast(&ctxt(), "count", &())
        .await
        .unwrap();
    for server in servers {
        server.stop().await.unwrap();
        server.wait().await.unwrap();
    }
    let counts = counters.map(|counter| counter.load(std::sync::atomic::Ordering::SeqCst));
    assert_eq!(
        counts.iter().sum::<usize>(),
        4,
        "two by fanout, one to either, one to the second"
    );
    assert!(counts[1] >= 2, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cast_that_must_arrive_says_that_it_did_not() {
    let bus = Bus::new();
    let client = RpcClient::builder(&bus.transport(), ClientTarget::new("nobody"))
        .at_least_once(true)
        .build();
    let error = client.cast(&ctxt(), "echo", &()).await.unwrap_err();
    assert!(
        matches!(error, CallError::Send(SendError::Undeliverable { .. })),
        "{error:?}"
    );
    let lost = client
        .prepare()
        .at_least_once(false)
        .cast(&ctxt(), "echo", &())
        .await;
    assert_eq!(lost, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_zero_fails_at_once_and_sends_nothing() {
    let bus = Bus::new();
    let transport = bus.transport();
    let server = serve(&transport, endpoint()).await;
    let started = Instant::now();
    let hasty = client(&transport).prepare().timeout(Duration::ZERO);
    let error = hasty
        .call::<i64>(&ctxt(), "echo", &value(1))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        CallError::Expired {
            method: "echo".to_owned()
        }
    );
    assert!(error.is_timeout());
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(server.stats().received, 0);
}

#[tokio::test(start_paused = true)]
async fn the_clock_starts_when_the_call_is_made() {
    let bus = Bus::new();
    let transport = bus.transport();
    let _server = serve(&transport, endpoint()).await;
    let hasty = client(&transport).prepare().timeout(Duration::from_secs(5));
    let arguments = Arguments::new().with("seconds", &60).unwrap();
    let context = ctxt();
    let call = hasty.call::<()>(&context, "sleep", &arguments);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let polled = Instant::now();
    let error = call.await.unwrap_err();
    assert!(
        matches!(&error, CallError::Send(SendError::Timeout(_))),
        "{error:?}"
    );
    assert_eq!(polled.elapsed(), Duration::from_secs(2));
    assert!(
        error
            .to_string()
            .starts_with("Timed out waiting for a reply to message ID ")
    );
}

#[tokio::test(start_paused = true)]
async fn nested_calls_inherit_the_deadline_of_the_request() {
    let bus = Bus::new();
    let transport = bus.transport();
    let inner = RpcServer::builder(&transport, ServerTarget::new("inner", "s"))
        .endpoint(endpoint())
        .build();
    inner.start().await.unwrap();
    let nested = RpcClient::new(&transport, ClientTarget::new("inner"));
    let seen = Arc::new(std::sync::Mutex::new(None));
    let outer = DynamicEndpoint::new(EndpointTarget::new()).method("outer", {
        let seen = Arc::clone(&seen);
        move |call: Call| {
            let (nested, seen) = (nested.clone(), Arc::clone(&seen));
            async move {
                let current = CurrentRequest::get().unwrap();
                assert_eq!(current.deadline, call.deadline);
                assert_eq!(
                    current.context.get::<String>("user"),
                    Ok(Some("u1".to_owned()))
                );
                let arguments = Arguments::new().with("seconds", &60).unwrap();
                let started = Instant::now();
                let result = nested
                    .call::<()>(&current.context, "sleep", &arguments)
                    .await;
                *seen.lock().unwrap() = Some(started.elapsed());
                result
            }
        }
    });
    let _outer = serve(&transport, outer).await;

    let mut context = ctxt();
    context.insert("user", "u1").unwrap();
    let caller = client(&transport).prepare().timeout(Duration::from_secs(4));
    let error = caller.call::<()>(&context, "outer", &()).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        *seen.lock().unwrap(),
        Some(Duration::from_secs(4)),
        "not the nested 60 s"
    );
    assert!(
        CurrentRequest::get().is_none(),
        "outside of a method there is none"
    );
}

/// Wraps every entity on its way out and unwraps it on its way in; renames the user of contexts.
struct Wrapping;

impl Serializer for Wrapping {
    fn serialize_entity(&self, _: &Context, entity: RawJson) -> Result<RawJson, SerializeError> {
        if entity.as_str() == "\"refuse\"" {
            return Err(SerializeError::new("refused to send"));
        }
        RawJson::encode(&[entity]).map_err(|error| SerializeError::new(error.to_string()))
    }

    fn deserialize_entity(&self, _: &Context, entity: RawJson) -> Result<RawJson, SerializeError> {
        entity
            .elements()
            .next()
            .ok_or_else(|| SerializeError::new("not wrapped"))
    }

    fn serialize_context(&self, context: &Context) -> Result<Context, SerializeError> {
        let mut context = context.clone();
        context.insert("wrapped", &true).unwrap();
        Ok(context)
    }

    fn deserialize_context(&self, mut context: Context) -> Result<Context, SerializeError> {
        let wrapped = context.remove("wrapped");
        wrapped
            .map(|_| context)
            .ok_or_else(|| SerializeError::new("not wrapped"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_serializer_sees_every_argument_the_result_and_the_context() {
    let bus = Bus::new();
    let transport = bus.transport();
    let server = RpcServer::builder(&transport, ServerTarget::new("t", "s"))
        .endpoint(endpoint())
        .serializer(Wrapping)
        .build();
    server.start().await.unwrap();
    let wrapping = RpcClient::builder(&transport, ClientTarget::new("t"))
        .serializer(Wrapping)
        .build();

    assert_eq!(
        wrapping.call::<i64>(&ctxt(), "echo", &value(5)).await,
        Ok(5)
    );
    let refused = wrapping
        .call::<()>(&ctxt(), "echo", &value("refuse"))
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        CallError::Serializer(SerializeError::new("refused to send"))
    );

    let plain = client(&transport)
        .call::<()>(&ctxt(), "echo", &value([1]))
        .await
        .unwrap_err();
    let remote = plain.remote().unwrap();
    assert!(
        remote.is("builtins", "ValueError") && remote.message == "not wrapped",
        "{remote:?}"
    );
}
