//! Rows of the conformance page about one server: its steps, its bounds, when it acknowledges.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bergen_config::Source;
use bergen_messaging::notify::Notifier;
use bergen_messaging::options;
use bergen_messaging::rpc::{
    Call, CurrentRequest, DynamicEndpoint, Endpoint, MethodError, RpcServer, StartOptions,
};
use bergen_messaging::target::{EndpointTarget, ServerTarget, Target};
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::{Context, Id, OutgoingRequest, RawJson};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bus::{Answer, Bus};
use crate::rpc_client::{client, ctxt};
use crate::rpc_logs::Log;

/// How many handlers of a server run at once when there are 200 requests.
async fn most_at_once(transport: &RpcTransport, start: StartOptions) -> usize {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("work", {
        let most = Arc::clone(&most);
        move |_: Call| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(100)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, MethodError>(())
            }
        }
    });
    let server = RpcServer::builder(transport, ServerTarget::new("t", "s"))
        .endpoint(endpoint)
        .build();
    server.start_with(start).await.unwrap();
    let client = client(transport);
    let mut calls = JoinSet::new();
    for _ in 0..200 {
        let client = client.clone();
        calls.spawn(async move { client.call::<()>(&ctxt(), "work", &()).await });
    }
    assert_eq!(calls.join_all().await, vec![Ok(()); 200]);
    server.stop().await.unwrap();
    server.wait().await.unwrap();
    most.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn sixty_four_handlers_run_at_once_unless_an_option_or_the_start_says_otherwise() {
    let bus = Bus::new();
    let unlimited = StartOptions::default();
    assert_eq!(most_at_once(&bus.transport(), unlimited).await, 64);
    for name in ["executor_thread_pool_size", "rpc_thread_pool_size"] {
        let mut values = options::defaults();
        values.set("DEFAULT", name, "7", Source::Code).unwrap();
        let transport = RpcTransport::new(bus.options().options(values)).unwrap();
        assert_eq!(most_at_once(&transport, unlimited).await, 7, "{name}");
        let limited = StartOptions {
            limit: Some(3),
            ..unlimited
        };
        assert_eq!(most_at_once(&transport, limited).await, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_goes_through_its_steps_in_order() {
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let contexts: Arc<Mutex<Vec<Context>>> = Arc::default();
    let endpoint = DynamicEndpoint::new(EndpointTarget::new().namespace("n").version((1, 3)))
        .method("work", {
            let contexts = Arc::clone(&contexts);
            move |call: Call| {
                let contexts = Arc::clone(&contexts);
                async move {
                    tracing::info!("the method runs");
                    assert_eq!(call.arguments.as_str(), r#"{"password":"s3cret"}"#);
                    contexts
                        .lock()
                        .unwrap()
                        .push(CurrentRequest::get().unwrap().context);
                    Ok::<_, MethodError>("done")
                }
            }
        });
    let server = RpcServer::builder(&bus.transport(), ServerTarget::new("t", "s"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();

    let mut request =
        OutgoingRequest::new("work", RawJson::parse(r#"{"password":"s3cret"}"#).unwrap());
    request.namespace = Some("n".into());
    request.version = Some((1, 2).into());
    let anonymous = request.clone();
    request.context.insert("user_id", "u1").unwrap();
    request.context.insert("auth_token", "s3cret").unwrap();
    let id = Id::new();
    let mut first = bus.publish("t", &request, id, None);
    let done = Answer::Reply(Ok(RawJson::encode("done").unwrap()));
    assert_eq!(first.recv().await.as_ref(), Some(&done));
    let mut copy = bus.publish("t", &request, id, None);
    assert_eq!(copy.recv().await, None);
    let mut second = bus.publish("t", &anonymous, Id::new(), None);
    assert_eq!(second.recv().await.as_ref(), Some(&done));

    // A copy is dropped before anything else is done with it; the log line stands before the method runs.
    let steps = [
        "received a request",
        "the method runs",
        "dropped a request that was taken before",
    ];
    let text = log.text();
    let seen: Vec<_> = text
        .lines()
        .filter_map(|line| steps.iter().position(|step| line.contains(step)))
        .collect();
    assert_eq!(seen, [0, 1, 2, 0, 1], "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    // The context was unpacked for the first, and is not there any more for the second.
    let contexts = contexts.lock().unwrap();
    assert_eq!(contexts[0].get("user_id"), Ok(Some("u1".to_owned())));
    assert!(contexts[1].is_empty());
}

#[tokio::test(start_paused = true)]
async fn endpoints_are_asked_in_the_order_of_the_list() {
    let bus = Bus::new();
    let transport = bus.transport();
    let named = |name: &'static str| -> Arc<dyn Endpoint> {
        let answer = move |_: Call| async move { Ok::<_, MethodError>(name) };
        let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("who", answer);
        Arc::new(endpoint.method(name, answer))
    };
    let lists = [
        ["additional", "manager", "base"],
        ["manager", "base", "additional"],
    ];
    for list in lists {
        let server = list
            .into_iter()
            .map(named)
            .fold(
                RpcServer::builder(&transport, ServerTarget::new("t", "s")),
                bergen_messaging::rpc::RpcServerBuilder::shared_endpoint,
            )
            .build();
        server.start().await.unwrap();
        let call = async |method: &'static str| {
            client(&transport)
                .call::<String>(&ctxt(), method, &())
                .await
        };
        assert_eq!(call("who").await, Ok(list[0].to_owned()));
        for name in list {
            assert_eq!(call(name).await, Ok(name.to_owned()));
        }
        server.stop().await.unwrap();
        server.wait().await.unwrap();
    }
}

/// A server for `sleep`, which takes as many minutes as asked for.
async fn sleeper(bus: &Arc<Bus>, late: bool) -> RpcServer {
    let endpoint =
        DynamicEndpoint::new(EndpointTarget::new()).method("sleep", |call: Call| async move {
            let minutes: u64 = call.arguments.member("minutes").unwrap().decode().unwrap();
            tokio::time::sleep(Duration::from_mins(minutes)).await;
            Ok::<_, MethodError>(())
        });
    let server = RpcServer::builder(&bus.transport(), ServerTarget::new("t", "s"))
        .endpoint(endpoint)
        .limit(1)
        .late_acknowledgement(late)
        .build();
    server.start().await.unwrap();
    server
}

fn minutes(minutes: u64) -> OutgoingRequest {
    let arguments = serde_json::json!({"minutes": minutes});
    OutgoingRequest::new("sleep", RawJson::encode(&arguments).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_request_is_acknowledged_before_it_runs_or_after_it_where_that_is_asked_for() {
    for late in [false, true] {
        let bus = Bus::new();
        let server = sleeper(&bus, late).await;
        let mut answers = [(); 2].map(|()| bus.publish("t", &minutes(2), Id::new(), None));
        tokio::time::sleep(Duration::from_mins(1)).await;
        // The first runs, the second waits for its place, in either case unacknowledged.
        assert_eq!(bus.unacknowledged(), 1 + usize::from(late));
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(bus.unacknowledged(), usize::from(late));
        for answers in &mut answers {
            assert_eq!(
                answers.recv().await,
                Some(Answer::Reply(Ok(RawJson::null())))
            );
        }
        assert_eq!((bus.unacknowledged(), server.stats().dispatched), (0, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_acknowledgement_comes_before_the_brokers_patience_ends() {
    let (log, _guard) = Log::capture();
    let bus = Bus::new();
    let _server = sleeper(&bus, true).await;
    let mut answers = bus.publish("t", &minutes(40), Id::new(), None);
    tokio::time::sleep(Duration::from_mins(24)).await;
    assert_eq!(bus.unacknowledged(), 1);
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(bus.unacknowledged(), 0);
    assert!(
        log.text().contains("before the broker's consumer timeout"),
        "{}",
        log.text()
    );
    assert_eq!(
        answers.recv().await,
        Some(Answer::Reply(Ok(RawJson::null())))
    );
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_a_late_request_is_dropped_and_acknowledged() {
    let bus = Bus::new();
    let server = sleeper(&bus, true).await;
    let id = Id::new();
    let mut answers = [(); 3].map(|()| bus.publish("t", &minutes(2), id, None));
    assert_eq!(
        answers[0].recv().await,
        Some(Answer::Reply(Ok(RawJson::null())))
    );
    assert_eq!(answers[1].recv().await, None);
    assert_eq!(answers[2].recv().await, None);
    assert_eq!((server.stats().duplicates, bus.unacknowledged()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_when_it_is_full_or_its_time_is_over() {
    let bus = Bus::new();
    let transport = bus.notification_transport();
    let pairs = [(
        Target::default().with_topic("notifications"),
        "info".to_owned(),
    )];
    let mut notifications = transport.listen(&pairs, None, 4).await.unwrap();
    let notifier = Notifier::new(&transport, "compute.host-1");
    for number in 0..5 {
        let event = format!("event-{number}");
        notifier.info(&ctxt(), &event, &number).await.unwrap();
    }
    let started = Instant::now();
    let minute = Duration::from_mins(1);
    let mut names = Vec::new();
    let mut take = async |size| {
        let batch = notifications.next_batch(size, minute).await.unwrap();
        for incoming in &batch {
            names.push(incoming.notification.event_type.clone());
            incoming.acknowledge().unwrap();
        }
        batch.len()
    };
    assert_eq!(take(3).await, 3);
    assert_eq!(started.elapsed(), Duration::ZERO, "full");
    assert_eq!(take(3).await, 2);
    assert_eq!(started.elapsed(), minute, "over");
    assert_eq!(take(3).await, 0);
    for number in 5..10 {
        notifier.info(&ctxt(), "more", &number).await.unwrap();
    }
    // More than the prefetch never comes without an acknowledgement.
    assert_eq!(take(100).await, 4);
    assert_eq!(started.elapsed(), 2 * minute);
    assert_eq!(take(0).await, 1);
    assert_eq!(
        names[..5],
        ["event-0", "event-1", "event-2", "event-3", "event-4"]
    );
}
