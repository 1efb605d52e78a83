//! Promises to callers and to those who run servers, beyond the peer's.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bergen_config::Source;
use bergen_messaging::driver::{CallOptions, Driver};
use bergen_messaging::options::{DEFAULT_GROUP, defaults};
use bergen_messaging::rpc::{
    Arguments, Call, CallError, DynamicEndpoint, EndpointOptions, MethodError, RpcClient,
    RpcServer, RpcServerBuilder, ServerWarning,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::{Context, Failure, Id, OutgoingRequest, RawJson};
use tokio::time::Instant;

use crate::bus::{Answer, Bus};
use crate::rpc_client::{client, ctxt, endpoint, serve};
use crate::rpc_logs::Log;

fn builder(bus: &Arc<Bus>) -> RpcServerBuilder {
    RpcServer::builder(&bus.transport(), ServerTarget::new("t", "s"))
}

fn sleep(seconds: u64) -> OutgoingRequest {
    let arguments = Arguments::new().with("seconds", &seconds).unwrap();
    OutgoingRequest::new("sleep", RawJson::encode(&arguments).unwrap())
}

/// The peer stops keep-alives for good at the first one that finds no queue.
#[tokio::test(start_paused = true)]
async fn keep_alives_go_on_when_a_caller_comes_back_within_a_minute() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).build();
    server.start().await.unwrap();
    let mut request = sleep(200);
    request.monitor = Some(Duration::from_secs(2));
    let mut answers = bus.publish("t", &request, Id::new(), None);
    bus.callers_are_away(true);
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(server.stats().keep_alives, 0);
    bus.callers_are_away(false);
    assert_eq!(answers.recv().await, Some(Answer::KeepAlive));

    bus.callers_are_away(true);
    tokio::time::sleep(Duration::from_secs(70)).await;
    bus.callers_are_away(false);
    let sent = server.stats().keep_alives;
    assert!(matches!(answers.recv().await, Some(Answer::Reply(Ok(_)))));
    assert_eq!(server.stats().keep_alives, sent, "given up after a minute");
}

#[tokio::test(start_paused = true)]
async fn tracebacks_stay_here_if_that_is_wanted() {
    for tracebacks in [true, false] {
        let bus = Bus::new();
        let failing = DynamicEndpoint::new(EndpointTarget::new()).method("fail", |_: Call| async {
            let mut failure = Failure::new("nova.exception", "NotFound", "no such thing");
            failure.tb = vec!["File \"/srv/secret/place.py\"\n".to_owned()];
            Err::<(), _>(MethodError::from(failure))
        });
        let server = builder(&bus).endpoint(failing).tracebacks(tracebacks);
        let server = server.build();
        server.start().await.unwrap();
        let client = client(&bus.transport());
        let failed = client.call::<()>(&ctxt(), "fail", &()).await;
        let Err(CallError::Remote(remote)) = failed else {
            panic!("{failed:?}");
        };
        assert_eq!(remote.traceback.is_empty(), !tracebacks);
        assert_eq!(
            (remote.class.as_str(), remote.message.as_str()),
            ("NotFound", "no such thing")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn late_acknowledgement_is_for_single_endpoints_too_and_warns_before_the_broker_loses_patience()
 {
    let bus = Bus::new();
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&warnings);
    let late = DynamicEndpoint::new(EndpointTarget::new()).method("late", |_: Call| async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        Ok::<_, MethodError>(())
    });
    let server = builder(&bus)
        .endpoint(endpoint())
        .endpoint_with(
            Arc::new(late),
            EndpointOptions::new().late_acknowledgement(true),
        )
        .consumer_timeout(Duration::from_mins(1))
        .on_warning(move |warning| heard.lock().unwrap().push(warning.clone()))
        .build();
    server.start().await.unwrap();
    let _early = bus.publish("t", &sleep(100), Id::new(), None);
    let late = OutgoingRequest::new("late", RawJson::empty_object());
    let mut answers = bus.publish("t", &late, Id::new(), None);
    tokio::time::sleep(Duration::from_secs(49)).await;
    assert_eq!(bus.unacknowledged(), 1, "the late one only");
    assert!(warnings.lock().unwrap().is_empty());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bus.unacknowledged(), 0);
    let expected = ServerWarning::AcknowledgedEarly {
        method: "late".to_owned(),
        after: Duration::from_secs(50),
        consumer_timeout: Duration::from_mins(1),
    };
    assert_eq!(*warnings.lock().unwrap(), [expected]);
    assert!(matches!(answers.recv().await, Some(Answer::Reply(Ok(_)))));
    assert_eq!(server.stats().acknowledged_early, 1);
}

