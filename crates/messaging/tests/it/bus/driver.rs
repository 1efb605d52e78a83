//! The driver: what a program would write to bring its own broker.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::{
    BoxFuture, CallOptions, CallReply, Capabilities, CastOptions, Driver, ListenError,
    ListenOptions, Listener, NotificationSink, NotifyOptions, RequestSink, SendError, Timeout,
};
use bergen_messaging::notify::Notification;
use bergen_messaging::target::Target;
use bergen_messaging::wire::{CallIds, Charset, Id, OutgoingRequest, RequestIds, encode_request};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::consumer::BusListener;
use super::{Answer, Bus, Consumer, Lacks, Message, Sink, Stop, queue_name};

pub(crate) struct BusDriver {
    bus: Arc<Bus>,
}

impl BusDriver {
    pub(crate) fn new(bus: Arc<Bus>) -> Self {
        Self { bus }
    }

    /// Puts a message where the target says; an error if no such queue exists.
    fn route(&self, target: &Target, message: &Message) -> Result<(), SendError> {
        let queue = queue_name(target);
        let fanout = format!("{}_fanout_", target.topic.as_deref().unwrap());
        let queues: Vec<String> = {
            let state = self.bus.state.lock().unwrap();
            let known = state.queues.keys();
            if target.fanout {
                known
                    .filter(|known| known.starts_with(&fanout))
                    .cloned()
                    .collect()
            } else {
                known.filter(|known| **known == queue).cloned().collect()
            }
        };
        if queues.is_empty() && !target.fanout {
            let exchange = target.exchange.clone().unwrap();
            return Err(SendError::NoServer {
                exchange,
                routing_key: queue,
            });
        }
        for queue in &queues {
            self.bus.enqueue(queue, message.clone());
        }
        Ok(())
    }

    fn consume(
        &self,
        queues: impl FnOnce(u64) -> Vec<String>,
        prefetch: u16,
        sink: Sink,
    ) -> Result<Box<dyn Listener>, ListenError> {
        let mut state = self.bus.state.lock().unwrap();
        state.listens += 1;
        if let Some(error) = state.failing_listens.pop_front() {
            return Err(error);
        }
        state.next_id += 1;
        let consumer = state.next_id;
        let queues = queues(consumer);
        for queue in &queues {
            state.queues.entry(queue.clone()).or_default();
        }
        let (broken, receiver) = watch::channel(None);
        state.consumers.push(Consumer {
            id: consumer,
            queues,
            sink,
            prefetch: prefetch.into(),
            unacknowledged: HashMap::new(),
            stopped: false,
            broken,
        });
        drop(state);
        self.bus.pump();
        let bus = Arc::clone(&self.bus);
        Ok(Box::new(BusListener {
            bus,
            consumer,
            broken: receiver,
        }))
    }
}

impl Driver for BusDriver {
    fn capabilities(&self) -> Capabilities {
        let lacks = self.bus.state.lock().unwrap().lacks;
        let mut capabilities = Capabilities::all();
        capabilities.requeue = lacks != Lacks::Requeue;
        capabilities.rpc = lacks != Lacks::Rpc;
        capabilities
    }

    fn call<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<CallReply, SendError>> {
        Box::pin(async move {
            let started = Instant::now();
            let msg_id = Id::new();
            let call = CallIds {
                msg_id,
                reply_q: "reply_test",
                cancel: true,
            };
            let ids = RequestIds {
                unique_id: Id::new(),
                call: Some(call),
            };
            let (answers, mut receiver) = mpsc::unbounded_channel();
            let body = encode_request(request, &ids, Charset::Utf8);
            let deadline = Some(options.deadline);
            let message = Message {
                body,
                deadline,
                redelivered: false,
                answers: Some(answers),
            };
            self.route(target, &message)?;
            drop(message);
            let mut cancel = CancelOnDrop(None);
            loop {
                let monitor = request.monitor.unwrap_or(Duration::from_hours(1));
                let until = options.deadline.min(Instant::now() + monitor);
                match tokio::time::timeout_at(until, receiver.recv()).await {
                    Ok(Some(Answer::Reply(reply))) => {
                        cancel.0 = None;
                        return Ok(reply);
                    }
                    Ok(Some(Answer::Cancellable(handle))) => cancel.0 = Some(handle),
                    Ok(Some(Answer::KeepAlive)) => {}
                    // Dropped unanswered: a real caller would not learn of it either.
                    Ok(None) => tokio::time::sleep_until(until).await,
                    Err(_) => {
                        let mut timeout = Timeout::new(msg_id.to_string(), started.elapsed());
                        timeout.keep_alives_stopped = until < options.deadline;
                        return Err(timeout.into());
                    }
                }
            }
        })
    }

    fn cast<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CastOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let ids = RequestIds {
                unique_id: Id::new(),
                call: None,
            };
            let body = encode_request(request, &ids, Charset::Utf8);
            let message = Message {
                body,
                deadline: None,
                redelivered: false,
                answers: None,
            };
            match self.route(target, &message) {
                Err(SendError::NoServer { .. }) if !options.at_least_once => Ok(()),
                Err(SendError::NoServer {
                    exchange,
                    routing_key,
                }) => Err(SendError::Undeliverable {
                    exchange,
                    routing_key,
                }),
                other => other,
            }
        })
    }

    fn send_notification<'a>(
        &'a self,
        target: &'a Target,
        priority: &'a str,
        notification: &'a Notification,
        options: NotifyOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let queue = format!("{}.{priority}", target.topic.as_deref().unwrap());
            let body = notification.encode(options.bare, Charset::Utf8).unwrap();
            let message = Message {
                body,
                deadline: None,
                redelivered: false,
                answers: None,
            };
            self.bus.enqueue(&queue, message);
            Ok(())
        })
    }

    fn listen<'a>(
        &'a self,
        target: &'a Target,
        options: ListenOptions,
        sink: Arc<dyn RequestSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async move {
            let topic = target.topic.clone().unwrap();
            let queues = |consumer| {
                vec![
                    topic.clone(),
                    queue_name(target),
                    format!("{topic}_fanout_{consumer}"),
                ]
            };
            self.consume(queues, options.prefetch, Sink::Requests(sink))
        })
    }

    fn listen_for_notifications<'a>(
        &'a self,
        targets_and_priorities: &'a [(Target, String)],
        _pool: Option<&'a str>,
        options: ListenOptions,
        sink: Arc<dyn NotificationSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async move {
            let name = |(target, priority): &(Target, String)| {
                format!("{}.{priority}", target.topic.as_deref().unwrap())
            };
            let queues = |_| targets_and_priorities.iter().map(name).collect();
            self.consume(queues, options.prefetch, Sink::Notifications(sink))
        })
    }

    fn close(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.bus.state.lock().unwrap().closed += 1 })
    }
}

/// Cancels a call that ends without an answer.
struct CancelOnDrop(Option<Stop>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            stop.0.cancel();
        }
    }
}
