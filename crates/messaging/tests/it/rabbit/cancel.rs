//! Cancelling calls over a real broker: the messages it takes, and those that it does not.

use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::DriverRegistry;
use bergen_messaging::drivers::rabbit::{RabbitDriver, RabbitStats, RabbitTuning};
use bergen_messaging::rpc::{Arguments, Call, DynamicEndpoint, MethodError, RpcClient, RpcServer};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::{RpcTransport, TransportOptions};
use bergen_messaging::wire::Context;
use bergen_testbed::TestVhost;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, timeout};

use super::harness::{self, driver, tuned};

/// A transport over a driver whose counters the test can read.
pub(super) fn over(driver: &Arc<RabbitDriver>) -> RpcTransport {
    let mut registry = DriverRegistry::empty();
    let driver = Arc::clone(driver);
    registry.register("rabbit", move |_| Ok(Arc::clone(&driver) as Arc<_>));
    let options = TransportOptions::default().registry(registry);
    RpcTransport::new(options.url("rabbit://".parse().unwrap())).unwrap()
}

/// A server whose `heed` waits until its caller gives up and says when it saw that; `echo` answers at once, `work` after
/// so many milliseconds.
struct Heeding {
    driver: Arc<RabbitDriver>,
    server: RpcServer,
    began: UnboundedReceiver<()>,
    saw: UnboundedReceiver<Instant>,
}

impl Heeding {
    async fn start(url: &str) -> Self {
        let (begin, began) = mpsc::unbounded_channel();
        let (see, saw) = mpsc::unbounded_channel();
        let endpoint = DynamicEndpoint::new(EndpointTarget::new())
            .method("heed", move |call: Call| {
                let (begin, see) = (begin.clone(), see.clone());
                async move {
                    begin.send(()).unwrap();
                    call.cancellation.cancelled().await;
                    see.send(Instant::now()).unwrap();
                    Ok::<_, MethodError>(())
                }
            })
            .method("echo", |call: Call| async move {
                Ok::<_, MethodError>(call.arguments)
            })
            .method("work", |call: Call| async move {
                let ms: u64 = call.arguments.member("ms").unwrap().decode().unwrap();
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok::<_, MethodError>(ms)
            });
        let driver = driver(url);
        let server = RpcServer::builder(&over(&driver), ServerTarget::new("t", "s"))
            .endpoint(endpoint)
            .build();
        server.start().await.unwrap();
        Self {
            driver,
            server,
            began,
            saw,
        }
    }

    async fn saw(&mut self) -> Instant {
        let saw = timeout(Duration::from_secs(10), self.saw.recv()).await;
        saw.expect("the handler saw no cancel").unwrap()
    }

    async fn began(&mut self) {
        let began = timeout(Duration::from_secs(10), self.began.recv()).await;
        began.expect("the handler did not begin").unwrap();
    }
}

fn client(driver: &Arc<RabbitDriver>) -> RpcClient {
    RpcClient::new(&over(driver), ClientTarget::new("t"))
}

