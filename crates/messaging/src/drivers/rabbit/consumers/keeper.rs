//! The task that keeps consumers standing.

use std::sync::Arc;
use std::time::Duration;

use bergen_amqp::client::{Channel, ChannelEvent, ChannelEvents, Consume, Error, QueueDelete};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::super::declare::{
    BROKER_FAILURE_PAUSE, Declarer, INTERNAL_ERROR, NOT_FOUND, field_table,
};
use super::super::failure::{is_definitive, listen_error};
use super::super::half_open::HalfOpen;
use super::super::stream::StreamPosition;
use super::super::supervisor::ConnectFailure;
use super::{Ground, Intent, State};
use crate::driver::{ListenError, Retry};

/// The task behind [`Consumers`](super::Consumers).
pub(super) struct Keeper {
    pub(super) intent: Intent,
    pub(super) ground: Ground,
    pub(super) state: watch::Sender<State>,
    pub(super) stopping: CancellationToken,
    pub(super) closing: CancellationToken,
    /// Something may exist on the broker, even if it was never consumed.
    pub(super) ever_declared: bool,
    pub(super) ever_started: bool,
}

/// Why consumers did not start on one connection.
enum StartError {
    Connect(ConnectFailure),
    Channel(Error),
}

/// How often one looks whether a stream is silent. RabbitMQ 3.10 forgets to tell a consumer that its replica was
/// started anew while the cluster elects: it stays attached to what is gone, and nothing says so. Also how long the last
/// cast may take to come again; what is late is read again from its time on, and costs no more than that.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long a goodbye may take: the broker forgets us anyway.
const FAREWELL: Duration = Duration::from_secs(5);

impl Keeper {
    pub(super) async fn run(mut self) {
        let mut random = fastrand::Rng::new();
        let mut pauses = self.ground.backoff.pauses();
        let (stopping, closing) = (self.stopping.clone(), self.closing.clone());
        let last = loop {
            let established = tokio::select! {
                biased;
                () = closing.cancelled() => break None,
                () = stopping.cancelled() => break None,
                established = self.establish() => established,
            };
            match established {
                Ok((channel, events)) => {
                    pauses = self.ground.backoff.pauses();
                    self.ever_started = true;
                    self.state.send_replace(State::Consuming);
                    tokio::select! {
                        biased;
                        () = closing.cancelled() => break Some(channel),
                        () = stopping.cancelled() => {
                            // A broker that does not answer must not keep us from closing.
                            let cancelled = self.cancel_all(&channel);
                            let _ = closing.run_until_cancelled(timeout(FAREWELL, cancelled)).await;
                            break Some(channel);
                        }
                        () = self.consume(&channel, events) => {}
                    }
                    self.state.send_replace(State::Interrupted);
                }
                Err(error) => {
                    if let (false, Some(error)) = (self.ever_started, self.definitive(&error)) {
                        self.say_farewell(None).await;
                        self.state.send_replace(State::Failed(error));
                        return;
                    }
                    if let StartError::Channel(error) = error
                        && let Some(least) = pause_after(&error)
                    {
                        let pause = pauses.next_pause(&mut random).max(least);
                        tracing::warn!(name = self.intent.name, %error, again_in = ?pause, "cannot consume");
                        tokio::select! {
                            () = closing.cancelled() => {}
                            () = stopping.cancelled() => {}
                            () = tokio::time::sleep(pause) => {}
                        }
                    }
                }
            }
        };
        self.state.send_replace(State::Stopped);
        closing.cancelled().await;
        self.say_farewell(last).await;
        self.state.send_replace(State::Closed);
    }

    async fn say_farewell(&self, last: Option<Channel>) {
        if timeout(FAREWELL, self.farewell(last)).await.is_err() {
            tracing::debug!(
                name = self.intent.name,
                "the broker did not answer the goodbye"
            );
        }
    }

