//! Sending and receiving notifications.

use std::sync::Arc;

use bergen_amqp::client::{Channel, Delivery, DeliverySink, Disposition};
use bytes::Bytes;
use tokio::time::Instant;

use super::answers::DeliveryHandle;
use super::consumers::Intent;
use super::incoming::message_properties;
use super::route::exchange_name;
use super::stats::Counters;
use super::topology::{Arguments, Binding, Topology};
use crate::driver::{
    Acknowledger, Admission, IncomingNotification, ListenError, ListenOptions, NotificationSink,
    NotifyOptions, ReplyError, SendError,
};
use crate::log_limit::LogLimit;
use crate::notify::Notification;
use crate::target::Target;
use crate::wire::{Charset, Id, Limits};

/// The body to publish, with an id of its own: one event published to two topics is two messages.
pub(super) fn encode(
    notification: &Notification,
    options: &NotifyOptions,
) -> Result<Bytes, SendError> {
    let notification = Notification {
        unique_id: Some(Id::new().to_string()),
        ..notification.clone()
    };
    let body = notification.encode(options.bare, Charset::default());
    body.map_err(|error| SendError::Encode {
        cause: error.to_string(),
    })
}

/// The queues of a listener: one for each pair, or one pool queue bound for all of them.
pub(super) fn bindings(
    topology: &Topology,
    control_exchange: &str,
    targets_and_priorities: &[(Target, String)],
    pool: Option<&str>,
    options: &ListenOptions,
) -> Result<Vec<Binding>, ListenError> {
    let temporary = pool.filter(|_| options.temporary_pool);
    let binding = |(target, priority): &(Target, String)| {
        let topic = target.check_listen_for_notifications()?;
        let exchange = exchange_name(control_exchange, target);
        Ok(match temporary {
            Some(pool) => topology.temporary_pool(exchange, topic, priority, pool),
            None => topology.notifications(exchange, topic, priority, pool),
        })
    };
    targets_and_priorities.iter().map(binding).collect()
}

/// Turns deliveries of one listener into notifications, for as many channels as it lives to see.
#[derive(Clone)]
pub(super) struct NotificationReceiver {
    pub(super) sink: Arc<dyn NotificationSink>,
    pub(super) counters: Arc<Counters>,
    pub(super) limits: Limits,
    pub(super) log: Arc<LogLimit>,
}

impl NotificationReceiver {
    /// What must exist for a listener. Its queues are never deleted: they keep what nobody has read yet.
    pub(super) fn intent(
        self,
        bindings: Vec<Binding>,
        arguments: Arguments,
        prefetch: u16,
    ) -> Intent {
        Intent {
            name: bindings
                .first()
                .map_or_else(String::new, |binding| binding.queue.name.to_string()),
            bindings,
            prefetch,
            arguments,
            own_queue: None,
            stream: None,
            sinks: Box::new(move |channel| {
                Box::new(NotificationDeliveries {
                    receiver: self.clone(),
                    channel: channel.clone(),
                })
            }),
        }
    }
}

/// The same for one consumer on one channel.
struct NotificationDeliveries {
    receiver: NotificationReceiver,
    channel: Channel,
}

impl DeliverySink for NotificationDeliveries {
    fn deliver(&mut self, mut delivery: Delivery) -> Disposition {
        let receiver = &self.receiver;
        let properties = message_properties(&mut delivery);
        let notification = match Notification::decode(&delivery.body, &properties, &receiver.limits)
        {
            Ok(notification) => notification,
            Err(error) => {
                receiver.counters.invalid_notifications.increment();
                if let Some(held_back) = receiver.log.admit(Instant::now()) {
                    tracing::warn!(
                        %error,
                        routing_key = ?delivery.routing_key,
                        held_back,
                        "rejected a notification that cannot be decoded"
                    );
                }
                return Disposition::Reject { requeue: false };
            }
        };
        let handle = Arc::new(DeliveryHandle::new(
            self.channel.clone(),
            delivery.delivery_tag,
        ));
        let incoming = IncomingNotification::new(notification, Box::new(Arc::clone(&handle)))
            .with_redelivered(delivery.redelivered);
        match receiver.sink.notification(incoming) {
            // Unless the sink has settled it with its own hands.
            Admission::Taken if handle.settle() => Disposition::Ack,
            Admission::Taken | Admission::Held => Disposition::Hold,
        }
    }
}

impl Acknowledger for Arc<DeliveryHandle> {
    fn acknowledge(&self) -> Result<(), ReplyError> {
        DeliveryHandle::acknowledge(self)
    }

    fn requeue(&self) -> Result<(), ReplyError> {
        DeliveryHandle::requeue(self)
    }
}
