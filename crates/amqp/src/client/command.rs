//! What handles and the connection's task say and show to each other.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::channel::Channel;
use super::event::ChannelEvents;
use super::stats::SharedStats;
use super::{
    CloseReason, Confirmed, Consume, Delivery, DeliverySink, Error, ExchangeBind, ExchangeDeclare,
    ExchangeDelete, ExchangeUnbind, Publish, PublishError, QueueBind, QueueDeclare, QueueDeclared,
    QueueDelete, QueueUnbind,
};
use crate::protocol::ChannelId;

/// How many requests and acknowledgements may wait for the task, and how many requests of one channel
/// for the broker's answer.
pub(super) const QUEUE_LIMIT: usize = 65_536;

/// What a publish weighs in its channel's window at least, in bytes.
const LEAST_WEIGHT: usize = 8 * 1024;

/// Whoever waits for a [`Request`]'s answer. Dropped without one, the reason is in the channel's or
/// connection's state, where it is put first.
pub(super) type Waiter<T> = oneshot::Sender<Result<T, Error>>;

/// What handles tell the task. The queue keeps their order, which is the order on the wire.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all that passes are publishes"
)]
pub(super) enum Command {
    OpenChannel(Waiter<(Channel, ChannelEvents)>),
    Close(oneshot::Sender<()>),
    Channel(ChannelId, ChannelCommand),
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all that passes are publishes"
)]
pub(super) enum ChannelCommand {
    /// With what it takes of the window.
    Publish(
        Publish,
        u32,
        oneshot::Sender<Result<Confirmed, PublishError>>,
    ),
    Acknowledge(Acknowledge),
    Request(Box<Request>, Waiter<Answer>),
    /// The last handle is gone.
    Dropped,
}

/// An acknowledgement from outside the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledge {
    Ack {
        delivery_tag: u64,
        multiple: bool,
    },
    Nack {
        delivery_tag: u64,
        multiple: bool,
        requeue: bool,
    },
    Reject {
        delivery_tag: u64,
        requeue: bool,
    },
}

/// A method that the broker answers.
pub(super) enum Request {
    ConfirmSelect,
    Qos { prefetch_count: u16 },
    ExchangeDeclare(ExchangeDeclare),
    ExchangeDelete(ExchangeDelete),
    ExchangeBind(ExchangeBind),
    ExchangeUnbind(ExchangeUnbind),
    QueueDeclare(QueueDeclare),
    QueueDelete(QueueDelete),
    QueueBind(QueueBind),
    QueueUnbind(QueueUnbind),
    QueuePurge { queue: String },
    Consume(Consume, Box<dyn DeliverySink>),
    Cancel { consumer_tag: String },
    Get { queue: String, no_ack: bool },
    Close,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Request {
    /// The method's name, for errors.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ConfirmSelect => "confirm.select",
            Self::Qos { .. } => "basic.qos",
            Self::ExchangeDeclare(_) => "exchange.declare",
            Self::ExchangeDelete(_) => "exchange.delete",
            Self::ExchangeBind(_) => "exchange.bind",
            Self::ExchangeUnbind(_) => "exchange.unbind",
            Self::QueueDeclare(_) => "queue.declare",
            Self::QueueDelete(_) => "queue.delete",
            Self::QueueBind(_) => "queue.bind",
            Self::QueueUnbind(_) => "queue.unbind",
            Self::QueuePurge { .. } => "queue.purge",
            Self::Consume(..) => "basic.consume",
            Self::Cancel { .. } => "basic.cancel",
            Self::Get { .. } => "basic.get",
            Self::Close => "channel.close",
        }
    }

    /// The consumer that this starts or ends.
    pub(super) fn consumer_tag(&self) -> Option<&str> {
        match self {
            Self::Consume(consume, _) => Some(&consume.consumer_tag),
            Self::Cancel { consumer_tag } => Some(consumer_tag),
            _ => None,
        }
    }
}

/// The broker's answer to a [`Request`].
#[derive(Debug)]
pub(super) enum Answer {
    Done,
    QueueDeclared(QueueDeclared),
    Count(u32),
    ConsumerTag(String),
    Got(Option<Box<Delivery>>),
}

/// A connection as its handles see it.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    closed: OnceLock<CloseReason>,
    queued: AtomicUsize,
    /// To end the task when it does not get round to ending itself.
    task: OnceLock<AbortHandle>,
    pub(super) stats: SharedStats,
}

impl ConnectionState {
    pub(super) fn is_open(&self) -> bool {
        self.closed.get().is_none()
    }

