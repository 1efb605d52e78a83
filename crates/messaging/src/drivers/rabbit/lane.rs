//! Publish channels by class, so that a channel error touches its own class only.

use std::sync::{Arc, Mutex, PoisonError};

use bergen_amqp::client::{Channel, Error};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::stats::Counters;
use super::supervisor::{ConnectFailure, Epoch, Supervisor};
use crate::driver::Retry;
use crate::log_limit::LogLimit;

/// One confirm channel on the publish connection, opened when needed and again after each loss.
///
/// The broker closes a channel for one bad publish and discards everything that was pipelined behind it. So each class
/// of publishes has a lane of its own.
#[derive(Debug)]
pub(super) struct Lane {
    class: &'static str,
    supervisor: Arc<Supervisor>,
    counters: Arc<Counters>,
    shared: Mutex<Option<OpenLane>>,
    opening: tokio::sync::Mutex<()>,
    log: LogLimit,
}

/// A lane as it stands on one connection.
#[derive(Debug, Clone)]
pub(super) struct OpenLane {
    pub(super) epoch: Arc<Epoch>,
    pub(super) channel: Channel,
}

/// Why a lane can't be had.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LaneFailure {
    Connect(ConnectFailure),
    Channel(Error),
}

impl Lane {
    pub(super) fn new(
        class: &'static str,
        supervisor: Arc<Supervisor>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            class,
            supervisor,
            counters,
            shared: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            log: LogLimit::new(LogLimit::MINUTE),
        }
    }

    /// A lane of the same class, with a channel of its own.
    pub(super) fn another(&self) -> Self {
        Self::new(
            self.class,
            Arc::clone(&self.supervisor),
            Arc::clone(&self.counters),
        )
    }

    /// The channel that all publishes of this class share, as soon as there is one.
    pub(super) async fn shared(&self, retry: Retry) -> Result<OpenLane, LaneFailure> {
        match self.current() {
            Some(open) => Ok(open),
            None => Box::pin(self.reopened(retry)).await,
        }
    }

    async fn reopened(&self, retry: Retry) -> Result<OpenLane, LaneFailure> {
        loop {
            // Each caller waits for the connection itself, since each has its own patience.
            let epoch = self.epoch(retry).await?;
            // One caller opens, the others find what it opened.
            let opening = self.opening.lock().await;
            if let Some(open) = self.current() {
                return Ok(open);
            }
            if let Some(open) = open_confirming(epoch).await? {
                self.replace(open.clone());
                return Ok(open);
            }
            drop(opening);
            tokio::task::yield_now().await;
        }
    }

    /// The connection to open a [private](open_confirming) channel on.
    pub(super) async fn epoch(&self, retry: Retry) -> Result<Arc<Epoch>, LaneFailure> {
        let epoch = self.supervisor.epoch(retry).await;
        epoch.map_err(LaneFailure::Connect)
    }

    /// Ends what is being published on the shared channel. To be called when the connection gives no more of them.
    pub(super) async fn close(&self) {
        let open = self.lock().take();
        if let Some(open) = open {
            // An error says that it is closed already.
            let _ = open.channel.close().await;
        }
    }

    /// Cancelled when the driver closes.
    pub(super) fn closing(&self) -> &CancellationToken {
        self.supervisor.closing()
    }

    fn replace(&self, open: OpenLane) {
        let number = open.epoch.number;
        let old = self.lock().replace(open);
        if old.is_some_and(|old| old.epoch.number == number) {
            self.counters.channel_errors.increment();
            if let Some(held_back) = self.log.admit(Instant::now()) {
                tracing::warn!(
                    class = self.class,
                    held_back,
                    "the broker closed a publish channel; opened another"
                );
            }
        }
    }

    fn current(&self) -> Option<OpenLane> {
        self.lock()
            .as_ref()
            .filter(|open| open.channel.is_open())
            .cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<OpenLane>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A confirm channel on this connection; `None` if the connection went away meanwhile. What happens to it is the doing
/// of those who publish on it.
pub(super) async fn open_confirming(epoch: Arc<Epoch>) -> Result<Option<OpenLane>, LaneFailure> {
    let opened = async {
        let (channel, _events) = epoch.connection.open_channel().await?;
        channel.confirm_select().await?;
        Ok(channel)
    };
    match opened.await {
        Ok(channel) => Ok(Some(OpenLane { epoch, channel })),
        Err(Error::ConnectionClosed(_)) => Ok(None),
        Err(error) => Err(LaneFailure::Channel(error)),
    }
}
