//! Cancelling: which calls can be, what a handler learns of it, and what becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bergen_messaging::rpc::{
    Arguments, Call, CurrentRequest, DynamicEndpoint, Endpoint, EndpointOptions, Executor,
    MethodError, RpcClient, RpcServer, RpcServerBuilder,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::wire::{Id, OutgoingRequest, RawJson};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, timeout};

use crate::bus::{Answer, Bus};
use crate::rpc_client::{client, ctxt};

fn builder(bus: &Arc<Bus>) -> RpcServerBuilder {
    RpcServer::builder(&bus.transport(), ServerTarget::new("t", "s"))
}

fn request(method: &'static str, millis: u64) -> OutgoingRequest {
    let arguments = Arguments::new().with("ms", &millis).unwrap();
    OutgoingRequest::new(method, RawJson::encode(&arguments).unwrap())
}

fn pause(call: &Call) -> Duration {
    Duration::from_millis(call.arguments.member("ms").unwrap().decode().unwrap())
}

/// What became of a handler.
#[derive(Debug, PartialEq)]
enum End {
    SawTheCancel,
    Finished,
    Dropped,
}

/// Says how a handler ended, if it did not itself.
struct Report(Option<UnboundedSender<End>>);

impl Report {
    fn end(mut self, end: End) {
        let _ = self.0.take().unwrap().send(end);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(ends) = &self.0 {
            let _ = ends.send(End::Dropped);
        }
    }
}

/// `heed` stops when its caller gives up, `work` goes on for so many milliseconds.
fn workers() -> (DynamicEndpoint, UnboundedReceiver<End>) {
    let (ends, received) = mpsc::unbounded_channel();
    let also = ends.clone();
    let endpoint = DynamicEndpoint::new(EndpointTarget::new())
        .method("heed", move |call: Call| {
            let report = Report(Some(ends.clone()));
            async move {
                tokio::select! {
                    () = call.cancellation.cancelled() => report.end(End::SawTheCancel),
                    () = tokio::time::sleep(pause(&call)) => report.end(End::Finished),
                }
                Ok::<_, MethodError>(())
            }
        })
        .method("work", move |call: Call| {
            let report = Report(Some(also.clone()));
            async move {
                tokio::time::sleep(pause(&call)).await;
                report.end(End::Finished);
                Ok::<_, MethodError>(())
            }
        });
    (endpoint, received)
}

