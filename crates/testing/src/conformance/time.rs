//! Deadlines, expiry, keep-alives and cancels.

use std::time::Duration;

use bergen_messaging::driver::{IncomingRequest, SendError};
use bergen_messaging::rpc::CallError;
use bergen_messaging::target::Target;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::Subject;
use super::service::{SOON, Service, TOPIC, builder, client, context};

/// The caller waits as long as it was told to, and no longer.
pub async fn a_call_without_an_answer_ends_at_its_deadline(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let start = Instant::now();
    let hasty = client.prepare().timeout(Duration::from_millis(600));
    let error = hasty
        .call::<Value>(&context(), "hold", &())
        .await
        .unwrap_err();
    let waited = start.elapsed();
    assert!(error.is_timeout(), "{error:?}");
    let CallError::Send(SendError::Timeout(timeout)) = &error else {
        panic!("{error:?}")
    };
    assert!(
        !timeout.keep_alives_stopped && timeout.message_id.len() == 32,
        "{timeout:?}"
    );
    assert!((590..2000).contains(&waited.as_millis()), "{waited:?}");
    transport.close(SOON).await;
    server.release();
    server.stop().await;
}

/// An answer that comes too late is nobody's.
pub async fn a_late_answer_harms_nobody(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let hasty = client.prepare().timeout(Duration::from_millis(300));
    let error = hasty
        .call::<Value>(&context(), "hold", &())
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    server.release();
    for number in 0..5 {
        let args = json!({"number": number});
        let echoed: Value = client.call(&context(), "echo", &args).await.unwrap();
        assert_eq!(echoed, args);
    }
    transport.close(SOON).await;
    server.stop().await;
}

/// A server knows until when its caller waits; a cast has no such time.
pub async fn a_request_tells_its_deadline(subject: &Subject) {
    let requests = subject.rpc();
    let target = Target::default().with_topic(TOPIC).with_server("raw");
    let mut requests_of = requests.listen(&target, 10).await.unwrap();
    let (transport, client) = client(subject);
    let (sent, received) = (Instant::now(), next(&mut requests_of));
    let patient = client.prepare().timeout(Duration::from_secs(5));
    let call = patient.call::<Value>(&context(), "echo", &());
    let (answer, ()) = tokio::join!(call, async {
        let incoming = received.await;
        let left = incoming.deadline.expect("a deadline") - sent;
        assert!((3900..6000).contains(&left.as_millis()), "{left:?}");
        incoming.acknowledge().unwrap();
        incoming
            .reply(Ok(incoming.request.args.clone()))
            .await
            .unwrap();
    });
    answer.unwrap();
    client.cast(&context(), "note", &()).await.unwrap();
    let incoming = next(&mut requests_of).await;
    assert_eq!((incoming.deadline, incoming.wants_reply()), (None, false));
    incoming.acknowledge().unwrap();
    requests_of.close().await;
    transport.close(SOON).await;
    requests.close(SOON).await;
}

/// A request that nobody took before its deadline is gone.
pub async fn a_request_that_expired_in_its_queue_does_not_run(subject: &Subject) {
    // The queue outlives its server.
    Service::start(subject, "one").await.stop().await;
    let (transport, client) = client(subject);
    let hasty = client.prepare().timeout(Duration::from_millis(400));
    let error = hasty
        .call::<Value>(&context(), "echo", &json!({"late": 1}))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let server = Service::start(subject, "one").await;
    let _: Value = client.call(&context(), "whoami", &()).await.unwrap();
    assert_eq!(server.seen().len(), 1, "{:?}", server.seen());
    transport.close(SOON).await;
    server.stop().await;
}

/// Nor does one that waited in the server itself.
pub async fn a_request_that_expired_while_it_waited_for_a_place_does_not_run(subject: &Subject) {
    let server = Service::limited(subject, "one", 1).await;
    let (transport, client) = client(subject);
    client.cast(&context(), "hold", &()).await.unwrap();
    server.wait_for(1).await;
    let hasty = client.prepare().timeout(Duration::from_millis(400));
    let error = hasty
        .call::<Value>(&context(), "echo", &json!({"late": 1}))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    sleep(Duration::from_millis(100)).await;
    server.release();
    let _: Value = client.call(&context(), "whoami", &()).await.unwrap();
    let methods: Vec<_> = server
        .seen()
        .into_iter()
        .map(|(method, _)| method)
        .collect();
    assert_eq!(methods, ["hold", "whoami"]);
    assert_eq!(server.server.stats().expired, 1);
    transport.close(SOON).await;
    server.stop().await;
}

/// Signs of life keep a monitored call alive for longer than its monitor timeout.
pub async fn a_monitored_call_goes_on_while_its_server_works(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, builder) = builder(subject);
    let client = builder.call_monitor_timeout(Duration::from_secs(2)).build();
    let slow = json!({"ms": 3000});
    let slept: Value = client.call(&context(), "sleep", &slow).await.unwrap();
    assert_eq!(slept, slow);
    transport.close(SOON).await;
    server.stop().await;
}

/// A handler learns that nobody waits any more, when its call runs out of time or is dropped.
pub async fn a_call_that_is_given_up_is_cancelled_at_its_server(subject: &Subject) {
    let server = Service::start(subject, "one").await;
    let (transport, client) = client(subject);
    let call = tokio::spawn(client.call::<Value>(&context(), "heed", &()));
    server.wait_for(1).await;
    // Longer than the server waits before it says how to cancel.
    sleep(Duration::from_millis(300)).await;
    call.abort();
    server.heeded().await;
    transport.close(SOON).await;
    server.stop().await;
}

async fn next(requests: &mut bergen_messaging::transport::Requests) -> IncomingRequest {
    let incoming = timeout(SOON, requests.next()).await;
    incoming.expect("no request came").unwrap()
}
