//! What is taken when, how often it runs, and what a waiting caller hears meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bergen_messaging::driver::ListenError;
use bergen_messaging::rpc::{
    Arguments, Call, DuplicateWindow, DynamicEndpoint, Executor, ExecutorLoadFailure, MethodError,
    RpcClient, RpcServer, RpcServerBuilder,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::wire::{Id, OutgoingRequest, RawJson};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bus::{Answer, Bus};
use crate::rpc_client::{client, ctxt, endpoint};

fn builder(bus: &Arc<Bus>) -> RpcServerBuilder {
    RpcServer::builder(&bus.transport(), ServerTarget::new("t", "s"))
}

fn sleep_request(seconds: u64) -> OutgoingRequest {
    let arguments = Arguments::new().with("seconds", &seconds).unwrap();
    OutgoingRequest::new("sleep", RawJson::encode(&arguments).unwrap())
}

/// How many keep-alives came before the reply, which has to be a success.
async fn keep_alives_before_reply(mut answers: UnboundedReceiver<Answer>) -> usize {
    let mut keep_alives = 0;
    loop {
        match answers.recv().await {
            Some(Answer::KeepAlive) => keep_alives += 1,
            Some(Answer::Reply(Ok(_))) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answers.recv().await, None, "nothing after the reply");
    keep_alives
}

#[tokio::test(start_paused = true)]
async fn a_thousand_nested_calls_over_four_places() {
    let bus = Bus::new();
    let transport = bus.transport();
    let inner = RpcServer::builder(&transport, ServerTarget::new("inner", "s"))
        .endpoint(endpoint())
        .limit(4)
        .build();
    inner.start().await.unwrap();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let nested = RpcClient::new(&transport, ClientTarget::new("inner"));
    let outer = DynamicEndpoint::new(EndpointTarget::new()).method("outer", {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        move |call: Call| {
            let (running, most, nested) = (Arc::clone(&running), Arc::clone(&most), nested.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let result = nested
                    .call::<RawJson>(&call.context, "echo", &call.arguments)
                    .await;
                running.fetch_sub(1, Ordering::SeqCst);
                result
            }
        }
    });
    let server = builder(&bus).endpoint(outer).limit(4).build();
    server.start().await.unwrap();

    let client = client(&transport);
    let mut calls = JoinSet::new();
    for number in 0..1000 {
        let client = client.clone();
        calls.spawn(async move {
            let arguments = Arguments::new().with("value", &number).unwrap();
            assert_eq!(
                client.call::<i64>(&ctxt(), "outer", &arguments).await,
                Ok(number)
            );
        });
    }
    tokio::task::yield_now().await;
    assert!(
        bus.unacknowledged() <= 2 * 8,
        "never more than the prefetch of both servers"
    );
    calls.join_all().await;
    assert_eq!(most.load(Ordering::SeqCst), 4);
    let stats = server.stats();
    assert_eq!(
        (stats.received, stats.dispatched, stats.replies),
        (1000, 1000, 1000)
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_is_acknowledged_when_it_gets_its_place_and_not_before() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).limit(2).build();
    server.start().await.unwrap();
    let answers: Vec<_> = (0..10)
        .map(|_| bus.publish("t", &sleep_request(1), Id::new(), None))
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        (bus.unacknowledged(), bus.waiting("t")),
        (4, 4),
        "2 run, 4 wait here, 4 there"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((bus.unacknowledged(), bus.waiting("t")), (4, 2));
    for answers in answers {
        assert_eq!(keep_alives_before_reply(answers).await, 0);
    }
    assert_eq!((bus.unacknowledged(), bus.waiting("t")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_dropped_before_it_runs() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).limit(1).build();
    server.start().await.unwrap();
    let now = Instant::now();
    let mut dead = bus.publish("t", &sleep_request(0), Id::new(), Some(now));
    assert_eq!(
        dead.recv().await,
        None,
        "dropped on receipt, without an answer"
    );
    let busy = bus.publish("t", &sleep_request(10), Id::new(), None);
    let soon = Some(now + Duration::from_secs(5));
    let mut waiting = bus.publish("t", &sleep_request(0), Id::new(), soon);
    assert_eq!(
        waiting.recv().await,
        None,
        "dropped while it waited for its place"
    );
    assert_eq!(now.elapsed(), Duration::from_secs(5));
    assert_eq!(bus.unacknowledged(), 0);
    keep_alives_before_reply(busy).await;
    let stats = server.stats();
    assert_eq!((stats.received, stats.expired, stats.dispatched), (3, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_twice() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).limit(1).build();
    server.start().await.unwrap();
    let (first, second) = (Id::new(), Id::new());
    // The same message twice: while it runs, and with both copies waiting for a place.
    let answered = bus.publish("t", &sleep_request(1), first, None);
    let mut copy = bus.publish("t", &sleep_request(1), first, None);
    let waiting = bus.publish("t", &sleep_request(1), second, None);
    let mut waiting_copy = bus.publish("t", &sleep_request(1), second, None);
    keep_alives_before_reply(answered).await;
    keep_alives_before_reply(waiting).await;
    assert_eq!(copy.recv().await, None);
    assert_eq!(waiting_copy.recv().await, None);
    let mut late = bus.publish("t", &sleep_request(1), first, None);
    assert_eq!(late.recv().await, None);
    let stats = server.stats();
    assert_eq!(
        (stats.received, stats.dispatched, stats.duplicates),
        (5, 2, 3)
    );
    assert_eq!(bus.unacknowledged(), 0, "duplicates are acknowledged");
}

#[tokio::test(start_paused = true)]
async fn the_window_of_duplicates_has_a_size_and_says_when_it_is_too_small() {
    let bus = Bus::new();
    let window = DuplicateWindow {
        size: 2,
        ..DuplicateWindow::default()
    };
    let server = builder(&bus)
        .endpoint(endpoint())
        .duplicate_window(window)
        .build();
    server.start().await.unwrap();
    let id = Id::new();
    for id in [id, Id::new(), Id::new(), id] {
        keep_alives_before_reply(bus.publish("t", &sleep_request(0), id, None)).await;
    }
    let stats = server.stats();
    assert_eq!((stats.duplicate_evictions, stats.duplicates), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_request_survives_the_loss_of_its_connection_and_runs_once() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).limit(1).build();
    server.start().await.unwrap();
    let running = bus.publish("t", &sleep_request(5), Id::new(), None);
    let waiting = bus.publish("t", &sleep_request(1), Id::new(), None);
    bus.break_consumers(&ListenError::Failed {
        cause: "connection reset".to_owned(),
    });
    keep_alives_before_reply(running).await;
    keep_alives_before_reply(waiting).await;
    let stats = server.stats();
    assert_eq!(stats.dispatched, 2);
    assert_eq!(
        stats.lost_before_start, 1,
        "the copy that waited when the connection broke"
    );
    assert_eq!((stats.redelivered, stats.duplicates), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn keep_alives_go_out_from_receipt_at_half_the_callers_interval() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).limit(1).build();
    server.start().await.unwrap();
    let mut monitored = sleep_request(3);
    monitored.monitor = Some(Duration::from_millis(2900));
    let first = bus.publish("t", &monitored, Id::new(), None);
    let second = bus.publish("t", &monitored, Id::new(), None);
    // int(2.9) is 2: one a second, at 1 and 2; the end is at 3 already.
    assert_eq!(keep_alives_before_reply(first).await, 2);
    // The second waited for 3 of its 6 seconds and was heard of all the time.
    assert_eq!(keep_alives_before_reply(second).await, 5);
    assert_eq!(server.stats().keep_alives, 7);
}

#[tokio::test(start_paused = true)]
async fn a_monitored_call_behind_a_full_server_does_not_time_out() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).limit(1).build();
    server.start().await.unwrap();
    let monitored = client(&bus.transport())
        .prepare()
        .call_monitor_timeout(Some(Duration::from_secs(2)));
    let arguments = Arguments::new().with("seconds", &5).unwrap();
    let context = ctxt();
    let call = || monitored.call::<()>(&context, "sleep", &arguments);
    assert_eq!(tokio::join!(call(), call()), (Ok(()), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn keep_alives_end_when_nobody_listens_and_after_every_kind_of_answer() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).build();
    server.start().await.unwrap();
    let mut gone = sleep_request(60);
    gone.monitor = Some(Duration::from_secs(2));
    drop(bus.publish("t", &gone, Id::new(), None));
    let mut unknown = OutgoingRequest::new("nosuch", RawJson::empty_object());
    unknown.monitor = Some(Duration::from_secs(2));
    let mut answers = bus.publish("t", &unknown, Id::new(), None);
    assert!(matches!(answers.recv().await, Some(Answer::Reply(Err(_)))));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(answers.recv().await, None, "the peer goes on for ever here");
    assert_eq!(server.stats().keep_alives, 0);
    assert_eq!(server.stats().failed_replies, 0);
    server.stop().await.unwrap();
    server.wait().await.unwrap();
    assert_eq!(
        server.stats().failed_replies,
        1,
        "the answer to the one that is gone"
    );
}

#[tokio::test(start_paused = true)]
async fn a_monitor_timeout_below_two_seconds_has_no_effect() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).build();
    server.start().await.unwrap();
    let mut request = sleep_request(10);
    request.monitor = Some(Duration::from_millis(1900));
    assert_eq!(
        keep_alives_before_reply(bus.publish("t", &request, Id::new(), None)).await,
        0
    );
}

/// A server whose `block` keeps its thread for 100 ms, and `now` answers at once.
async fn blocking_server(bus: &Arc<Bus>, executor: Executor) -> RpcServer {
    let endpoint = DynamicEndpoint::new(EndpointTarget::new())
        .method("block", |_: Call| async {
            std::thread::sleep(Duration::from_millis(100));
            Ok::<_, MethodError>(std::thread::current().name().map(str::to_owned))
        })
        .method("now", |_: Call| async { Ok::<_, MethodError>(1) });
    let server = builder(bus).endpoint(endpoint).executor(executor).build();
    server.start().await.unwrap();
    server
}

#[tokio::test]
async fn blocking_handlers_on_the_pool_do_not_hold_each_other_up() {
    let bus = Bus::new();
    let _server = blocking_server(&bus, Executor::Blocking).await;
    let client = client(&bus.transport());
    let started = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..16 {
        let client = client.clone();
        calls.spawn(async move { client.call::<RawJson>(&ctxt(), "block", &()).await });
    }
    // This runtime has one thread: 16 handlers on it would take 1.6 s.
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn inline_handlers_have_run_when_the_driver_has_handed_over() {
    let bus = Bus::new();
    let server = blocking_server(&bus, Executor::Inline).await;
    let request = OutgoingRequest::new("now", RawJson::empty_object());
    let mut answers = bus.publish("t", &request, Id::new(), None);
    // No other task has run since: this test has not awaited anything.
    assert_eq!(
        answers.try_recv(),
        Ok(Answer::Reply(Ok(RawJson::encode(&1).unwrap())))
    );
    assert_eq!(server.stats().succeeded, 1);
}

#[tokio::test(start_paused = true)]
async fn an_inline_handler_that_waits_goes_on_as_a_task() {
    let bus = Bus::new();
    let server = builder(&bus)
        .endpoint(endpoint())
        .executor(Executor::Inline)
        .build();
    server.start().await.unwrap();
    let started = Instant::now();
    let answers = [(); 3].map(|()| bus.publish("t", &sleep_request(1), Id::new(), None));
    for answers in answers {
        keep_alives_before_reply(answers).await;
    }
    assert_eq!(started.elapsed(), Duration::from_secs(1));
}

#[test]
fn executors_have_names_and_others_fail() {
    for (name, executor) in [
        ("tasks", Executor::Tasks),
        ("threading", Executor::Tasks),
        ("eventlet", Executor::Tasks),
        ("blocking", Executor::Blocking),
        ("inline", Executor::Inline),
    ] {
        assert_eq!(name.parse(), Ok(executor));
    }
    let failure = "aioeventlet".parse::<Executor>().unwrap_err();
    assert_eq!(
        failure,
        ExecutorLoadFailure {
            executor: "aioeventlet".to_owned()
        }
    );
    assert!(
        failure
            .to_string()
            .starts_with("Failed to load executor \"aioeventlet\"")
    );
}

#[tokio::test(start_paused = true)]
async fn a_monitor_timeout_beyond_the_clock_is_borne() {
    let bus = Bus::new();
    let server = builder(&bus).endpoint(endpoint()).build();
    server.start().await.unwrap();
    let body =
        br#"{"method": "sleep", "args": {"seconds": 1}, "_msg_id": "1", "_reply_q": "reply_test",
        "_timeout": 18446744073709551615}"#;
    let answers = bus.publish_body("t", bytes::Bytes::from_static(body), None);
    assert_eq!(keep_alives_before_reply(answers).await, 0);
}
