//! Transports: how they are chosen, closed, and held together.

use std::time::Duration;

use bergen_config::Source;
use bergen_messaging::driver::{DriverError, Retry};
use bergen_messaging::notify::Notifier;
use bergen_messaging::options;
use bergen_messaging::rpc::{RpcClient, RpcServer};
use bergen_messaging::runtime::{RuntimeError, RuntimeHolder, RuntimeOptions};
use bergen_messaging::target::{ClientTarget, ServerTarget, Target};
use bergen_messaging::transport::{RpcTransport, TransportError, TransportOptions};
use bergen_messaging::wire::{Context, OutgoingRequest, RawJson};

use crate::bus::{Bus, Lacks};

#[tokio::test]
async fn the_runtime_is_made_once_and_again_after_cleanup() {
    static MESSAGING: RuntimeHolder = RuntimeHolder::new();
    let bus = Bus::new();
    let options = RuntimeOptions::new(bus.options(), "compute.host-1");

    assert_eq!(
        MESSAGING.current().map(|_| ()),
        Err(RuntimeError::NotInitialised)
    );
    MESSAGING.init(options.clone()).unwrap();
    assert_eq!(
        MESSAGING.init(options.clone()).map(|_| ()),
        Err(RuntimeError::AlreadyInitialised)
    );
    let runtime = MESSAGING.current().unwrap();
    assert_eq!(runtime.rpc().control_exchange(), "openstack");

    let second = Duration::from_secs(1);
    MESSAGING.cleanup(second).await.unwrap();
    assert_eq!(bus.closed(), 2, "both transports");
    assert_eq!(
        MESSAGING.cleanup(second).await,
        Err(RuntimeError::NotInitialised)
    );
    MESSAGING.init(options).unwrap();
    MESSAGING.cleanup(second).await.unwrap();
}

#[test]
fn a_runtime_that_fails_to_start_leaves_room_for_another() {
    let holder = RuntimeHolder::new();
    let options = RuntimeOptions::new(
        TransportOptions::default().url("nowhere://".parse().unwrap()),
        "compute.host-1",
    );
    assert!(matches!(
        holder.init(options),
        Err(RuntimeError::Transport(_))
    ));
    assert_eq!(
        holder.current().map(|_| ()),
        Err(RuntimeError::NotInitialised)
    );
}

#[test]
fn an_explicit_url_wins_over_the_option_and_that_over_the_default() {
    let bus = Bus::new();
    let chosen = |options: TransportOptions| {
        RpcTransport::new(options).map(|transport| transport.url().scheme().to_owned())
    };
    let base = || {
        let mut registry = bus.registry();
        registry.alias("rabbit", "bus");
        registry.alias("nova.rpc.impl_kombu", "bus");
        TransportOptions::default().registry(registry)
    };
    let configured = |url: &str| {
        let mut values = options::defaults();
        values
            .set("DEFAULT", "transport_url", url, Source::Code)
            .unwrap();
        values
    };
    let url = |text: &str| text.parse().unwrap();

    assert_eq!(chosen(base()), Ok("rabbit".to_owned()), "the default");
    assert_eq!(
        chosen(base().backend("nova.rpc.impl_kombu")),
        Ok("bus".to_owned())
    );
    let option = base().backend("kombu").options(configured("bus+option://"));
    assert_eq!(chosen(option.clone()), Ok("bus+option".to_owned()));
    let special = option.configured_url(Some(url("bus+special://")));
    assert_eq!(chosen(special.clone()), Ok("bus+special".to_owned()));
    assert_eq!(
        chosen(special.url(url("bus+explicit://"))),
        Ok("bus+explicit".to_owned())
    );
}

#[test]
fn an_unknown_driver_and_a_missing_scheme_are_named() {
    let bus = Bus::new();
    let unknown = RpcTransport::new(bus.options().url("amqp://".parse().unwrap())).unwrap_err();
    let known = vec!["bus".to_owned()];
    assert_eq!(
        unknown,
        TransportError::DriverLoadFailure(DriverError::Unknown {
            name: "amqp".to_owned(),
            known
        })
    );
    let mut values = options::defaults();
    values
        .set("DEFAULT", "transport_url", "localhost:5672", Source::Code)
        .unwrap();
    let options = TransportOptions::default()
        .registry(bus.registry())
        .options(values);
    let missing = RpcTransport::new(options).unwrap_err();
    assert!(
        matches!(missing, TransportError::InvalidTransportUrl(_)),
        "{missing:?}"
    );
}

#[test]
fn what_is_configured_reaches_clients_servers_and_targets() {
    let bus = Bus::new();
    let mut values = options::defaults();
    values
        .set("DEFAULT", "control_exchange", "nova", Source::Code)
        .unwrap();
    let transport = RpcTransport::new(bus.options().options(values.clone())).unwrap();
    let client = RpcClient::new(&transport, ClientTarget::new("t"));
    assert_eq!(client.target().exchange.as_deref(), Some("nova"));
    let explicit = bus.options().options(values).control_exchange("neutron");
    assert_eq!(
        RpcTransport::new(explicit).unwrap().control_exchange(),
        "neutron"
    );
}

