//! The sending half of the driver: calls, casts and notifications.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::backlog::Backlog;
use super::message::{Class, Message};
use super::probes::Probes;
use super::publisher::{Delivered, Publisher};
use super::replies::Replies;
use super::route::Route;
use super::settings::Settings;
use super::stats::Counters;
use super::supervisor::Supervisor;
use super::waiters::Waiters;
use crate::driver::{CastOptions, NotifyOptions, Retry, SendError};
use crate::wire::{Charset, Id, OutgoingRequest, RequestIds, encode_request};

/// What sending needs.
pub(super) struct Sender {
    pub(super) settings: Arc<Settings>,
    /// The hosts as error messages name them.
    pub(super) hosts: Arc<str>,
    pub(super) counters: Arc<Counters>,
    pub(super) publish_connection: Arc<Supervisor>,
    pub(super) publisher: Arc<Publisher>,
    pub(super) waiters: Arc<Waiters>,
    pub(super) backlog: Backlog,
    pub(super) replies: Arc<Replies>,
    pub(super) probes: Probes,
}

impl Sender {
    /// Publishes a request that wants no answer, until the broker has confirmed it.
    pub(super) async fn cast(
        &self,
        class: Class,
        route: Route,
        request: &OutgoingRequest,
        options: CastOptions,
    ) -> Result<(), SendError> {
        let counter = match class {
            Class::Fanout => &self.counters.fanouts,
            _ => &self.counters.casts,
        };
        counter.increment();
        let unique_id = Id::new();
        let ids = RequestIds {
            unique_id,
            call: None,
        };
        let mandatory = options.at_least_once && class != Class::Fanout;
        let message = Message {
            class,
            needs: route.needs,
            exchange: route.exchange,
            routing_key: route.routing_key,
            return_id: mandatory.then(|| unique_id.to_string()),
            deadline: None,
            body: encode_request(request, &ids, Charset::default()),
        };
        self.deliver(&message, options.retry, options.deadline)
            .await
    }

    /// Publishes the body of a notification, until the broker has confirmed it.
    pub(super) async fn notify(
        &self,
        route: Route,
        body: Bytes,
        options: NotifyOptions,
    ) -> Result<(), SendError> {
        self.counters.notifications.increment();
        let message = Message {
            class: Class::Notification,
            needs: route.needs,
            exchange: route.exchange,
            routing_key: route.routing_key,
            return_id: None,
            deadline: None,
            body,
        };
        self.deliver(&message, options.retry, options.deadline)
            .await
    }

    /// What stands between a message and the broker: what the last attempt to connect ended with, of either connection.
    pub(super) fn why_not_connected(&self) -> String {
        let trouble = self.publish_connection.trouble();
        trouble
            .or_else(|| self.replies.trouble())
            .unwrap_or_else(|| "still connecting".to_owned())
    }

    async fn deliver(
        &self,
        message: &Message,
        retry: Retry,
        deadline: Option<Instant>,
    ) -> Result<(), SendError> {
        let _place = self.backlog.admit(message.body.len())?;
        let publishing = self.publisher.publish(message, retry);
        let delivered = match deadline {
            None => publishing.await,
            Some(deadline) if deadline <= Instant::now() => return Err(self.too_late()),
            Some(deadline) => match timeout_at(deadline, publishing).await {
                Ok(delivered) => delivered,
                Err(_) => return Err(self.too_late()),
            },
        };
        match delivered.map_err(|failure| failure.into_send_error(&self.hosts))? {
            Delivered::Confirmed => Ok(()),
            Delivered::Returned { earlier_copy: true } => Err(SendError::DeliveryFailure {
                cause: "no queue takes it now, and an earlier copy of it was lost from sight"
                    .to_owned(),
            }),
            Delivered::Returned { .. } => Err(SendError::Undeliverable {
                exchange: message.exchange.to_string(),
                routing_key: message.routing_key.to_string(),
            }),
        }
    }

    fn too_late(&self) -> SendError {
        match self.publish_connection.current() {
            Some(epoch) => SendError::DeliveryFailure {
                cause: match epoch.blocked_for() {
                    Some(reason) => format!(
                        "the broker blocks publishing, and did so until the deadline: {}",
                        reason.escape_debug()
                    ),
                    None => "the broker did not confirm it before the deadline".to_owned(),
                },
            },
            None => SendError::Unreachable {
                hosts: self.hosts.to_string(),
                cause: self.why_not_connected(),
            },
        }
    }
}