    /// Declares everything on a channel of the live connection and consumes.
    async fn establish(&mut self) -> Result<(Channel, ChannelEvents), StartError> {
        let epoch = self.ground.supervisor.epoch(Retry::Forever).await;
        let epoch = epoch.map_err(StartError::Connect)?;
        let properties = epoch.connection.server_properties();
        self.ground.version_check.check(properties);
        let mut declarer = Declarer::open(epoch, self.intent.prefetch).await?;
        if self.ever_started {
            self.look_for_losses(&mut declarer).await?;
        }
        self.ever_declared = true;
        for binding in &self.intent.bindings {
            declarer.binding(binding).await?;
        }
        let (channel, events) = declarer.into_channel();
        let half_open = HalfOpen::new(&channel);
        for (tag, queue) in self.consumed_queues().into_iter().enumerate() {
            self.subscribe(&channel, &(tag + 1).to_string(), queue)
                .await?;
        }
        half_open.stands();
        Ok((channel, events))
    }

    /// Finds out what vanished while nobody was connected.
    async fn look_for_losses(&self, declarer: &mut Declarer) -> Result<(), Error> {
        if let Some(queue) = &self.intent.own_queue
            && !declarer.has_queue(&queue.name).await?
        {
            (queue.recreated)(&self.ground.counters).increment();
        }
        if let Some(position) = &self.intent.stream
            && !declarer.has_queue(position.stream()).await?
        {
            position.reset();
        }
        Ok(())
    }

