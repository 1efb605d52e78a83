//! What stands between the bus and whoever listens: it knows what is worked on, and disturbs answers.

use std::future::ready;
use std::sync::{Arc, Weak};

use bergen_messaging::driver::{
    Acknowledger, Admission, BoxFuture, CallReply, Cancellation, IncomingNotification,
    IncomingRequest, NotificationSink, ReplyError, RequestSink, Responder,
};
use tokio::time::sleep;

use super::activity::Busy;
use super::faults::{Action, Leg, delay};
use super::kit::Kit;
use super::listeners::Line;

/// The sink of one server.
pub(crate) struct WatchedRequests {
    pub(crate) inner: Arc<dyn RequestSink>,
    pub(crate) kit: Arc<Kit>,
    pub(crate) topic: String,
    pub(crate) line: Weak<Line>,
}

impl RequestSink for WatchedRequests {
    fn request(&self, incoming: IncomingRequest) -> Admission {
        let method = incoming.request.method.to_string();
        let actions = self
            .kit
            .faults
            .of(Leg::There, &self.topic, &method, |action| {
                matches!(action, Action::Redeliver | Action::Disconnect)
            });
        let second = actions
            .contains(&Action::Redeliver)
            .then(|| copy(&incoming, Arc::new(Copied), true));
        let watched = Arc::new(WatchedRequest {
            inner: Arc::clone(incoming.responder()),
            kit: Arc::clone(&self.kit),
            topic: self.topic.clone(),
            method: method.clone(),
            _busy: self
                .kit
                .busy(format!("{method} of {} is at work", self.topic)),
        });
        let redelivered = incoming.redelivered;
        let admission = self.inner.request(copy(&incoming, watched, redelivered));
        if let Some(second) = second {
            let _ = self.inner.request(second);
        }
        if actions.contains(&Action::Disconnect)
            && let Some(line) = self.line.upgrade()
        {
            line.blink();
        }
        admission
    }
}

fn copy(
    incoming: &IncomingRequest,
    responder: Arc<dyn Responder>,
    redelivered: bool,
) -> IncomingRequest {
    IncomingRequest::new(incoming.request.clone(), responder)
        .with_deadline(incoming.deadline)
        .with_redelivered(redelivered)
}

/// A request that is worked on until this is dropped.
struct WatchedRequest {
    inner: Arc<dyn Responder>,
    kit: Arc<Kit>,
    topic: String,
    method: String,
    _busy: Busy,
}

impl Acknowledger for WatchedRequest {
    fn acknowledge(&self) -> Result<(), ReplyError> {
        self.inner.acknowledge()
    }

    fn requeue(&self) -> Result<(), ReplyError> {
        self.inner.requeue()
    }
}

impl Responder for WatchedRequest {
    fn reply(&self, reply: CallReply) -> BoxFuture<'_, Result<(), ReplyError>> {
        let faults = &self.kit.faults;
        let actions = faults.of(Leg::Back, &self.topic, &self.method, |action| {
            matches!(action, Action::Delay(_) | Action::Lose | Action::Duplicate)
        });
        Box::pin(async move {
            let late = delay(&actions);
            if !late.is_zero() {
                sleep(late).await;
            }
            if actions.contains(&Action::Lose) {
                return Ok(());
            }
            if actions.contains(&Action::Duplicate) {
                self.inner.reply(reply.clone()).await?;
            }
            self.inner.reply(reply).await
        })
    }

    fn keep_alive(&self) -> BoxFuture<'_, Result<(), ReplyError>> {
        self.inner.keep_alive()
    }

    fn lost(&self) -> BoxFuture<'_, ()> {
        self.inner.lost()
    }

    fn offer_cancel<'a>(
        &'a self,
        cancellation: &'a Cancellation,
    ) -> BoxFuture<'a, Result<(), ReplyError>> {
        self.inner.offer_cancel(cancellation)
    }
}

/// A copy that the broker would not have delivered: nobody hears what becomes of it.
struct Copied;

impl Acknowledger for Copied {
    fn acknowledge(&self) -> Result<(), ReplyError> {
        Ok(())
    }

    fn requeue(&self) -> Result<(), ReplyError> {
        Ok(())
    }
}

impl Responder for Copied {
    fn reply(&self, _: CallReply) -> BoxFuture<'_, Result<(), ReplyError>> {
        Box::pin(ready(Ok(())))
    }

    fn keep_alive(&self) -> BoxFuture<'_, Result<(), ReplyError>> {
        Box::pin(ready(Ok(())))
    }
}

/// The sink of one listener for notifications.
pub(crate) struct WatchedNotifications {
    pub(crate) inner: Arc<dyn NotificationSink>,
    pub(crate) kit: Arc<Kit>,
}

impl NotificationSink for WatchedNotifications {
    fn notification(&self, incoming: IncomingNotification) -> Admission {
        let (notification, redelivered) = (incoming.notification.clone(), incoming.redelivered);
        let watched = WatchedNotification {
            _busy: self.kit.busy(format!(
                "notification {} is at work",
                notification.event_type
            )),
            inner: incoming,
        };
        let incoming = IncomingNotification::new(notification, Box::new(watched));
        self.inner
            .notification(incoming.with_redelivered(redelivered))
    }
}

/// A notification that is worked on until this is dropped.
struct WatchedNotification {
    inner: IncomingNotification,
    _busy: Busy,
}

impl Acknowledger for WatchedNotification {
    fn acknowledge(&self) -> Result<(), ReplyError> {
        self.inner.acknowledge()
    }

    fn requeue(&self) -> Result<(), ReplyError> {
        self.inner.requeue()
    }
}
