//! Notification listeners: what they leave on the broker, and connections that are cut under them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bergen_messaging::driver::BoxFuture;
use bergen_messaging::notify::{
    EndpointError, Handled, ListenTarget, ListenerBuilder, NotificationEndpoint,
    NotificationListener, Notifier, Poison, Priority, ReceivedEvent,
};
use bergen_messaging::transport::{NotificationTransport, TransportOptions};
use bergen_messaging::wire::Context;
use bergen_testbed::{FaultProxy, RabbitNode, TestVhost};
use serde_json::json;
use tokio::sync::watch;

use super::harness::*;
use super::recovery::cut_and_heal;

fn transport(url: &str) -> NotificationTransport {
    NotificationTransport::new(TransportOptions::default().url(url.parse().unwrap())).unwrap()
}

/// Counts what it is told, by event type; handles nothing before the gate is open, and no event called `bad`.
#[derive(Clone)]
struct Endpoint {
    told: Arc<Mutex<HashMap<String, usize>>>,
    gate: watch::Sender<bool>,
    takes: Duration,
}

impl Endpoint {
    fn new(open: bool) -> Self {
        Self {
            told: Arc::default(),
            gate: watch::channel(open).0,
            takes: Duration::ZERO,
        }
    }

    fn told(&self, event_type: &str) -> usize {
        let told = self.told.lock().unwrap();
        told.get(event_type).copied().unwrap_or_default()
    }

    async fn tell(&self, event: &ReceivedEvent) -> Result<Handled, EndpointError> {
        let event_type = event.notification().event_type.clone();
        *self
            .told
            .lock()
            .unwrap()
            .entry(event_type.clone())
            .or_default() += 1;
        let mut gate = self.gate.subscribe();
        gate.wait_for(|open| *open).await?;
        tokio::time::sleep(self.takes).await;
        if event_type == "bad" {
            return Err("not this one".into());
        }
        Ok(Handled::Done)
    }
}

impl NotificationEndpoint for Endpoint {
    fn priorities(&self) -> Vec<Priority> {
        vec![Priority::Info]
    }

    fn notify<'a>(
        &'a self,
        event: &'a ReceivedEvent,
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(self.tell(event))
    }
}

fn listening(transport: &NotificationTransport, endpoint: &Endpoint) -> ListenerBuilder {
    let targets = [ListenTarget::new("notifications")];
    NotificationListener::builder(transport, targets).endpoint(endpoint.clone())
}

async fn send(notifier: &Notifier, event_type: &str) {
    notifier
        .info(&Context::default(), event_type, &json!({"id": 1}))
        .await
        .unwrap();
}

/// Stops the listener; then nothing may be left in its queue.
async fn end_with_nothing_left(listener: NotificationListener, vhost: &TestVhost) {
    listener.stop();
    listener.wait().await.unwrap();
    let management = vhost.management();
    let left = management.take(vhost.name(), "notifications.info", 100);
    assert_eq!(left.await.unwrap().len(), 0);
}

#[tokio::test]
async fn dead_letters_wait_in_a_queue_of_their_own_and_say_why() {
    let vhost = TestVhost::new("listener-dead").await.unwrap();
    let transport = transport(&vhost.url());
    let poison = Poison::dead_letters("notifications.dead").attempts(2);
    let listening = listening(&transport, &Endpoint::new(true)).poison(poison);
    let listener = listening.start().await.unwrap();
    let notifier = Notifier::new(&transport, "compute.host-1");
    send(&notifier, "bad").await;
    send(&notifier, "good").await;
    until(|| {
        let stats = listener.stats();
        (stats.handled, stats.dead_lettered, stats.failures) == (1, 1, 2)
    })
    .await;
    end_with_nothing_left(listener, &vhost).await;
    let dead = vhost
        .management()
        .take(vhost.name(), "notifications.dead.info", 10)
        .await
        .unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].body.contains("not this one"), "{}", dead[0].body);
}