/// Defect 17 of the peer: tokens and passwords in contexts travel in clear.
#[tokio::test(start_paused = true)]
async fn a_client_can_leave_secrets_out_of_contexts() {
    let bus = Bus::new();
    let transport = bus.transport();
    let whoami =
        DynamicEndpoint::new(EndpointTarget::new()).method("whoami", |call: Call| async move {
            let keys = call.context.iter().map(|(key, _)| key.to_owned());
            Ok::<_, MethodError>(keys.collect::<Vec<_>>())
        });
    let _server = serve(&transport, whoami).await;
    let mut context = Context::default();
    for key in ["user_id", "auth_token", "service_catalog", "admin_password"] {
        context.insert(key, "x").unwrap();
    }
    for redact in [false, true] {
        let client = RpcClient::builder(&transport, ClientTarget::new("t"))
            .redact_context(redact)
            .build();
        let keys: Vec<String> = client.call(&context, "whoami", &()).await.unwrap();
        assert_eq!(keys.contains(&"auth_token".to_owned()), !redact);
        assert_eq!(keys.len(), if redact { 1 } else { 4 }, "{keys:?}");
        assert!(keys.contains(&"user_id".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn no_log_line_can_be_forged_by_a_request_that_is_dropped() {
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let server = builder(&bus)
        .endpoint(endpoint())
        .limit(1)
        .late_acknowledgement(true)
        .build();
    server.start().await.unwrap();
    let forged = "x\nERROR the sky falls\u{1b}[2J".to_owned();
    let request = OutgoingRequest::new(forged, RawJson::empty_object());
    let id = Id::new();
    bus.publish("t", &request, id, None).recv().await.unwrap();
    // A copy, one that has expired, one that expires and one that is cancelled while they wait.
    bus.publish("t", &request, id, None).recv().await;
    let now = Instant::now();
    bus.publish("t", &request, Id::new(), Some(now))
        .recv()
        .await;
    let _busy = bus.publish("t", &sleep(60), Id::new(), None);
    let soon = Some(now + Duration::from_secs(1));
    bus.publish("t", &request, Id::new(), soon).recv().await;
    let mut cancelled = bus.publish_cancellable("t", &request);
    let Some(Answer::Cancellable(stop)) = cancelled.recv().await else {
        panic!("no offer");
    };
    stop.0.cancel();
    assert_eq!(cancelled.recv().await, None);
    let stats = server.stats();
    assert_eq!(
        (
            stats.duplicates,
            stats.expired,
            stats.cancelled_before_start
        ),
        (1, 2, 1)
    );
    let text = log.text();
    for part in ["taken before", "expired before", "gave up before"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        !text.contains("\nERROR the sky") && !text.contains('\u{1b}'),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_configuration_says_when_cancels_are_offered_and_whether_tracebacks_leave() {
    let mut options = defaults();
    for (name, value) in [
        ("bergen_cancel_after", "2.5"),
        ("bergen_tracebacks", "false"),
    ] {
        options
            .set(DEFAULT_GROUP, name, value, Source::Code)
            .unwrap();
    }
    let bus = Bus::new();
    let transport = RpcTransport::new(bus.options().options(options)).unwrap();
    let _server = serve(&transport, endpoint()).await;
    let start = Instant::now();
    let mut answers = bus.publish_cancellable("t", &sleep(10));
    assert!(matches!(answers.recv().await, Some(Answer::Cancellable(_))));
    assert_eq!(start.elapsed(), Duration::from_millis(2_500));
    let failed = client(&transport).call::<()>(&ctxt(), "nosuch", &()).await;
    let Err(CallError::Remote(remote)) = failed else {
        panic!("{failed:?}");
    };
    assert!(remote.traceback.is_empty(), "{remote:?}");
}

/// The driver itself refuses what is too late, whoever asks.
#[tokio::test]
async fn a_driver_sends_nothing_for_a_call_without_time() {
    let url = "rabbit://127.0.0.1:1/".parse().unwrap();
    let options =
        bergen_messaging::options::RabbitOptions::new(&bergen_messaging::options::defaults(), &url)
            .unwrap();
    let driver =
        bergen_messaging::drivers::rabbit::RabbitDriver::new(&url, "openstack", &options).unwrap();
    let request = OutgoingRequest::new("m", RawJson::empty_object());
    let target = bergen_messaging::target::Target::default().with_topic("t");
    let options = CallOptions::new(Instant::now());
    let ended = driver.call(&target, &request, options).await;
    assert!(ended.unwrap_err().is_timeout());
    assert_eq!(driver.stats().failed_attempts, 0, "it did not even connect");
}