#[tokio::test(start_paused = true)]
async fn short_calls_and_callers_who_do_not_ask_get_the_answer_only() {
    let bus = Bus::new();
    let (endpoint, _ends) = workers();
    let server = builder(&bus).endpoint(endpoint).build();
    server.start().await.unwrap();
    let mut short = bus.publish_cancellable("t", &request("work", 249));
    assert!(matches!(short.recv().await, Some(Answer::Reply(Ok(_)))));
    assert_eq!(short.recv().await, None);
    let mut peer = bus.publish("t", &request("work", 60_000), Id::new(), None);
    assert!(matches!(peer.recv().await, Some(Answer::Reply(Ok(_)))));
    assert_eq!(peer.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_long_call_is_offered_once_and_its_handler_sees_the_cancel_at_once() {
    let bus = Bus::new();
    let (endpoint, mut ends) = workers();
    let server = builder(&bus).endpoint(endpoint).build();
    server.start().await.unwrap();
    let start = Instant::now();
    let mut answers = bus.publish_cancellable("t", &request("heed", 60_000));
    let Some(Answer::Cancellable(stop)) = answers.recv().await else {
        panic!("no offer");
    };
    assert_eq!(start.elapsed(), Duration::from_millis(250));
    let second = timeout(Duration::from_secs(30), answers.recv()).await;
    assert!(second.is_err(), "one offer: {second:?}");
    let cancelled = Instant::now();
    stop.0.cancel();
    assert_eq!(ends.recv().await, Some(End::SawTheCancel));
    assert_eq!(cancelled.elapsed(), Duration::ZERO);
    assert_eq!(answers.recv().await, None, "nobody waits for an answer");
    let stats = server.stats();
    assert_eq!(
        (stats.cancelled, stats.dropped_handlers, stats.replies),
        (1, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn when_to_offer_is_an_option() {
    let bus = Bus::new();
    let (endpoint, _ends) = workers();
    let after = Duration::from_secs(3);
    let server = builder(&bus).endpoint(endpoint).cancel_after(after).build();
    server.start().await.unwrap();
    let start = Instant::now();
    let mut answers = bus.publish_cancellable("t", &request("work", 10_000));
    assert!(matches!(answers.recv().await, Some(Answer::Cancellable(_))));
    assert_eq!(start.elapsed(), after);
    assert!(matches!(answers.recv().await, Some(Answer::Reply(Ok(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_care_runs_to_its_end_unless_it_is_to_be_dropped() {
    let bus = Bus::new();
    let (patient, mut patients_end) = workers();
    let (hasty, mut hasty_end) = workers();
    let in_namespace = EndpointTarget::new().namespace("hasty");
    let server = builder(&bus)
        .endpoint(patient)
        .endpoint_with(
            Arc::new(Retargeted(hasty, in_namespace)),
            EndpointOptions::new().drop_cancelled(true),
        )
        .build();
    server.start().await.unwrap();
    let mut request = request("work", 10_000);
    let mut first = bus.publish_cancellable("t", &request);
    request.namespace = Some("hasty".into());
    let mut second = bus.publish_cancellable("t", &request);
    let start = Instant::now();
    for answers in [&mut first, &mut second] {
        let Some(Answer::Cancellable(stop)) = answers.recv().await else {
            panic!("no offer");
        };
        stop.0.cancel();
    }
    assert_eq!(hasty_end.recv().await, Some(End::Dropped));
    assert_eq!(start.elapsed(), Duration::from_millis(250));
    assert_eq!(patients_end.recv().await, Some(End::Finished));
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!((first.recv().await, second.recv().await), (None, None));
    let stats = server.stats();
    assert_eq!((stats.cancelled, stats.dropped_handlers), (2, 1));
    assert_eq!((stats.failed, stats.replies), (0, 0));
}

/// An endpoint under another target.
struct Retargeted(DynamicEndpoint, EndpointTarget);

impl Endpoint for Retargeted {
    fn target(&self) -> EndpointTarget {
        self.1.clone()
    }

    fn methods(&self) -> &[bergen_messaging::rpc::MethodInfo] {
        self.0.methods()
    }

    fn dispatch<'a>(
        &'a self,
        method: &'a str,
        call: Call,
    ) -> bergen_messaging::driver::BoxFuture<'a, bergen_messaging::rpc::MethodResult> {
        self.0.dispatch(method, call)
    }
}

#[tokio::test(start_paused = true)]
async fn the_calls_of_a_dropped_handler_are_cancelled_in_turn() {
    let bus = Bus::new();
    let transport = bus.transport();
    let (inner, mut ends) = workers();
    let inner = RpcServer::builder(&transport, ServerTarget::new("inner", "s"))
        .endpoint(inner)
        .build();
    inner.start().await.unwrap();
    let nested = RpcClient::new(&transport, ClientTarget::new("inner"));
    let outer = DynamicEndpoint::new(EndpointTarget::new()).method("outer", move |call: Call| {
        let nested = nested.clone();
        async move {
            nested
                .call::<()>(&call.context, "heed", &call.arguments)
                .await
        }
    });
    let server = builder(&bus).endpoint(outer).drop_cancelled(true).build();
    server.start().await.unwrap();
    let arguments = Arguments::new().with("ms", &50_000).unwrap();
    let client = client(&transport);
    let call = client.call::<()>(&ctxt(), "outer", &arguments);
    let given_up = timeout(Duration::from_secs(2), call).await;
    assert!(given_up.is_err());
    assert_eq!(ends.recv().await, Some(End::SawTheCancel));
    assert_eq!(server.stats().dropped_handlers, 1);
    assert_eq!(inner.stats().cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_its_place_is_not_run_when_its_caller_has_given_up() {
    let bus = Bus::new();
    let (endpoint, mut ends) = workers();
    let server = builder(&bus).endpoint(endpoint).limit(1).build();
    server.start().await.unwrap();
    let mut busy = bus.publish("t", &request("work", 5_000), Id::new(), None);
    let mut waiting = bus.publish_cancellable("t", &request("work", 1));
    let Some(Answer::Cancellable(stop)) = waiting.recv().await else {
        panic!("no offer");
    };
    stop.0.cancel();
    assert_eq!(waiting.recv().await, None);
    assert_eq!(bus.unacknowledged(), 0, "it will not come again");
    assert!(matches!(busy.recv().await, Some(Answer::Reply(Ok(_)))));
    assert_eq!(ends.recv().await, Some(End::Finished));
    let stats = server.stats();
    assert_eq!(
        (
            stats.received,
            stats.dispatched,
            stats.cancelled_before_start
        ),
        (2, 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_and_then_runs_is_offered_once() {
    let bus = Bus::new();
    let (endpoint, _ends) = workers();
    let server = builder(&bus).endpoint(endpoint).limit(1).build();
    server.start().await.unwrap();
    let _busy = bus.publish("t", &request("work", 100), Id::new(), None);
    let mut answers = bus.publish_cancellable("t", &request("work", 10_000));
    assert!(matches!(answers.recv().await, Some(Answer::Cancellable(_))));
    assert!(matches!(answers.recv().await, Some(Answer::Reply(Ok(_)))));
    assert_eq!(answers.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_monitored_call_gets_its_keep_alives_and_the_offer() {
    let bus = Bus::new();
    let (endpoint, _ends) = workers();
    let server = builder(&bus).endpoint(endpoint).build();
    server.start().await.unwrap();
    let mut monitored = request("work", 3_500);
    monitored.monitor = Some(Duration::from_secs(2));
    let mut answers = bus.publish_cancellable("t", &monitored);
    let (mut offers, mut keep_alives) = (0, 0);
    loop {
        match answers.recv().await {
            Some(Answer::Cancellable(_)) => offers += 1,
            Some(Answer::KeepAlive) => keep_alives += 1,
            Some(Answer::Reply(Ok(_))) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((offers, keep_alives), (1, 3));
}

#[tokio::test]
async fn a_handler_that_blocks_its_thread_can_ask() {
    let bus = Bus::new();
    let rounds = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&rounds);
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("block", move |_: Call| {
        let rounds = Arc::clone(&counted);
        async move {
            while !CurrentRequest::is_cancelled() {
                rounds.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok::<_, MethodError>(())
        }
    });
    let server = builder(&bus)
        .endpoint(endpoint)
        .executor(Executor::Blocking)
        .build();
    server.start().await.unwrap();
    let mut answers = bus.publish_cancellable("t", &request("block", 0));
    let Some(Answer::Cancellable(stop)) = answers.recv().await else {
        panic!("no offer");
    };
    assert!(rounds.load(Ordering::Relaxed) > 0);
    stop.0.cancel();
    assert_eq!(answers.recv().await, None);
    assert_eq!(server.stats().cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_acknowledgement_comes_also_for_a_handler_that_was_dropped() {
    let bus = Bus::new();
    let (endpoint, mut ends) = workers();
    let server = builder(&bus)
        .endpoint(endpoint)
        .late_acknowledgement(true)
        .drop_cancelled(true)
        .build();
    server.start().await.unwrap();
    let mut answers = bus.publish_cancellable("t", &request("work", 10_000));
    let Some(Answer::Cancellable(stop)) = answers.recv().await else {
        panic!("no offer");
    };
    assert_eq!(bus.unacknowledged(), 1);
    stop.0.cancel();
    assert_eq!(ends.recv().await, Some(End::Dropped));
    assert_eq!(answers.recv().await, None);
    assert_eq!(bus.unacknowledged(), 0);
}