    /// The first reason stands: what follows is its consequence.
    pub(super) fn close(&self, reason: CloseReason) {
        let _ = self.closed.set(reason);
    }

    pub(super) fn close_reason(&self) -> CloseReason {
        self.closed.get().cloned().unwrap_or(CloseReason::TaskEnded)
    }

    pub(super) fn spawned(&self, task: AbortHandle) {
        let _ = self.task.set(task);
    }

    /// Ends the task without its doing.
    pub(super) fn abort(&self) {
        self.close(CloseReason::Requested);
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    /// The task took so many commands from the queue.
    pub(super) fn taken(&self, commands: usize) {
        self.queued.fetch_sub(commands, Ordering::Relaxed);
    }
}

/// A channel as its handles see it.
#[derive(Debug)]
pub(super) struct ChannelState {
    closed: OnceLock<Error>,
    connection: Arc<ConnectionState>,
    window: Semaphore,
    window_size: u32,
    consumer_tags: AtomicU64,
}

impl ChannelState {
    pub(super) fn new(connection: Arc<ConnectionState>, window: usize) -> Self {
        let window_size = u32::try_from(window.max(1)).unwrap_or(u32::MAX);
        Self {
            closed: OnceLock::new(),
            connection,
            window: Semaphore::new(window_size as usize),
            window_size,
            consumer_tags: AtomicU64::new(0),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.closed.get().is_none() && self.connection.is_open()
    }

    /// The first reason stands. Whoever waits for the window is told.
    pub(super) fn close(&self, reason: Error) {
        let _ = self.closed.set(reason);
        self.window.close();
    }

    /// Why nothing works any more.
    pub(super) fn error(&self) -> Error {
        let own = self.closed.get().cloned();
        own.unwrap_or_else(|| Error::ConnectionClosed(self.connection.close_reason()))
    }

    /// What a body of so many bytes takes of the window.
    pub(super) fn weight(&self, body: usize) -> u32 {
        u32::try_from(body.max(LEAST_WEIGHT))
            .unwrap_or(u32::MAX)
            .min(self.window_size)
    }

    /// Waits until a publish of this weight may go.
    pub(super) async fn admit(&self, weight: u32) -> Result<(), Error> {
        let permit = match self.window.try_acquire_many(weight) {
            Ok(permit) => permit,
            Err(_) => self
                .window
                .acquire_many(weight)
                .await
                .map_err(|_| self.error())?,
        };
        permit.forget();
        Ok(())
    }

    /// Gives back what settled publishes weighed.
    pub(super) fn release(&self, weight: usize) {
        self.window.add_permits(weight);
    }

    pub(super) fn new_consumer_tag(&self) -> String {
        format!(
            "consumer-{}",
            self.consumer_tags.fetch_add(1, Ordering::Relaxed)
        )
    }
}

/// The handles' end of the command queue.
#[derive(Clone, Debug)]
pub(super) struct CommandSender {
    queue: mpsc::UnboundedSender<Command>,
    state: Arc<ConnectionState>,
}

impl CommandSender {
    pub(super) fn new(state: Arc<ConnectionState>) -> (Self, mpsc::UnboundedReceiver<Command>) {
        let (queue, receiver) = mpsc::unbounded_channel();
        (Self { queue, state }, receiver)
    }

    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    /// For what is bounded in another way: by the window, or by how many handles there are.
    pub(super) fn send(&self, command: Command) -> Result<(), Error> {
        self.state.queued.fetch_add(1, Ordering::Relaxed);
        self.queue
            .send(command)
            .map_err(|_| Error::ConnectionClosed(self.state.close_reason()))
    }

    /// For everything else.
    pub(super) fn try_send(&self, command: Command) -> Result<(), Error> {
        if self.state.queued.load(Ordering::Relaxed) >= QUEUE_LIMIT {
            return Err(Error::Overloaded);
        }
        self.send(command)
    }

    /// For a channel that the task opens: the task itself must not keep the queue open.
    pub(super) fn downgrade(&self) -> WeakCommandSender {
        WeakCommandSender {
            queue: self.queue.downgrade(),
            state: Arc::clone(&self.state),
        }
    }
}

/// A [`CommandSender`] that does not keep the connection open.
#[derive(Clone, Debug)]
pub(super) struct WeakCommandSender {
    queue: mpsc::WeakUnboundedSender<Command>,
    state: Arc<ConnectionState>,
}

impl WeakCommandSender {
    pub(super) fn upgrade(&self) -> Option<CommandSender> {
        let queue = self.queue.upgrade()?;
        Some(CommandSender {
            queue,
            state: Arc::clone(&self.state),
        })
    }
}
