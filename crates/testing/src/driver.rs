//! The driver of a test bus: the `memory` driver, watched and disturbed.

use std::sync::Arc;
use std::time::Duration;

use bergen_memory::MemoryDriver;
use bergen_messaging::driver::{
    BoxFuture, CallOptions, CallReply, Capabilities, CastOptions, Driver, Finding, ListenError,
    ListenOptions, Listener, NotificationSink, NotifyOptions, RequestSink, SendError, Timeout,
};
use bergen_messaging::notify::Notification;
use bergen_messaging::target::Target;
use bergen_messaging::wire::{Id, OutgoingRequest};
use tokio::time::{Instant, sleep, sleep_until};

use super::activity::Busy;
use super::faults::{Action, delay};
use super::kit::{Kit, sent};
use super::listeners::{KitListener, Wanted};
use super::sent::{Kind, Sent};

/// Writes down what is sent, and does to it what was asked for.
pub(crate) struct KitDriver {
    inner: Arc<MemoryDriver>,
    kit: Arc<Kit>,
}

impl KitDriver {
    pub(crate) fn new(inner: MemoryDriver, kit: Arc<Kit>) -> Self {
        Self {
            inner: Arc::new(inner),
            kit,
        }
    }

    async fn call_on(
        &self,
        target: &Target,
        request: &OutgoingRequest,
        options: CallOptions,
    ) -> Result<CallReply, SendError> {
        let noted = sent(
            Kind::Call,
            target,
            &request.method,
            &request.args,
            &request.context,
        );
        let _busy = self.kit.busy(format!("{noted} waits for its answer"));
        let (start, deadline) = (Instant::now(), options.deadline);
        let actions = self.kit.note(noted);
        if !self.kit.reached(Some(deadline)).await {
            return Err(timed_out(start, Some(not_connected())));
        }
        let late = delay(&actions);
        if actions.contains(&Action::Lose) || late >= deadline.saturating_duration_since(start) {
            sleep_until(deadline).await;
            return Err(timed_out(start, None));
        }
        if !late.is_zero() {
            sleep(late).await;
        }
        if !actions.contains(&Action::Duplicate) {
            return self.inner.call(target, request, options).await;
        }
        let (first, second) = (
            self.inner.call(target, request, options.clone()),
            self.inner.call(target, request, options),
        );
        tokio::select! {
            biased;
            reply = first => reply,
            reply = second => reply,
        }
    }

    /// Does to a message that wants no answer what was asked for; `send` sends it once.
    async fn deliver<F>(
        &self,
        noted: Sent,
        deadline: Option<Instant>,
        send: impl Fn() -> F + Send + 'static,
    ) -> Result<(), SendError>
    where
        F: Future<Output = Result<(), SendError>> + Send + 'static,
    {
        let busy = self.kit.busy(format!("{noted} is on its way"));
        let actions = self.kit.note(noted);
        if !self.kit.reached(deadline).await {
            return Err(SendError::Unreachable {
                hosts: "the test bus".to_owned(),
                cause: "it was disconnected".to_owned(),
            });
        }
        if actions.contains(&Action::Lose) {
            return Ok(());
        }
        let times = 1 + usize::from(actions.contains(&Action::Duplicate));
        let late = delay(&actions);
        if late.is_zero() {
            for _ in 0..times {
                send().await?;
            }
            return Ok(());
        }
        tokio::spawn(send_late(busy, late, times, send));
        Ok(())
    }
}

/// Sends a message when nobody waits for it any more.
async fn send_late<F>(_busy: Busy, late: Duration, times: usize, send: impl Fn() -> F + Send)
where
    F: Future<Output = Result<(), SendError>> + Send,
{
    sleep(late).await;
    for _ in 0..times {
        let _ = send().await;
    }
}

impl Driver for KitDriver {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn call<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<CallReply, SendError>> {
        Box::pin(self.call_on(target, request, options))
    }

    fn cast<'a>(
        &'a self,
        target: &'a Target,
        request: &'a OutgoingRequest,
        options: CastOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        let kind = if target.fanout {
            Kind::Fanout
        } else {
            Kind::Cast
        };
        let noted = sent(
            kind,
            target,
            &request.method,
            &request.args,
            &request.context,
        );
        let deadline = options.deadline;
        let (inner, target, request) = (Arc::clone(&self.inner), target.clone(), request.clone());
        let send = move || {
            let (inner, target, request) = (Arc::clone(&inner), target.clone(), request.clone());
            let options = options.clone();
            async move { inner.cast(&target, &request, options).await }
        };
        Box::pin(self.deliver(noted, deadline, send))
    }

    fn send_notification<'a>(
        &'a self,
        target: &'a Target,
        priority: &'a str,
        notification: &'a Notification,
        options: NotifyOptions,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        let Notification {
            event_type,
            payload,
            context,
            ..
        } = notification;
        let mut noted = sent(Kind::Notification, target, event_type, payload, context);
        noted.priority = Some(priority.to_lowercase());
        let deadline = options.deadline;
        let (inner, target) = (Arc::clone(&self.inner), target.clone());
        let (priority, notification) = (priority.to_owned(), notification.clone());
        let send = move || {
            let (inner, target) = (Arc::clone(&inner), target.clone());
            let (priority, notification) = (priority.clone(), notification.clone());
            let options = options.clone();
            async move {
                let sending = inner.send_notification(&target, &priority, &notification, options);
                sending.await
            }
        };
        Box::pin(self.deliver(noted, deadline, send))
    }

    fn listen<'a>(
        &'a self,
        target: &'a Target,
        options: ListenOptions,
        sink: Arc<dyn RequestSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        let wanted = Wanted::Requests {
            target: target.clone(),
            sink,
        };
        Box::pin(async { self.start(wanted, options).await })
    }

    fn listen_for_notifications<'a>(
        &'a self,
        targets_and_priorities: &'a [(Target, String)],
        pool: Option<&'a str>,
        options: ListenOptions,
        sink: Arc<dyn NotificationSink>,
    ) -> BoxFuture<'a, Result<Box<dyn Listener>, ListenError>> {
        let wanted = Wanted::Notifications {
            targets: targets_and_priorities.to_vec(),
            pool: pool.map(str::to_owned),
            sink,
        };
        Box::pin(async { self.start(wanted, options).await })
    }

    fn close(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        self.inner.close(deadline)
    }
}

impl KitDriver {
    async fn start(
        &self,
        wanted: Wanted,
        options: ListenOptions,
    ) -> Result<Box<dyn Listener>, ListenError> {
        self.kit.reached(None).await;
        let listener = KitListener::start(&self.inner, &self.kit, wanted, options).await?;
        Ok(Box::new(listener))
    }
}

fn timed_out(start: Instant, finding: Option<Finding>) -> SendError {
    let mut timeout = Timeout::new(Id::new().to_string(), start.elapsed());
    timeout.findings.extend(finding);
    timeout.into()
}

fn not_connected() -> Finding {
    Finding::NotConnected {
        cause: "the test bus was disconnected".to_owned(),
    }
}
