//! Consumers that outlive their connections.

use std::sync::Arc;
use std::time::Duration;

use bergen_amqp::client::{
    Channel, ChannelEvent, ChannelEvents, Consume, DeliverySink, Error, QueueDelete,
};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backoff::BackoffPolicy;
use super::declare::{Declarer, NOT_FOUND, field_table};
use super::failure::{is_refusal, listen_error};
use super::half_open::HalfOpen;
use super::stats::{Counter, Counters};
use super::supervisor::{ConnectFailure, Supervisor};
use super::topology::{Arguments, Binding};
use crate::driver::{ListenError, Retry};

/// What should exist and be consumed, on whichever connection answers next.
pub(super) struct Intent {
    /// Says in log lines whose consumers these are.
    pub(super) name: String,
    /// Declared in this order; each distinct queue is then consumed, with the tags "1", "2", ….
    pub(super) bindings: Vec<Binding>,
    /// basic.qos of each new channel; 0 sets none.
    pub(super) prefetch: u16,
    pub(super) arguments: Arguments,
    /// Deleted on a clean close.
    pub(super) temporary_queue: Option<Temporary>,
    /// Makes the sink of each consumer, for the channel that it consumes on.
    pub(super) sinks: Box<MakeSink>,
}

/// A queue that lives no longer than its consumer.
pub(super) struct Temporary {
    pub(super) name: Arc<str>,
    /// Counts how often it was found gone: what it held is lost.
    pub(super) recreated: fn(&Counters) -> &Counter,
}

/// Makes the sink of one consumer.
pub(super) type MakeSink = dyn Fn(&Channel) -> Box<dyn DeliverySink> + Send + Sync;

/// The handle on consumers that a task keeps alive.
#[derive(Debug)]
pub(super) struct Consumers {
    state: watch::Receiver<State>,
    stopping: CancellationToken,
    closing: CancellationToken,
}

/// What consumers live on.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    pub(super) supervisor: Arc<Supervisor>,
    pub(super) backoff: BackoffPolicy,
    pub(super) hosts: Arc<str>,
    pub(super) counters: Arc<Counters>,
    pub(super) tasks: TaskTracker,
    /// Cancelled when the driver closes.
    pub(super) closing: CancellationToken,
}

impl Consumers {
    /// Starts to consume, and to start again after every loss.
    pub(super) fn start(intent: Intent, ground: &Ground) -> Self {
        let (publish, state) = watch::channel(State::Starting);
        let stopping = CancellationToken::new();
        let closing = ground.closing.child_token();
        let keeper = Keeper {
            intent,
            ground: ground.clone(),
            state: publish,
            stopping: stopping.clone(),
            closing: closing.clone(),
            ever_declared: false,
            ever_started: false,
        };
        ground.tasks.spawn(keeper.run());
        Self {
            state,
            stopping,
            closing,
        }
    }

    /// Whether all consumers stand right now.
    pub(super) fn is_consuming(&self) -> bool {
        matches!(*self.state.borrow(), State::Consuming)
    }

    /// Whether they ended without ever having started.
    pub(super) fn has_failed(&self) -> bool {
        matches!(*self.state.borrow(), State::Failed(_))
    }

    /// Waits until all consumers stand, or the first start has failed for good.
    pub(super) async fn started(&self) -> Result<(), ListenError> {
        let mut state = self.state.clone();
        let settled = state
            .wait_for(|state| !matches!(state, State::Starting | State::Interrupted))
            .await;
        match settled.as_deref() {
            Ok(State::Failed(error)) => Err(error.clone()),
            Ok(State::Consuming) => Ok(()),
            Ok(_) | Err(_) => Err(ListenError::Closed),
        }
    }

    /// Waits until they are over for good.
    pub(super) async fn ended(&self) {
        let ended = |state: &State| matches!(state, State::Failed(_) | State::Closed);
        // An error means that the keeper is gone.
        let _ = self.state.clone().wait_for(ended).await;
    }

    /// Takes no new messages. What was delivered can still be acknowledged.
    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        let mut state = self.state.clone();
        let ended =
            |state: &State| matches!(state, State::Stopped | State::Failed(_) | State::Closed);
        // An error means that the keeper is gone, which is also a stop.
        let _ = state.wait_for(ended).await;
    }

    /// Ends the consumers and what they hold on the broker.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.ended().await;
    }
}

impl Drop for Consumers {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Starting,
    /// The first start failed for a reason that trying again does not mend.
    Failed(ListenError),
    Consuming,
    /// Lost, and being restored.
    Interrupted,
    Stopped,
    Closed,
}

/// The task behind [`Consumers`].
struct Keeper {
    intent: Intent,
    ground: Ground,
    state: watch::Sender<State>,
    stopping: CancellationToken,
    closing: CancellationToken,
    /// Something may exist on the broker, even if it was never consumed.
    ever_declared: bool,
    ever_started: bool,
}

/// Why consumers did not start on one connection.
enum StartError {
    Connect(ConnectFailure),
    Channel(Error),
}

/// How long a goodbye may take: the broker forgets us anyway.
const FAREWELL: Duration = Duration::from_secs(5);

impl Keeper {
    async fn run(mut self) {
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
                    // The supervisor paces what fails for lack of a connection.
                    if let StartError::Channel(error) = error
                        && !error.is_connection_closed()
                    {
                        let pause = pauses.next_pause(&mut random);
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
        let mut declarer = Declarer::open(epoch, self.intent.prefetch).await?;
        if let (true, Some(queue)) = (self.ever_started, &self.intent.temporary_queue)
            && !declarer.has_queue(&queue.name).await?
        {
            (queue.recreated)(&self.ground.counters).increment();
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

    /// Follows one channel until it is lost.
    async fn consume(&self, channel: &Channel, mut events: ChannelEvents) {
        while let Some(event) = events.next().await {
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
        if let Some(temporary) = &self.intent.temporary_queue
            && temporary.name == *queue
            && !declarer.has_queue(queue).await?
        {
            (temporary.recreated)(&self.ground.counters).increment();
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
        let consume = Consume {
            consumer_tag: tag.to_owned(),
            arguments: field_table(&self.intent.arguments),
            ..Consume::new(&*queue)
        };
        channel
            .consume(consume, (self.intent.sinks)(channel))
            .await
            .map(drop)
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
        if let Some(queue) = &self.intent.temporary_queue
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
                is_refusal(error).then(|| failure.clone())
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

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::Channel(error)
    }
}
