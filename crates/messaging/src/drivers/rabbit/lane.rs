//! Publish channels by class, so that a channel error touches its own class only.

use std::sync::{Arc, Mutex, PoisonError};

use bergen_amqp::client::{Channel, Error};

use super::stats::Counters;
use super::supervisor::{ConnectFailure, Epoch, Supervisor};
use crate::driver::Retry;

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
        }
    }

    /// The channel that all publishes of this class share, as soon as there is one.
    pub(super) async fn shared(&self, retry: Retry) -> Result<OpenLane, LaneFailure> {
        if let Some(open) = self.current() {
            return Ok(open);
        }
        // One caller opens, the others find what it opened.
        let _opening = self.opening.lock().await;
        if let Some(open) = self.current() {
            return Ok(open);
        }
        let open = self.private(retry).await?;
        let old = self.lock().replace(open.clone());
        if old.is_some_and(|old| old.epoch.number == open.epoch.number) {
            self.counters.channel_errors.increment();
            tracing::warn!(
                class = self.class,
                "the broker closed a publish channel; opened another"
            );
        }
        Ok(open)
    }

    /// A channel for one caller alone: what happens to it is that caller's own doing.
    pub(super) async fn private(&self, retry: Retry) -> Result<OpenLane, LaneFailure> {
        loop {
            let epoch = self
                .supervisor
                .epoch(retry)
                .await
                .map_err(LaneFailure::Connect)?;
            match open_confirming(&epoch).await {
                Ok(channel) => return Ok(OpenLane { epoch, channel }),
                Err(error) if error.is_connection_closed() => tokio::task::yield_now().await,
                Err(error) => return Err(LaneFailure::Channel(error)),
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

async fn open_confirming(epoch: &Epoch) -> Result<Channel, Error> {
    let (channel, _events) = epoch.connection.open_channel().await?;
    channel.confirm_select().await?;
    Ok(channel)
}