#[tokio::test]
async fn the_ping_endpoint_is_an_option() {
    let bus = Bus::new();
    let mut values = options::defaults();
    values
        .set("DEFAULT", "rpc_ping_enabled", "true", Source::Code)
        .unwrap();
    let transport = RpcTransport::new(bus.options().options(values)).unwrap();
    let server = RpcServer::builder(&transport, ServerTarget::new("t", "s")).build();
    server.start().await.unwrap();
    let client = RpcClient::new(&transport, ClientTarget::new("t"));
    let pong: String = client
        .call(&Context::default(), "oslo_rpc_server_ping", &())
        .await
        .unwrap();
    assert_eq!(pong, "pong");
}

#[tokio::test]
async fn closing_is_idempotent() {
    let bus = Bus::new();
    let transport = bus.transport();
    transport.close(Duration::from_secs(1)).await;
    transport.close(Duration::MAX).await;
    assert_eq!(bus.closed(), 2, "it is the driver that has to bear it");
}

#[test]
fn what_a_driver_lacks_is_said_when_it_is_needed() {
    let bus = Bus::new();
    assert_eq!(bus.transport().require_requeue(), Ok(()));
    bus.take_away(Lacks::Requeue);
    let missing = bus.transport().require_requeue().unwrap_err();
    assert_eq!(missing.to_string(), "the bus driver can't requeue messages");
    bus.take_away(Lacks::Rpc);
    let error = RpcTransport::new(bus.options()).unwrap_err();
    assert_eq!(error.to_string(), "the bus driver does not support RPC");
    bus.notification_transport();
}

#[tokio::test]
async fn raw_requests_come_as_a_stream_and_are_answered_acknowledged_or_requeued_by_hand() {
    let bus = Bus::new();
    let transport = bus.transport();
    let target = Target::default().with_topic("t").with_server("s");
    let mut requests = transport.listen(&target, 2).await.unwrap();
    let request = OutgoingRequest::new("echo", RawJson::parse(r#"{"a": 1}"#).unwrap());
    let mut answers: Vec<_> = (0..3)
        .map(|_| bus.publish("t", &request, bergen_messaging::wire::Id::new(), None))
        .collect();
    assert_eq!(
        (bus.unacknowledged(), bus.waiting("t")),
        (2, 1),
        "the prefetch is kept"
    );

    let first = requests.next().await.unwrap();
    assert_eq!(first.request.method, "echo");
    assert!(first.ctxt().is_empty() && first.wants_reply() && !first.redelivered);
    first.acknowledge().unwrap();
    first.reply(Ok(RawJson::null())).await.unwrap();
    assert_eq!(
        answers[0].recv().await,
        Some(crate::bus::Answer::Reply(Ok(RawJson::null())))
    );

    let second = requests.next().await.unwrap();
    second.requeue().unwrap();
    let again = loop {
        let next = requests.next().await.unwrap();
        if next.redelivered {
            break next;
        }
    };
    assert!(again.acknowledge().is_ok());
    assert!(again.acknowledge().is_err(), "once only");
    requests.close().await;
    assert_eq!(bus.consumers(), 0);
}

#[tokio::test]
async fn what_a_lost_connection_left_behind_gives_way_to_what_is_delivered_again() {
    let bus = Bus::new();
    let target = Target::default().with_topic("t").with_server("s");
    let mut requests = bus.transport().listen(&target, 2).await.unwrap();
    let request = OutgoingRequest::new("echo", RawJson::empty_object());
    for _ in 0..2 {
        bus.publish("t", &request, bergen_messaging::wire::Id::new(), None);
    }
    for _ in 0..5 {
        bus.reconnect();
        tokio::task::yield_now().await;
    }
    assert_eq!(bus.deliveries(), 2 * 6, "no request goes round in circles");
    let mut taken = 0;
    for _ in 0..6 {
        let request = requests.next().await.unwrap();
        taken += usize::from(request.acknowledge().is_ok());
    }
    assert_eq!((taken, bus.unacknowledged()), (2, 0));
    requests.close().await;
}

#[tokio::test]
async fn a_notifier_reaches_a_listener_and_leaves_secrets_out() {
    let bus = Bus::new();
    let transport = bus.notification_transport();
    let target = Target::default().with_topic("notifications");
    let mut notifications = transport
        .listen(&[(target, "info".to_owned())], None, 10)
        .await
        .unwrap();
    let notifier = Notifier::builder(&transport, "compute.host-1")
        .retry(Retry::Times(0))
        .build();
    let mut context = Context::default();
    context.insert("user_id", "u1").unwrap();
    context.insert("auth_token", "s3cret").unwrap();
    notifier
        .info(&context, "compute.start", &[1, 2])
        .await
        .unwrap();

    let received = notifications.next().await.unwrap();
    assert_eq!(received.notification.event_type, "compute.start");
    assert_eq!(received.notification.priority, "INFO");
    assert_eq!(
        received.notification.publisher_id.as_deref(),
        Some("compute.host-1")
    );
    assert_eq!(
        received.notification.payload.decode::<Vec<i64>>(),
        Ok(vec![1, 2])
    );
    assert_eq!(
        received.ctxt().get::<String>("user_id"),
        Ok(Some("u1".to_owned()))
    );
    assert!(received.ctxt().raw("auth_token").is_none());
    received.acknowledge().unwrap();
    notifications.close().await;
}
