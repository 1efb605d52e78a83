//! Listening for requests.

use std::sync::Arc;

use bergen_amqp::client::{Channel, Delivery, DeliverySink, Disposition};
use tokio::time::Instant;

use super::answers::{Answers, DeliveryHandle, RabbitResponder, ReplyTo};
use super::consumers::{Intent, Temporary};
use super::incoming::message_properties;
use super::log_limit::LogLimit;
use super::stats::Counters;
use super::topology::{Topology, fanout_queue_name};
use crate::driver::{Admission, IncomingRequest, RequestSink};
use crate::wire::{Id, Limits, decode_request};

/// Turns deliveries of one server into requests, for as many channels as it lives to see.
#[derive(Clone)]
pub(super) struct RequestReceiver {
    pub(super) sink: Arc<dyn RequestSink>,
    pub(super) answers: Arc<Answers>,
    pub(super) counters: Arc<Counters>,
    pub(super) log: Arc<LogLimit>,
}

impl RequestReceiver {
    /// What must exist for a server. Its fanout queue's name is drawn here, once.
    pub(super) fn intent(
        self,
        topology: &Topology,
        exchange: &str,
        topic: &str,
        server: &str,
        prefetch: u16,
    ) -> Intent {
        let fanout_queue: Arc<str> = fanout_queue_name(topic, Id::new()).into();
        Intent {
            name: format!("{topic}.{server}"),
            bindings: topology
                .server(exchange, topic, server, &fanout_queue)
                .into(),
            prefetch,
            arguments: topology.consume_arguments(),
            temporary_queue: Some(Temporary {
                name: fanout_queue,
                recreated: |counters| &counters.fanout_queues_recreated,
            }),
            sinks: Box::new(move |channel| {
                Box::new(RequestDeliveries {
                    receiver: self.clone(),
                    channel: channel.clone(),
                })
            }),
        }
    }
}

/// The same for one consumer on one channel.
struct RequestDeliveries {
    receiver: RequestReceiver,
    channel: Channel,
}

impl DeliverySink for RequestDeliveries {
    fn deliver(&mut self, mut delivery: Delivery) -> Disposition {
        let received = Instant::now();
        let receiver = &self.receiver;
        let properties = message_properties(&mut delivery);
        let request = match decode_request(&delivery.body, &properties, &Limits::default()) {
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
            delivery: DeliveryHandle::new(self.channel.clone(), delivery.delivery_tag),
            answers: Arc::clone(&receiver.answers),
            reply_to: reply_to.map(|(msg_id, queue)| ReplyTo {
                msg_id,
                queue,
                deadline,
            }),
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
