//! Our notification listener beside the notifier and the listener of Python.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bergen::driver::BoxFuture;
use bergen::notify::{
    BatchOptions, EndpointError, Filter, Handled, ListenTarget, ListenerBuilder,
    NotificationEndpoint, NotificationListener, Priority, ReceivedEvent,
};
use bergen::transport::{NotificationTransport, TransportOptions};
use bergen_testbed::{PythonPeer, TestVhost};
use serde_json::{Value, json};

use crate::support::eventually;

const TOPIC: &str = "notifications";

/// Remembers what it is told.
#[derive(Clone)]
struct Endpoint {
    filter: Option<Filter>,
    answer: Handled,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Endpoint {
    fn new(answer: Handled) -> Self {
        Self {
            filter: None,
            answer,
            told: Arc::default(),
        }
    }

    /// What it was told, by event type.
    fn told(&self) -> Vec<Value> {
        let mut told = self.told.lock().unwrap().clone();
        told.sort_by_key(|event| event["event_type"].to_string());
        told
    }

    async fn wait_for(&self, count: usize) {
        eventually("the notifications", async || self.told().len() == count).await;
    }
}

impl NotificationEndpoint for Endpoint {
    fn priorities(&self) -> Vec<Priority> {
        vec![Priority::Info, Priority::Error]
    }

    fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    fn notify<'a>(
        &'a self,
        event: &'a ReceivedEvent,
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(async move {
            let notification = event.notification();
            let told = json!({
                "priority": event.priority().lower(),
                "publisher_id": notification.publisher_id,
                "event_type": notification.event_type,
                "payload": notification.payload.decode::<Value>()?,
                "project": notification.context.get::<Value>("project_id")?,
            });
            self.told.lock().unwrap().push(told);
            Ok(self.answer)
        })
    }
}

fn transport(vhost: &TestVhost) -> NotificationTransport {
    let options = TransportOptions::default().url(vhost.url().parse().unwrap());
    NotificationTransport::new(options).unwrap()
}

fn listening(vhost: &TestVhost, endpoint: &Endpoint) -> ListenerBuilder {
    NotificationListener::builder(&transport(vhost), [ListenTarget::new(TOPIC)])
        .endpoint(endpoint.clone())
}

async fn notify(python: &PythonPeer, event_type: &str, priority: &str, driver: &str) {
    let answer = python.request(json!({
        "op": "notify", "publisher_id": "compute.host-1", "event_type": event_type, "priority": priority,
        "driver": driver, "payload": {"state": "active", "size": 4}, "ctxt": {"project_id": "p1"},
    }));
    let answer = answer.await.unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
}

#[tokio::test]
async fn events_of_python_in_either_format_reach_filters_and_pools() {
    let vhost = TestVhost::new("listener-python").await.unwrap();
    let all = Endpoint::new(Handled::Done);
    let mut active = Endpoint::new(Handled::Done);
    let filter = Filter::default().event_type(r"compute\..*\.end$").unwrap();
    active.filter = Some(filter.payload("state", "^act").unwrap());
    let listener = listening(&vhost, &all).endpoint(active.clone());
    let listener = listener.start().await.unwrap();
    let pooled = Endpoint::new(Handled::Done);
    let pool = listening(&vhost, &pooled).pool("meters").start();
    let pool = pool.await.unwrap();
    let peer = json!({"url": vhost.url(), "topic": TOPIC});
    let python = PythonPeer::start("notifications.py", &peer).await.unwrap();
    notify(&python, "compute.create.end", "info", "messagingv2").await;
    notify(&python, "compute.create.failed", "error", "messaging").await;
    notify(&python, "compute.unheard", "debug", "messagingv2").await;
    for endpoint in [&all, &pooled] {
        endpoint.wait_for(2).await;
        let event = |event_type: &str, priority: &str| {
            json!({
                "priority": priority, "publisher_id": "compute.host-1", "event_type": event_type,
                "payload": {"state": "active", "size": 4}, "project": "p1",
            })
        };
        let expected = [
            event("compute.create.end", "info"),
            event("compute.create.failed", "error"),
        ];
        assert_eq!(endpoint.told(), expected);
    }
    active.wait_for(1).await;
    assert_eq!(active.told()[0]["event_type"], "compute.create.end");
    eventually("acknowledgements", async || listener.stats().handled == 2).await;
    for listener in [listener, pool] {
        listener.stop();
        listener.wait().await.unwrap();
    }
    for (queue, left) in [
        ("notifications.info", 0),
        ("notifications.error", 0),
        ("notifications.debug", 1),
    ] {
        let found = vhost
            .management()
            .take(vhost.name(), queue, 10)
            .await
            .unwrap();
        assert_eq!(found.len(), left, "{queue}");
    }
    python.stop().await.unwrap();
}

