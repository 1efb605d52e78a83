//! The transport of notifications.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::inbox::{Incoming, inbox};
use super::{MissingFeature, Shared, TransportError, TransportOptionsOf};
use crate::clock::later;
use crate::driver::{
    Capabilities, IncomingNotification, ListenError, ListenOptions, NotifyOptions, TransportKind,
};
use crate::notify::{Notification, NotifyError};
use crate::target::Target;
use crate::url::TransportUrl;

/// The transport of notifications. A cheap handle: clones share one driver.
///
/// Programs send through a [`Notifier`](crate::notify::Notifier). RPC has its own type, so that one is never taken
/// for the other:
///
/// ```compile_fail
/// # fn transport() -> bergen_messaging::transport::NotificationTransport { unimplemented!() }
/// use bergen_messaging::rpc::RpcClient;
/// use bergen_messaging::target::ClientTarget;
///
/// let client = RpcClient::new(&transport(), ClientTarget::new("compute"));
/// ```
#[derive(Clone)]
pub struct NotificationTransport {
    shared: Shared,
}

impl NotificationTransport {
    /// Makes a transport.
    ///
    /// # Errors
    /// The URL can't be read, names no known driver, or carries options that the driver refuses.
    pub fn new<D>(options: TransportOptionsOf<D>) -> Result<Self, TransportError> {
        Ok(Self {
            shared: Shared::new(options, TransportKind::Notifications)?,
        })
    }

    /// What the driver can do.
    pub fn capabilities(&self) -> Capabilities {
        self.shared.capabilities()
    }

    /// Where it connects to. Prints without the password.
    pub fn url(&self) -> &TransportUrl {
        &self.shared.url
    }

    /// The exchange of targets that name none.
    pub fn control_exchange(&self) -> &str {
        &self.shared.control_exchange
    }

    /// The host part of this program's publishers: the option `host`, by default the machine's name.
    pub fn host(&self) -> &str {
        &self.shared.host
    }

    /// Checks that notifications can be given back to the broker.
    ///
    /// # Errors
    /// [`MissingFeature`] if the driver can't.
    pub fn require_requeue(&self) -> Result<(), MissingFeature> {
        self.shared.require_requeue()
    }

    /// Publishes one notification to `target`, under the priority in its lower-case form.
    ///
    /// # Errors
    /// The target has no topic, or the driver could not send it.
    pub async fn send_notification(
        &self,
        target: &Target,
        priority: &str,
        notification: &Notification,
        options: NotifyOptions,
    ) -> Result<(), NotifyError> {
        target.check_send()?;
        let target = self.with_exchange(target);
        let driver = &self.shared.driver;
        Ok(driver
            .send_notification(&target, priority, notification, options)
            .await?)
    }

    /// Takes the notifications of each pair of target and priority as a stream. Each is to be acknowledged by hand;
    /// at most `prefetch` of each queue are handed over unacknowledged. After a lost connection some may come twice:
    /// the first of the two can't be acknowledged. With a `pool`, its listeners share one copy of each.
    ///
    /// # Errors
    /// A target lacks a topic, or the driver can't listen.
    pub async fn listen(
        &self,
        targets_and_priorities: &[(Target, String)],
        pool: Option<&str>,
        prefetch: u16,
    ) -> Result<Notifications, ListenError> {
        self.listen_with(targets_and_priorities, pool, ListenOptions::new(prefetch))
            .await
    }

    /// The same with more options than the prefetch.
    ///
    /// # Errors
    /// Those of [`listen`](Self::listen).
    pub async fn listen_with(
        &self,
        targets_and_priorities: &[(Target, String)],
        pool: Option<&str>,
        options: ListenOptions,
    ) -> Result<Notifications, ListenError> {
        for (target, _) in targets_and_priorities {
            target.check_listen_for_notifications()?;
        }
        let targets: Vec<_> = targets_and_priorities
            .iter()
            .map(|(target, priority)| (self.with_exchange(target), priority.clone()))
            .collect();
        let prefetch = usize::from(options.prefetch);
        let (sender, inbox) = inbox(prefetch * targets.len());
        let driver = &self.shared.driver;
        let listener = driver
            .listen_for_notifications(&targets, pool, options, Arc::new(sender))
            .await?;
        Ok(Notifications {
            incoming: Incoming { inbox, listener },
            prefetch,
        })
    }

    /// Releases everything within `deadline`. Idempotent.
    pub async fn close(&self, deadline: Duration) {
        self.shared.close(deadline).await;
    }

    fn with_exchange(&self, target: &Target) -> Target {
        match target.exchange {
            Some(_) => target.clone(),
            None => target.with_exchange(self.control_exchange()),
        }
    }
}

impl fmt::Debug for NotificationTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationTransport")
            .field("url", &self.shared.url)
            .field("control_exchange", &self.shared.control_exchange)
            .finish_non_exhaustive()
    }
}

/// Notifications as they come; see [`NotificationTransport::listen`].
pub struct Notifications {
    incoming: Incoming<IncomingNotification>,
    prefetch: usize,
}

impl Notifications {
    /// The next notification. It waits to be acknowledged or requeued.
    ///
    /// # Errors
    /// Why the driver gave up on listening.
    pub async fn next(&mut self) -> Result<IncomingNotification, ListenError> {
        self.incoming.next().await
    }

    /// The next notifications, up to `size`, or those that have come `within` this time of the call, perhaps none:
    /// whichever is first. The counterpart of the peer's `batch_size` and `batch_timeout`.
    ///
    /// `size` counts as 1 if it is 0, and as the listener's prefetch if it is more, since the broker sends no more
    /// than that ahead. Dropping the future leaves what it has taken unacknowledged until the listener is closed.
    ///
    /// # Errors
    /// Why the driver gave up on listening, if nothing came before.
    pub async fn next_batch(
        &mut self,
        size: usize,
        within: Duration,
    ) -> Result<Vec<IncomingNotification>, ListenError> {
        let end = later(Instant::now(), within);
        let size = size.clamp(1, self.prefetch);
        let mut batch = Vec::new();
        while batch.len() < size {
            match tokio::time::timeout_at(end, self.next()).await {
                Ok(Ok(notification)) => batch.push(notification),
                Ok(Err(error)) if batch.is_empty() => return Err(error),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        Ok(batch)
    }

    /// Takes no new notifications from the broker. What has come can still be acknowledged. Idempotent.
    pub async fn stop(&self) {
        self.incoming.listener.stop().await;
    }

    /// Stops listening and releases what the listener holds. What was not acknowledged goes back to the broker.
    pub async fn close(self) {
        self.incoming.close().await;
    }
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications").finish_non_exhaustive()
    }
}