/// It was handed over again without a pause, as fast as the broker gave it back.
#[tokio::test]
async fn an_event_whose_dead_letter_can_not_be_published_comes_again_after_a_pause() {
    let vhost = TestVhost::new("listener-unburied").await.unwrap();
    let transport = transport(&vhost.url());
    let endpoint = Endpoint::new(true);
    // A name that no queue can have.
    let poison = Poison::dead_letters("x".repeat(300)).attempts(1);
    let listening = listening(&transport, &endpoint).poison(poison);
    let listener = listening.start().await.unwrap();
    let start = Instant::now();
    send(&Notifier::new(&transport, "compute.host-1"), "bad").await;
    until(|| endpoint.told("bad") >= 2).await;
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(listener.stats().dead_letter_failures > 0);
    listener.stop();
    listener.wait().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_decoded_is_rejected_and_a_message_sent_twice_is_handled_once() {
    let vhost = TestVhost::new("listener-copies").await.unwrap();
    let transport = transport(&vhost.url());
    let endpoint = Endpoint::new(true);
    let listener = listening(&transport, &endpoint).start().await.unwrap();
    let inner = json!({
        "message_id": "m", "publisher_id": "p", "event_type": "twice", "priority": "INFO", "payload": {},
        "timestamp": "2026-08-01 12:00:00.000001", "_unique_id": "0123456789abcdef0123456789abcdef",
    });
    let body = json!({"oslo.version": "2.0", "oslo.message": inner.to_string()}).to_string();
    let properties = json!({"content_type": "application/json", "content_encoding": "utf-8"});
    let management = vhost.management();
    for body in ["not a message", &body, "[]", &body] {
        let routed = management.publish(
            vhost.name(),
            EXCHANGE,
            "notifications.info",
            properties.clone(),
            body,
        );
        assert!(routed.await.unwrap());
    }
    until(|| (listener.stats().handled, listener.stats().duplicates) == (1, 1)).await;
    assert_eq!(endpoint.told("twice"), 1);
    end_with_nothing_left(listener, &vhost).await;
}

/// They were given back from the ninth on, to come again at once, as long as the event was at work.
#[tokio::test]
async fn copies_of_an_event_at_work_are_delivered_once_each() {
    let vhost = TestVhost::new("listener-many-copies").await.unwrap();
    let endpoint = Endpoint::new(false);
    let transport = transport(&vhost.url());
    let listener = listening(&transport, &endpoint).start().await.unwrap();
    let inner = json!({
        "message_id": "m", "publisher_id": "p", "event_type": "copied", "priority": "INFO", "payload": {},
        "timestamp": "2026-08-01 12:00:00.000001", "_unique_id": "0123456789abcdef0123456789abcdee",
    });
    let body = json!({"oslo.version": "2.0", "oslo.message": inner.to_string()}).to_string();
    let properties = json!({"content_type": "application/json", "content_encoding": "utf-8"});
    for _ in 0..20 {
        let routed = vhost.management().publish(
            vhost.name(),
            EXCHANGE,
            "notifications.info",
            properties.clone(),
            &body,
        );
        assert!(routed.await.unwrap());
    }
    until(|| listener.stats().duplicates >= 19).await;
    endpoint.gate.send_replace(true);
    until(|| listener.stats().handled == 1).await;
    assert_eq!(endpoint.told("copied"), 1);
    assert_eq!(listener.stats().duplicates, 19);
    end_with_nothing_left(listener, &vhost).await;
}

#[tokio::test]
async fn an_event_at_work_when_its_connection_is_cut_is_handled_once_and_acknowledged() {
    let vhost = TestVhost::new("listener-cut").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let endpoint = Endpoint::new(false);
    let proxied = transport(&through(&vhost.url(), &proxy));
    let listener = listening(&proxied, &endpoint).start().await.unwrap();
    send(
        &Notifier::new(&transport(&vhost.url()), "compute.host-1"),
        "a",
    )
    .await;
    until(|| endpoint.told("a") == 1).await;
    cut_and_heal(&proxy).await;
    until(|| listener.stats().duplicates == 1).await;
    endpoint.gate.send_replace(true);
    until(|| listener.stats().handled == 1).await;
    assert_eq!(endpoint.told("a"), 1);
    end_with_nothing_left(listener, &vhost).await;
}

/// How many events a load has, and after how many of them something happens to it.
const LOAD: usize = 2_000;
const STEP: usize = 400;

/// Sends them all, sixteen at a time; says which are confirmed.
fn load(notifier: &Notifier) -> watch::Receiver<HashSet<usize>> {
    let (confirmed, watched) = watch::channel(HashSet::new());
    for lane in 0..16 {
        let (notifier, confirmed) = (notifier.clone(), confirmed.clone());
        tokio::spawn(async move {
            for number in (lane..LOAD).step_by(16) {
                send(&notifier, &format!("event.{number}")).await;
                confirmed.send_modify(|confirmed| {
                    confirmed.insert(number);
                });
            }
        });
    }
    watched
}

async fn reach(watched: &mut watch::Receiver<HashSet<usize>>, count: usize) {
    let reached = watched.wait_for(|confirmed| confirmed.len() >= count);
    let reached = tokio::time::timeout(Duration::from_mins(1), reached).await;
    reached.expect("the load stands still").unwrap();
}

/// Waits until each event of the load was handled; yields how many were handled more than once.
async fn all_handled(endpoint: &Endpoint) -> usize {
    until(|| endpoint.told.lock().unwrap().len() == LOAD).await;
    let told = endpoint.told.lock().unwrap();
    told.values().filter(|count| **count > 1).count()
}

#[tokio::test]
async fn cut_connections_under_load_lose_no_confirmed_event_and_run_none_twice() {
    let vhost = TestVhost::new("listener-load").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    let mut endpoint = Endpoint::new(true);
    endpoint.takes = Duration::from_millis(2);
    let url = format!(
        "{}?kombu_reconnect_delay=0.1",
        through(&vhost.url(), &proxy)
    );
    let listening = listening(&transport(&url), &endpoint).limit(4);
    let listener = listening.start().await.unwrap();
    let notifier = Notifier::new(&transport(&vhost.url()), "compute.host-1");
    let mut confirmed = load(&notifier);
    for count in (STEP..LOAD).step_by(STEP) {
        until(|| endpoint.told.lock().unwrap().len() >= count).await;
        cut_and_heal(&proxy).await;
    }
    reach(&mut confirmed, LOAD).await;
    assert_eq!(all_handled(&endpoint).await, 0, "{:?}", listener.stats());
    assert_eq!(
        proxy.accepted(),
        LOAD / STEP,
        "one connection after each cut"
    );
    assert!(listener.stats().duplicates > 0, "{:?}", listener.stats());
    end_with_nothing_left(listener, &vhost).await;
}

#[tokio::test]
async fn a_broker_killed_under_load_loses_no_confirmed_event_with_durable_queues() {
    let mut node = RabbitNode::start_default().await.unwrap();
    let url = format!(
        "{}?amqp_durable_queues=true&kombu_reconnect_delay=0.1",
        node.url("/")
    );
    let endpoint = Endpoint::new(true);
    let transport = transport(&url);
    let listener = listening(&transport, &endpoint).start().await.unwrap();
    let notifier = Notifier::new(&transport, "compute.host-1");
    let mut confirmed = load(&notifier);
    reach(&mut confirmed, STEP).await;
    node.kill().await.unwrap();
    node.start().await.unwrap();
    reach(&mut confirmed, LOAD).await;
    let twice = all_handled(&endpoint).await;
    // Publishers send again what was not confirmed, as messages of their own: one for each that waits.
    assert!(twice <= 16, "{twice} ran twice: {:?}", listener.stats());
    listener.stop();
    listener.wait().await.unwrap();
}

/// The peer's default: queues that die with their broker.
#[tokio::test]
async fn a_broker_killed_under_load_takes_only_what_it_held_in_queues_that_are_not_durable() {
    const PREFETCH: u16 = 32;
    let mut node = RabbitNode::start_default().await.unwrap();
    let url = format!("{}?kombu_reconnect_delay=0.1", node.url("/"));
    let endpoint = Endpoint::new(false);
    let transport = transport(&url);
    let listening = listening(&transport, &endpoint).prefetch(PREFETCH);
    let listener = listening.start().await.unwrap();
    let notifier = Notifier::new(&transport, "compute.host-1");
    let mut confirmed = load(&notifier);
    reach(&mut confirmed, STEP).await;
    node.kill().await.unwrap();
    let before = confirmed.borrow().clone();
    endpoint.gate.send_replace(true);
    node.start().await.unwrap();
    reach(&mut confirmed, LOAD).await;
    let is_lost = |number: &usize| endpoint.told(&format!("event.{number}")) == 0;
    until(|| !(0..LOAD).any(|number| !before.contains(&number) && is_lost(&number))).await;
    let lost = before.iter().filter(|number| is_lost(number)).count();
    // What the listener had been given by then is safe with it; the rest was with the broker alone.
    let least = before.len() - usize::from(PREFETCH);
    assert!(lost >= least, "{lost} of {} lost", before.len());
    println!(
        "{lost} of {LOAD} lost, of {} confirmed before the kill",
        before.len()
    );
    listener.stop();
    listener.wait().await.unwrap();
}