/// Waits until the driver's counters are as they should be.
async fn counted(driver: &RabbitDriver, what: &str, is_so: impl Fn(&RabbitStats) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so(&driver.stats()) {
        assert!(Instant::now() < deadline, "{what}: {:?}", driver.stats());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for the offer of a call, then gives it up and measures.
async fn give_up(server: &mut Heeding, driver: &Arc<RabbitDriver>) -> Duration {
    let call = tokio::spawn(client(driver).call::<()>(&Context::default(), "heed", &()));
    server.began().await;
    let offers = driver.stats().keep_alives;
    counted(driver, "an offer", |stats| stats.keep_alives > offers).await;
    let given_up = Instant::now();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    server.saw().await.duration_since(given_up)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_sees_within_100_ms_that_its_caller_gave_up() {
    let vhost = TestVhost::new("cancel-fast").await.unwrap();
    let mut server = Heeding::start(&vhost.url()).await;
    let caller = driver(&vhost.url());
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        slowest = slowest.max(give_up(&mut server, &caller).await);
    }
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
    counted(&caller, "confirmed cancels", |stats| {
        stats.cancels_sent == 5
    })
    .await;
    counted(&server.driver, "cancels for what runs", |stats| {
        stats.cancels_received == 5
    })
    .await;
    let there = server.driver.stats();
    assert_eq!((there.cancel_offers, there.unknown_cancels), (5, 0));
    assert_eq!(there.replies, 5, "the offers, and no answer");
    // The end of the handlers is counted when they have ended.
    server.server.stop().await.unwrap();
    server.server.wait().await.unwrap();
    assert_eq!(server.server.stats().cancelled, 5);
    assert_eq!(server.driver.stats().replies, 5);
    harness::close(&caller).await;
    harness::close(&server.driver).await;
}

#[tokio::test]
async fn a_call_given_up_before_the_offer_is_cancelled_by_the_offer() {
    let vhost = TestVhost::new("cancel-early").await.unwrap();
    let mut server = Heeding::start(&vhost.url()).await;
    let caller = driver(&vhost.url());
    let call = tokio::spawn(client(&caller).call::<()>(&Context::default(), "heed", &()));
    server.began().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    server.saw().await;
    assert_eq!(server.driver.stats().cancel_offers, 1);
    harness::close(&caller).await;
    harness::close(&server.driver).await;
}

#[tokio::test]
async fn a_call_whose_time_is_over_is_cancelled() {
    let vhost = TestVhost::new("cancel-late").await.unwrap();
    let mut server = Heeding::start(&vhost.url()).await;
    let caller = driver(&vhost.url());
    // One ends after the offer, the other before.
    for millis in [600, 100] {
        let timeout = Duration::from_millis(millis);
        let client = client(&caller).prepare().timeout(timeout);
        let ended = client.call::<()>(&Context::default(), "heed", &()).await;
        assert!(ended.unwrap_err().is_timeout());
        server.saw().await;
    }
    harness::close(&caller).await;
    harness::close(&server.driver).await;
}

#[tokio::test]
async fn short_calls_cost_no_message_more() {
    let vhost = TestVhost::new("cancel-short").await.unwrap();
    let server = Heeding::start(&vhost.url()).await;
    let caller = driver(&vhost.url());
    let client = client(&caller);
    for number in 0..100 {
        let sent = json!({"value": number});
        let echoed: Value = client
            .call(&Context::default(), "echo", &sent)
            .await
            .unwrap();
        assert_eq!(echoed, sent);
    }
    let (here, there) = (caller.stats(), server.driver.stats());
    assert_eq!(
        (there.requests, there.replies, there.cancel_offers),
        (100, 100, 0)
    );
    assert_eq!((here.keep_alives, here.unknown_replies), (0, 0));
    assert_eq!((here.cancels_sent, here.cancels_dropped), (0, 0));
    // A server that offers nothing has no queue for cancels either.
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let replies = queues
        .iter()
        .filter(|queue| queue["name"].as_str().unwrap().starts_with("reply_"))
        .count();
    assert_eq!(replies, 1);
    harness::close(&caller).await;
    harness::close(&server.driver).await;
}

#[tokio::test]
async fn a_long_call_that_is_answered_is_not_cancelled() {
    let vhost = TestVhost::new("cancel-none").await.unwrap();
    let server = Heeding::start(&vhost.url()).await;
    let caller = driver(&vhost.url());
    let monitored = client(&caller)
        .prepare()
        .call_monitor_timeout(Some(Duration::from_secs(2)));
    let arguments = Arguments::new().with("ms", &1_500).unwrap();
    let answered = monitored.call::<u64>(&Context::default(), "work", &arguments);
    assert_eq!(answered.await, Ok(1_500));
    assert_eq!(
        caller.stats().keep_alives,
        2,
        "the offer and one keep-alive"
    );
    assert_eq!(server.driver.stats().cancel_offers, 1);
    harness::close(&caller).await;
    harness::close(&server.driver).await;
    assert_eq!(
        caller.stats().cancels_sent + caller.stats().cancels_dropped,
        0
    );
    assert_eq!(server.driver.stats().cancels_received, 0);
}

#[tokio::test]
async fn a_monitored_call_whose_keep_alives_stop_is_cancelled() {
    let vhost = TestVhost::new("cancel-monitored").await.unwrap();
    let mut server = Heeding::start(&vhost.url()).await;
    let caller = driver(&vhost.url());
    // The server takes less than 2 s for no wish at all.
    let client = client(&caller)
        .prepare()
        .call_monitor_timeout(Some(Duration::from_millis(800)));
    let ended = client.call::<()>(&Context::default(), "heed", &()).await;
    assert!(ended.unwrap_err().is_timeout());
    server.saw().await;
    harness::close(&caller).await;
    harness::close(&server.driver).await;
}

#[tokio::test]
async fn a_caller_like_the_peer_is_offered_nothing() {
    let vhost = TestVhost::new("cancel-off").await.unwrap();
    let server = Heeding::start(&vhost.url()).await;
    let caller = tuned(&vhost.url(), RabbitTuning::like_the_peer());
    let arguments = Arguments::new().with("ms", &600).unwrap();
    let client = client(&caller);
    let answered = client.call::<u64>(&Context::default(), "work", &arguments);
    assert_eq!(answered.await, Ok(600));
    assert_eq!(server.driver.stats().cancel_offers, 0);
    assert_eq!(server.driver.stats().replies, 1);
    harness::close(&caller).await;
    harness::close(&server.driver).await;
}

#[tokio::test]
async fn cancels_of_what_does_not_run_are_counted_and_harm_nobody() {
    let vhost = TestVhost::new("cancel-unknown").await.unwrap();
    let mut server = Heeding::start(&vhost.url()).await;
    let caller = driver(&vhost.url());
    let call = tokio::spawn(client(&caller).call::<()>(&Context::default(), "heed", &()));
    server.began().await;
    counted(&caller, "an offer", |stats| stats.keep_alives == 1).await;
    // To the caller's reply queue and to the server's control queue: unknown ids, and what is none.
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let names = queues.iter().map(|queue| queue["name"].as_str().unwrap());
    for queue in names.filter(|name| name.starts_with("reply_")) {
        for id in ["0".repeat(32), "no id".to_owned()] {
            let body = json!({
                "result": null, "failure": null, "ending": false, "_msg_id": id,
                "_unique_id": "1", "_bergen_cancel": true,
            });
            publish(&vhost, queue, &body).await;
        }
    }
    counted(&server.driver, "cancels for nobody", |stats| {
        stats.unknown_cancels == 2
    })
    .await;
    counted(&caller, "cancels at a caller", |stats| {
        stats.unknown_cancels == 2
    })
    .await;
    assert_eq!(server.driver.stats().cancels_received, 0);
    assert!(!call.is_finished());
    call.abort();
    server.saw().await;
    harness::close(&caller).await;
    harness::close(&server.driver).await;
}

#[tokio::test]
async fn a_cancel_goes_to_reply_queues_only() {
    let vhost = TestVhost::new("cancel-hostile").await.unwrap();
    let serving = driver(&vhost.url());
    let target = ServerTarget::new("t", "s").into();
    let mut requests = over(&serving).listen(&target, 10).await.unwrap();
    let caller = driver(&vhost.url());
    let call = tokio::spawn(client(&caller).call::<()>(&Context::default(), "heed", &()));
    let request = requests.next().await.unwrap();
    request.acknowledge().unwrap();
    let body = json!({
        "result": null, "failure": null, "ending": false,
        "_msg_id": request.request.msg_id.as_deref(), "_unique_id": "1", "_bergen_control": "t",
    });
    publish(&vhost, request.request.reply_q.as_deref().unwrap(), &body).await;
    counted(&caller, "the offer", |stats| stats.keep_alives == 1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    // Closing sends what is still to be sent.
    harness::close(&caller).await;
    let stats = caller.stats();
    assert_eq!((stats.cancels_sent, stats.cancels_dropped), (0, 0));
    harness::close(&serving).await;
}

async fn publish(vhost: &TestVhost, queue: &str, body: &Value) {
    let properties = json!({"content_type": "application/json", "content_encoding": "utf-8"});
    let routed = vhost
        .management()
        .publish(
            vhost.name(),
            "amq.default",
            queue,
            properties,
            &body.to_string(),
        )
        .await
        .unwrap();
    assert!(routed);
}
