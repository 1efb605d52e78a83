//! A broker in memory, and a driver for it that is registered like any program's own.
//!
//! It keeps queues, prefetch, acknowledgements and redelivery, and can be told to fail.

mod consumer;
mod driver;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bergen_messaging::driver::{
    Admission, CallReply, Cancellation, DriverConfig, DriverRegistry, IncomingRequest, ListenError,
    RequestSink,
};
use bergen_messaging::target::Target;
use bergen_messaging::transport::{NotificationTransport, RpcTransport, TransportOptions};
use bergen_messaging::wire::{
    CallIds, Charset, Id, Limits, MessageProperties, OutgoingRequest, RequestIds, decode_request,
    encode_request,
};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use consumer::Handle;
use driver::BusDriver;

/// The broker.
#[derive(Default)]
pub(crate) struct Bus {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: HashMap<String, VecDeque<Message>>,
    consumers: Vec<Consumer>,
    next_id: u64,
    failing_listens: VecDeque<ListenError>,
    closed: usize,
    listens: usize,
    deliveries: usize,
    lacks: Lacks,
    callers_are_away: bool,
}

/// What the driver can't do.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Lacks {
    #[default]
    Nothing,
    Requeue,
    Rpc,
}

struct Consumer {
    id: u64,
    queues: Vec<String>,
    sink: Sink,
    prefetch: usize,
    unacknowledged: HashMap<u64, (String, Message)>,
    stopped: bool,
    broken: watch::Sender<Option<ListenError>>,
}

#[derive(Clone)]
enum Sink {
    Requests(Arc<dyn RequestSink>),
    Notifications(Arc<dyn bergen_messaging::driver::NotificationSink>),
}

/// One message in a queue.
#[derive(Clone)]
struct Message {
    body: bytes::Bytes,
    deadline: Option<Instant>,
    redelivered: bool,
    answers: Option<mpsc::UnboundedSender<Answer>>,
}

/// What comes back to a caller.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// The end of the call.
    Reply(CallReply),
    /// Still at work.
    KeepAlive,
    /// Still at work, and this is how to stop it.
    Cancellable(Stop),
}

/// What a caller that was told how to cancel has in its hand.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) Cancellation);

impl PartialEq for Stop {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

impl Bus {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A registry in which the scheme `bus` leads here.
    pub(crate) fn registry(self: &Arc<Self>) -> DriverRegistry {
        let mut registry = DriverRegistry::empty();
        let bus = Arc::clone(self);
        registry.register("bus", move |_: DriverConfig| {
            Ok(Arc::new(BusDriver::new(Arc::clone(&bus)))
                as Arc<dyn bergen_messaging::driver::Driver>)
        });
        registry
    }

    pub(crate) fn options(self: &Arc<Self>) -> TransportOptions {
        TransportOptions::default()
            .registry(self.registry())
            .url("bus://".parse().unwrap())
    }

    pub(crate) fn transport(self: &Arc<Self>) -> RpcTransport {
        RpcTransport::new(self.options()).unwrap()
    }

    pub(crate) fn notification_transport(self: &Arc<Self>) -> NotificationTransport {
        NotificationTransport::new(self.options()).unwrap()
    }

    /// The next attempts to listen fail with these errors.
    pub(crate) fn fail_listens(&self, errors: impl IntoIterator<Item = ListenError>) {
        self.state.lock().unwrap().failing_listens.extend(errors);
    }

    /// Takes every consumer away, as a broker that closes the channel and a driver that gives up; what was not
    /// acknowledged goes back.
    pub(crate) fn break_consumers(&self, error: &ListenError) {
        let mut state = self.state.lock().unwrap();
        for consumer in std::mem::take(&mut state.consumers) {
            state.take_back(&consumer);
            consumer.broken.send_replace(Some(error.clone()));
        }
    }

    /// Loses the connection and gets another one: what was not acknowledged is delivered again to whoever listens.
    pub(crate) fn reconnect(self: &Arc<Self>) {
        let mut state = self.state.lock().unwrap();
        let mut consumers = std::mem::take(&mut state.consumers);
        for consumer in &mut consumers {
            state.take_back(consumer);
            consumer.unacknowledged.clear();
        }
        state.consumers = consumers;
        drop(state);
        self.pump();
    }

    /// Answers and keep-alives find no queue, until the callers are back.
    pub(crate) fn callers_are_away(&self, away: bool) {
        self.state.lock().unwrap().callers_are_away = away;
    }

    /// Takes an ability from the drivers that are made from now on.
    pub(crate) fn take_away(&self, ability: Lacks) {
        self.state.lock().unwrap().lacks = ability;
    }

    /// How many messages wait in a queue.
    pub(crate) fn waiting(&self, queue: &str) -> usize {
        self.state
            .lock()
            .unwrap()
            .queues
            .get(queue)
            .map_or(0, VecDeque::len)
    }

    /// How many messages are handed over and not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        let state = self.state.lock().unwrap();
        state
            .consumers
            .iter()
            .map(|consumer| consumer.unacknowledged.len())
            .sum()
    }

    /// How often a message was handed over.
    pub(crate) fn deliveries(&self) -> usize {
        self.state.lock().unwrap().deliveries
    }

    /// How many consumers there are.
    pub(crate) fn consumers(&self) -> usize {
        self.state.lock().unwrap().consumers.len()
    }

