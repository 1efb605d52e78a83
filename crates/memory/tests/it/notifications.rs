//! Notifications through a listener, with the clock stopped.

mod batches;
mod handling;
mod options;
mod order;
mod poison;
mod serializers;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bergen_messaging::driver::{BoxFuture, NotifyOptions};
use bergen_messaging::notify::{
    EndpointError, Filter, Handled, ListenTarget, ListenerBuilder, Notification,
    NotificationEndpoint, NotificationListener, Priority, ReceivedEvent,
};
use bergen_messaging::target::Target;
use bergen_messaging::transport::NotificationTransport;
use bergen_messaging::wire::RawJson;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// What an endpoint was told.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    event_types: Vec<String>,
    priority: Priority,
    redelivered: bool,
    at: Instant,
}

type Answer = dyn Fn(&ReceivedEvent, usize) -> Result<Handled, EndpointError> + Send + Sync;

/// Tells the test what it is told, and answers as the test says; the number is how often it was asked before.
struct Endpoint {
    priorities: Vec<Priority>,
    filter: Option<Filter>,
    takes: Duration,
    asked: AtomicUsize,
    answer: Box<Answer>,
    told: mpsc::UnboundedSender<Told>,
}

impl Endpoint {
    fn new(priorities: &[Priority]) -> (Self, mpsc::UnboundedReceiver<Told>) {
        let (told, hear) = mpsc::unbounded_channel();
        let endpoint = Self {
            priorities: priorities.to_vec(),
            filter: None,
            takes: Duration::ZERO,
            asked: AtomicUsize::new(0),
            answer: Box::new(|_, _| Ok(Handled::Done)),
            told,
        };
        (endpoint, hear)
    }

    fn answers(
        mut self,
        answer: impl Fn(&ReceivedEvent, usize) -> Result<Handled, EndpointError> + Send + Sync + 'static,
    ) -> Self {
        self.answer = Box::new(answer);
        self
    }

    async fn ask(&self, events: &[&ReceivedEvent]) -> Result<Handled, EndpointError> {
        let name = |event: &&ReceivedEvent| event.notification().event_type.clone();
        let told = Told {
            event_types: events.iter().map(name).collect(),
            priority: events[0].priority(),
            redelivered: events[0].redelivered(),
            at: Instant::now(),
        };
        self.told.send(told).unwrap();
        sleep(self.takes).await;
        let before = self.asked.fetch_add(1, Ordering::Relaxed);
        for event in events {
            if (self.answer)(event, before)? == Handled::Requeue {
                return Ok(Handled::Requeue);
            }
        }
        Ok(Handled::Done)
    }
}

impl NotificationEndpoint for Endpoint {
    fn priorities(&self) -> Vec<Priority> {
        self.priorities.clone()
    }

    fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    fn notify<'a>(
        &'a self,
        event: &'a ReceivedEvent,
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(async move { self.ask(&[event]).await })
    }

    fn notify_batch<'a>(
        &'a self,
        events: &'a [&'a ReceivedEvent],
    ) -> BoxFuture<'a, Result<Handled, EndpointError>> {
        Box::pin(self.ask(events))
    }
}

fn builder(transport: &NotificationTransport) -> ListenerBuilder {
    NotificationListener::builder(transport, [ListenTarget::new("t")])
}

fn event(event_type: &str, priority: Priority) -> Notification {
    let payload = RawJson::parse(r#"{"id": 12}"#).unwrap();
    Notification::new("compute.host-1", event_type, priority, payload)
}

async fn send(transport: &NotificationTransport, event: &Notification) {
    send_to(transport, "t", &event.priority.to_lowercase(), event).await;
}

async fn send_to(
    transport: &NotificationTransport,
    topic: &str,
    priority: &str,
    event: &Notification,
) {
    let target = Target::default().with_topic(topic);
    transport
        .send_notification(&target, priority, event, NotifyOptions::default())
        .await
        .unwrap();
}

/// Sends these, all with this priority.
async fn send_all(transport: &NotificationTransport, event_types: &[&str], priority: Priority) {
    for event_type in event_types {
        send(transport, &event(event_type, priority)).await;
    }
}

async fn next(hear: &mut mpsc::UnboundedReceiver<Told>) -> Told {
    let told = timeout(Duration::from_mins(10), hear.recv()).await;
    told.expect("nobody was told").unwrap()
}

async fn next_type(hear: &mut mpsc::UnboundedReceiver<Told>) -> String {
    next(hear).await.event_types.join(",")
}

/// Waits, on the stopped clock, until this is so.
async fn until(listener: &NotificationListener, so: impl Fn(&NotificationListener) -> bool) {
    let waiting = async {
        while !so(listener) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = timeout(Duration::from_mins(10), waiting).await;
    assert!(waited.is_ok(), "{:?}", listener.stats());
}

async fn end(listener: NotificationListener) {
    listener.stop();
    listener.wait().await.unwrap();
}

/// Takes whatever is left in the queue of the topic and priority; yields the types of the events.
async fn left(transport: &NotificationTransport, topic: &str, priority: &str) -> Vec<Notification> {
    let pairs = [(Target::default().with_topic(topic), priority.to_owned())];
    let mut listening = transport.listen(&pairs, None, 100).await.unwrap();
    let mut found = Vec::new();
    while let Ok(incoming) = timeout(Duration::from_secs(1), listening.next()).await {
        let incoming = incoming.unwrap();
        incoming.acknowledge().unwrap();
        found.push(incoming.notification.clone());
    }
    listening.close().await;
    found
}

fn refused() -> Result<Handled, EndpointError> {
    Err("the database is on strike".into())
}