    /// Follows one channel until it is lost.
    async fn consume(&self, channel: &Channel, mut events: ChannelEvents) {
        let mut looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = looks.tick(), if self.intent.stream.is_some() => {
                    if self.find_place(channel).await.is_err() {
                        // Whatever the outcome, this channel is not used again.
                        let _ = channel.close().await;
                        return;
                    }
                    continue;
                }
            };
            let Some(event) = event else { return };
            match event {
                ChannelEvent::ConsumerCancelled { consumer_tag } => {
                    if let Err(error) = self.restore(channel, &consumer_tag).await {
                        tracing::warn!(name = self.intent.name, %error, "cannot restore a consumer; starting all again");
                        // Whatever the outcome, this channel is not used again.
                        let _ = channel.close().await;
                        return;
                    }
                }
                ChannelEvent::Closed(error) => {
                    tracing::debug!(name = self.intent.name, %error, "consumers interrupted");
                    return;
                }
                _ => {}
            }
        }
    }

    /// Consumes a silent stream again, which shows whether it is silent; from another place if there is nothing at the
    /// one where it was read before.
    async fn find_place(&self, channel: &Channel) -> Result<(), Error> {
        let Some(position) = &self.intent.stream else {
            return Ok(());
        };
        let is_lost = position.is_silent();
        if !position.is_quiet() && !is_lost {
            return Ok(());
        }
        for (index, queue) in self.consumed_queues().into_iter().enumerate() {
            if *queue == *position.stream() {
                let tag = (index + 1).to_string();
                channel.cancel(&tag).await?;
                if is_lost {
                    position.lose();
                    self.ground.counters.consumers_restored.increment();
                }
                self.subscribe(channel, &tag, queue).await?;
            }
        }
        Ok(())
    }

    /// Declares and consumes one queue again. It declares elsewhere, so that a refusal does not cost the channel that
    /// the other consumers live on.
    async fn restore(&self, channel: &Channel, tag: &str) -> Result<(), Error> {
        let queues = self.consumed_queues();
        let index = tag
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let Some(queue) = index.and_then(|index| queues.get(index)) else {
            return Ok(());
        };
        tracing::warn!(name = self.intent.name, %queue, "the broker cancelled a consumer; consuming its queue again");
        let Some(epoch) = self.ground.supervisor.current() else {
            // The channel's own end follows.
            return Ok(());
        };
        let mut declarer = Declarer::open(epoch, 0).await?;
        if let Some(own) = &self.intent.own_queue
            && own.name == *queue
            && !declarer.has_queue(queue).await?
        {
            (own.recreated)(&self.ground.counters).increment();
        }
        if let Some(position) = self.stream_named(queue) {
            position.reset();
        }
        for binding in self
            .intent
            .bindings
            .iter()
            .filter(|binding| binding.queue.name == *queue)
        {
            declarer.binding(binding).await?;
        }
        self.subscribe(channel, tag, Arc::clone(queue)).await?;
        self.ground.counters.consumers_restored.increment();
        Ok(())
    }

    async fn subscribe(&self, channel: &Channel, tag: &str, queue: Arc<str>) -> Result<(), Error> {
        let sink = (self.intent.sinks)(channel);
        let (arguments, sink) = match self.stream_named(&queue) {
            Some(position) => (
                field_table(&position.consume_arguments()),
                position.follow(sink),
            ),
            None => (field_table(&self.intent.arguments), sink),
        };
        let consume = Consume {
            consumer_tag: tag.to_owned(),
            arguments,
            ..Consume::new(&*queue)
        };
        channel.consume(consume, sink).await.map(drop)
    }

    fn stream_named(&self, queue: &str) -> Option<&Arc<StreamPosition>> {
        let position = self.intent.stream.as_ref();
        position.filter(|position| position.stream() == queue)
    }

    async fn cancel_all(&self, channel: &Channel) {
        for tag in 1..=self.consumed_queues().len() {
            if let Err(error) = channel.cancel(&tag.to_string()).await {
                tracing::debug!(name = self.intent.name, %error, "a consumer ended before it was cancelled");
            }
        }
    }

    /// Deletes what only these consumers needed and closes their channel.
    async fn farewell(&self, channel: Option<Channel>) {
        let channel = match (
            channel.filter(Channel::is_open),
            self.ground.supervisor.current(),
        ) {
            (Some(channel), _) => channel,
            (None, Some(epoch)) if self.ever_declared => {
                match epoch.connection.open_channel().await {
                    Ok((channel, _events)) => channel,
                    Err(_) => return,
                }
            }
            _ => return,
        };
        if let Some(queue) = &self.intent.own_queue
            && queue.deleted_on_close
            && let Err(error) = channel.queue_delete(QueueDelete::new(&*queue.name)).await
        {
            tracing::debug!(queue = %queue.name, %error, "the queue stays until it expires");
        }
        // An error says that the channel is closed already.
        let _ = channel.close().await;
    }

    /// Each queue once, in the order of the bindings.
    fn consumed_queues(&self) -> Vec<Arc<str>> {
        let mut queues: Vec<Arc<str>> = Vec::new();
        for binding in &self.intent.bindings {
            if !queues.contains(&binding.queue.name) {
                queues.push(Arc::clone(&binding.queue.name));
            }
        }
        queues
    }

    /// The error to report if trying again would not help.
    fn definitive(&self, error: &StartError) -> Option<ListenError> {
        match error {
            StartError::Connect(failure @ ConnectFailure::Closed) => Some(failure.clone()),
            StartError::Connect(failure @ ConnectFailure::Failed(error)) => {
                is_definitive(error).then(|| failure.clone())
            }
            StartError::Channel(error @ Error::ChannelClosed(reason)) => {
                return (reason.code() != Some(NOT_FOUND)).then(|| listen_error(error));
            }
            StartError::Channel(error @ Error::Encode(_)) => return Some(listen_error(error)),
            StartError::Channel(_) => None,
        }
        .map(|failure| failure.into_listen_error(&self.ground.hosts))
    }
}

/// How long to wait at least before all is declared again; `None` if another connection is needed first, which the
/// supervisor paces.
fn pause_after(error: &Error) -> Option<Duration> {
    match error {
        error if error.code() == Some(INTERNAL_ERROR) => Some(BROKER_FAILURE_PAUSE),
        error if error.is_connection_closed() => None,
        _ => Some(Duration::ZERO),
    }
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::Channel(error)
    }
}
