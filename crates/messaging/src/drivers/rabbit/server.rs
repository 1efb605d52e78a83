//! Listening for requests.

use std::sync::{Arc, OnceLock, Weak};

use bergen_amqp::client::{Channel, Delivery, DeliverySink, Disposition};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answers::{Answers, DeliveryHandle, RabbitResponder, ReplyTo};
use super::consumers::Intent;
use super::fanout_queue::FanoutQueue;
use super::incoming::message_properties;
use super::stats::Counters;
use super::stream;
use super::topology::{Arguments, Binding};
use crate::driver::{Admission, IncomingRequest, RequestSink};
use crate::log_limit::LogLimit;
use crate::wire::{Limits, decode_request};

/// Turns deliveries of one server into requests, for as many channels as it lives to see.
#[derive(Clone)]
pub(super) struct RequestReceiver {
    pub(super) sink: Arc<dyn RequestSink>,
    pub(super) answers: Arc<Answers>,
    pub(super) counters: Arc<Counters>,
    pub(super) limits: Limits,
    pub(super) log: Arc<LogLimit>,
}

impl RequestReceiver {
    /// What must exist for a server with these queues.
    pub(super) fn intent(
        self,
        bindings: Vec<Binding>,
        arguments: Arguments,
        fanout: FanoutQueue,
        prefetch: u16,
    ) -> Intent {
        let name = |binding: &Binding| binding.queue.name.to_string();
        let (own_queue, stream) = fanout.into_parts();
        let in_work = stream.as_ref().map(|it| it.in_work());
        Intent {
            // That of this one server.
            name: bindings.get(1).map(name).unwrap_or_default(),
            bindings,
            prefetch,
            arguments,
            own_queue,
            stream,
            sinks: Box::new(move |channel| {
                Box::new(RequestDeliveries {
                    receiver: self.clone(),
                    channel: channel.clone(),
                    lost: Arc::default(),
                    in_work: in_work.clone().unwrap_or_default(),
                })
            }),
        }
    }
}

/// The same for one consumer on one channel.
struct RequestDeliveries {
    receiver: RequestReceiver,
    channel: Channel,
    /// Tells those who hold requests of this channel that it is gone.
    lost: Arc<CancellationToken>,
    /// For requests that come from a stream.
    in_work: Weak<()>,
}

impl Drop for RequestDeliveries {
    fn drop(&mut self) {
        // A consumer that was cancelled leaves its channel open, and what was delivered valid.
        if !self.channel.is_open() {
            self.lost.cancel();
        }
    }
}

impl DeliverySink for RequestDeliveries {
    fn deliver(&mut self, mut delivery: Delivery) -> Disposition {
        let received = Instant::now();
        let receiver = &self.receiver;
        let from_stream = stream::offset(delivery.properties.headers.as_ref())
            .map(|_| self.in_work.upgrade().unwrap_or_default());
        let properties = message_properties(&mut delivery);
        let request = match decode_request(&delivery.body, &properties, &receiver.limits) {
            Ok(request) => request,
            Err(error) => {
                receiver.counters.invalid_requests.increment();
                if let Some(held_back) = receiver.log.admit(received) {
                    tracing::warn!(
                        %error,
                        exchange = ?delivery.exchange,
                        routing_key = ?delivery.routing_key,
                        held_back,
                        "rejected a request that cannot be decoded"
                    );
                }
                return Disposition::Reject { requeue: false };
            }
        };
        receiver.counters.requests.increment();
        let deadline = properties
            .expiration
            .map(|expiration| received + expiration);
        let reply_to = request.msg_id.clone().zip(request.reply_q.clone());
        let responder = Arc::new(RabbitResponder {
            delivery: DeliveryHandle::new(self.channel.clone(), delivery.delivery_tag)
                .of_stream(from_stream),
            answers: Arc::clone(&receiver.answers),
            reply_to: reply_to.map(|(msg_id, queue)| ReplyTo {
                msg_id,
                queue,
                deadline,
            }),
            cancellable: OnceLock::new(),
            lost: Arc::clone(&self.lost),
        });
        let incoming = IncomingRequest::new(request, Arc::clone(&responder) as Arc<_>)
            .with_deadline(deadline)
            .with_redelivered(delivery.redelivered);
        match receiver.sink.request(incoming) {
            // Unless the sink has settled it with its own hands.
            Admission::Taken if responder.delivery.settle() => Disposition::Ack,
            Admission::Taken | Admission::Held => Disposition::Hold,
        }
    }
}