#[tokio::test]
async fn events_of_python_come_in_batches_of_one_priority_and_again_if_given_back() {
    let vhost = TestVhost::new("listener-batches").await.unwrap();
    let endpoint = Batches::default();
    let transport = transport(&vhost);
    let targets = [ListenTarget::new(TOPIC)];
    let listener = NotificationListener::builder(&transport, targets)
        .endpoint(endpoint.clone())
        .pool("batches")
        .allow_requeue()
        .batch(BatchOptions {
            size: 5,
            within: Duration::from_millis(500),
        });
    let listener = listener.start().await.unwrap();
    let peer = json!({"url": vhost.url(), "topic": TOPIC});
    let python = PythonPeer::start("notifications.py", &peer).await.unwrap();
    for (event_type, priority, driver) in [
        ("a", "info", "messagingv2"),
        ("b", "error", "messaging"),
        ("c", "info", "messaging"),
        ("d", "error", "messagingv2"),
        ("e", "info", "messagingv2"),
    ] {
        notify(&python, event_type, priority, driver).await;
    }
    eventually("all handled", async || listener.stats().handled == 5).await;
    let mut told = endpoint.0.lock().unwrap().clone();
    told.sort();
    let batches = [
        ("error", vec!["b", "d"]),
        ("error", vec!["b", "d"]),
        ("info", vec!["a", "c", "e"]),
    ];
    let owned = |(priority, events): (&str, Vec<&str>)| {
        let events = events.into_iter().map(str::to_owned).collect::<Vec<_>>();
        (priority.to_owned(), events)
    };
    assert_eq!(told, batches.map(owned));
    assert_eq!(listener.stats().requeued, 2);
    listener.stop();
    listener.wait().await.unwrap();
    python.stop().await.unwrap();
}

/// The priority of a batch, and the types of its events.
type Batch = (String, Vec<String>);

/// Remembers the batches that it is told of, and gives each of errors back once.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<Batch>>>);

impl NotificationEndpoint for Batches {
    fn priorities(&self) -> Vec<Priority> {
        vec![Priority::Info, Priority::Error]
    }

    fn notify<'a>(
        &'a self,
        event: &'a ReceivedEvent,
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(async move { Err(format!("{event:?} came alone").into()) })
    }

    fn notify_batch<'a>(
        &'a self,
        events: &'a [&'a ReceivedEvent],
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(async move {
            let priority = events[0].priority();
            let event_type = |event: &&ReceivedEvent| event.notification().event_type.clone();
            let event_types = events.iter().map(event_type).collect();
            let told = (priority.lower().to_owned(), event_types);
            self.0.lock().unwrap().push(told);
            let again = priority == Priority::Error && !events[0].redelivered();
            Ok(if again {
                Handled::Requeue
            } else {
                Handled::Done
            })
        })
    }
}

#[tokio::test]
async fn what_our_listener_gives_back_goes_to_a_listener_of_python() {
    let vhost = TestVhost::new("listener-requeue").await.unwrap();
    let ours = Endpoint::new(Handled::Requeue);
    let listener = listening(&vhost, &ours)
        .allow_requeue()
        .start()
        .await
        .unwrap();
    let options = json!({"url": vhost.url(), "topic": TOPIC, "listen": ["info"]});
    let python = PythonPeer::start("notifications.py", &options)
        .await
        .unwrap();
    for number in 0..10 {
        notify(&python, &format!("event.{number}"), "info", "messagingv2").await;
    }
    let heard =
        async || python.request(json!({"op": "heard"})).await.unwrap()["notifications"].clone();
    eventually("ten notifications", async || {
        heard().await.as_array().unwrap().len() == 10
    })
    .await;
    let stats = listener.stats();
    assert!(stats.requeued > 0, "none came to ours first: {stats:?}");
    assert_eq!(stats.handled, 0);
    listener.stop();
    listener.wait().await.unwrap();
    python.stop().await.unwrap();
}