    /// How often a driver was asked to listen, successfully or not.
    pub(crate) fn listens(&self) -> usize {
        self.state.lock().unwrap().listens
    }

    /// How often a driver was closed.
    pub(crate) fn closed(&self) -> usize {
        self.state.lock().unwrap().closed
    }

    /// Publishes a request as a peer would, with an id of the test's choice, and yields its answers.
    pub(crate) fn publish(
        self: &Arc<Self>,
        queue: &str,
        request: &OutgoingRequest,
        unique_id: Id,
        deadline: Option<Instant>,
    ) -> mpsc::UnboundedReceiver<Answer> {
        let ids = RequestIds {
            unique_id,
            call: Some(CallIds {
                msg_id: Id::new(),
                reply_q: "reply_test",
                cancel: false,
            }),
        };
        self.publish_body(
            queue,
            encode_request(request, &ids, Charset::Ascii),
            deadline,
        )
    }

    /// Publishes a call of somebody who understands how to cancel it.
    pub(crate) fn publish_cancellable(
        self: &Arc<Self>,
        queue: &str,
        request: &OutgoingRequest,
    ) -> mpsc::UnboundedReceiver<Answer> {
        let ids = RequestIds {
            unique_id: Id::new(),
            call: Some(CallIds {
                msg_id: Id::new(),
                reply_q: "reply_test",
                cancel: true,
            }),
        };
        let body = encode_request(request, &ids, Charset::Ascii);
        self.publish_body(queue, body, None)
    }

    /// Publishes whatever a peer may send, and yields what comes back.
    pub(crate) fn publish_body(
        self: &Arc<Self>,
        queue: &str,
        body: bytes::Bytes,
        deadline: Option<Instant>,
    ) -> mpsc::UnboundedReceiver<Answer> {
        let (answers, receiver) = mpsc::unbounded_channel();
        let message = Message {
            body,
            deadline,
            redelivered: false,
            answers: Some(answers),
        };
        self.enqueue(queue, message);
        receiver
    }

    fn enqueue(self: &Arc<Self>, queue: &str, message: Message) {
        self.state
            .lock()
            .unwrap()
            .queues
            .entry(queue.to_owned())
            .or_default()
            .push_back(message);
        self.pump();
    }

    /// Hands over what consumers have room for.
    fn pump(self: &Arc<Self>) {
        loop {
            // Sinks are called without the lock: they may acknowledge at once.
            let Some((queue, message, consumer, tag, sink)) = self.state.lock().unwrap().next()
            else {
                return;
            };
            let handle = Handle::new(self, consumer, tag, queue, message.answers.clone());
            let admission = match sink {
                Sink::Requests(sink) => {
                    let request = decode_request(
                        &message.body,
                        &MessageProperties::json(),
                        &Limits::default(),
                    );
                    let incoming = IncomingRequest::new(request.unwrap(), Arc::new(handle))
                        .with_deadline(message.deadline)
                        .with_redelivered(message.redelivered);
                    sink.request(incoming)
                }
                Sink::Notifications(sink) => sink.notification(handle.notification(&message.body)),
            };
            if admission == Admission::Taken {
                self.state.lock().unwrap().settle(consumer, tag);
            }
        }
    }
}

impl State {
    /// The next message for which a consumer has room.
    fn next(&mut self) -> Option<(String, Message, u64, u64, Sink)> {
        let Self {
            queues,
            consumers,
            next_id,
            deliveries,
            ..
        } = self;
        for (queue, messages) in queues
            .iter_mut()
            .filter(|(_, messages)| !messages.is_empty())
        {
            let ready = consumers.iter().position(|consumer| {
                !consumer.stopped
                    && consumer.queues.contains(queue)
                    && consumer.unacknowledged.len() < consumer.prefetch
            });
            let Some(ready) = ready else { continue };
            let message = messages.pop_front()?;
            *next_id += 1;
            *deliveries += 1;
            assert!(*deliveries < 100_000, "a message goes round in circles");
            // The last shall be first: round robin.
            let mut consumer = consumers.remove(ready);
            consumer
                .unacknowledged
                .insert(*next_id, (queue.clone(), message.clone()));
            let (id, sink) = (consumer.id, consumer.sink.clone());
            consumers.push(consumer);
            return Some((queue.clone(), message, id, *next_id, sink));
        }
        None
    }

    /// Forgets an unacknowledged message; false if its consumer is gone.
    fn settle(&mut self, consumer: u64, tag: u64) -> bool {
        let consumer = self.consumers.iter_mut().find(|known| known.id == consumer);
        consumer.is_some_and(|consumer| consumer.unacknowledged.remove(&tag).is_some())
    }

    /// Puts what a consumer had not acknowledged back into the queues.
    fn take_back(&mut self, consumer: &Consumer) {
        let mut tags: Vec<_> = consumer.unacknowledged.keys().copied().collect();
        tags.sort_unstable_by(|a, b| b.cmp(a));
        for tag in tags {
            let (queue, mut message) = consumer.unacknowledged[&tag].clone();
            message.redelivered = true;
            self.queues.entry(queue).or_default().push_front(message);
        }
    }
}

/// The queue that a target's messages go to, without fanout.
fn queue_name(target: &Target) -> String {
    let topic = target.topic.as_deref().unwrap();
    match &target.server {
        Some(server) => format!("{topic}.{server}"),
        None => topic.to_owned(),
    }
}
