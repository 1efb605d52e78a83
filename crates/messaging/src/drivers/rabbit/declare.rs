//! Declaring entities, and putting up with what others declared before.

use std::sync::Arc;
use std::time::Duration;

use bergen_amqp::client::{
    Channel, ChannelEvents, Error, ExchangeDeclare, ExchangeKind, QueueBind, QueueDeclare,
    QueueDelete,
};
use bergen_amqp::codec::{FieldTable, FieldValue};

use super::supervisor::Epoch;
use super::topology::{Argument, Binding, Exchange, ExchangeType, Queue};

/// Declares on a channel of its own, which it opens again after each refusal.
///
/// An entity that exists with other arguments (406) is used as it is: the peer falls back from durable to non-durable
/// only, not for notifications, and loses its prefetch on the way.
#[derive(Debug)]
pub(super) struct Declarer {
    epoch: Arc<Epoch>,
    /// Set with basic.qos on each channel before anything else; 0 sets none.
    prefetch: u16,
    channel: Channel,
    events: ChannelEvents,
}

impl Declarer {
    pub(super) async fn open(epoch: Arc<Epoch>, prefetch: u16) -> Result<Self, Error> {
        let (channel, events) = open_channel(&epoch, prefetch).await?;
        Ok(Self {
            epoch,
            prefetch,
            channel,
            events,
        })
    }

    /// Which connection it declares on.
    pub(super) fn epoch(&self) -> &Arc<Epoch> {
        &self.epoch
    }

    /// The channel and its events, to consume on.
    pub(super) fn into_channel(self) -> (Channel, ChannelEvents) {
        (self.channel, self.events)
    }

    /// Declares a queue with its exchange and binds them.
    pub(super) async fn binding(&mut self, binding: &Binding) -> Result<(), Error> {
        let Some(exchange) = &binding.exchange else {
            return self.queue(&binding.queue).await;
        };
        let found = self.exchange(exchange).await?;
        if found == Found::LessDurable && !binding.queue.is_always_durable() {
            self.queue(&binding.queue.not_durable()).await?;
        } else {
            self.queue(&binding.queue).await?;
        }
        let bind = QueueBind::new(&*binding.queue.name, &*exchange.name, &*binding.key);
        self.open_channel().await?.queue_bind(bind).await
    }

    /// Declares an exchange.
    pub(super) async fn exchange(&mut self, exchange: &Exchange) -> Result<Found, Error> {
        let channel = self.open_channel().await?;
        match channel.exchange_declare(exchange.declare()).await {
            Err(error) if error.code() == Some(PRECONDITION_FAILED) => {
                tracing::debug!(exchange = %exchange.name, %error, "using the exchange as it exists");
                let channel = self.open_channel().await?;
                channel.exchange_declare(exchange.declare_passive()).await?;
                // The peer reads the broker's words, too: nothing else tells which property differs.
                let durability = error.to_string().contains("inequivalent arg 'durable'");
                Ok(if durability && exchange.durable {
                    Found::LessDurable
                } else {
                    Found::Usable
                })
            }
            outcome => outcome.map(|()| Found::Usable),
        }
    }

    /// Declares a queue.
    pub(super) async fn queue(&mut self, queue: &Queue) -> Result<(), Error> {
        let channel = self.open_channel().await?;
        let outcome = channel.queue_declare(queue.declare()).await;
        let declared = match outcome.as_ref().err().and_then(Error::code) {
            Some(PRECONDITION_FAILED) => {
                tracing::debug!(queue = %queue.name, "using the queue as it exists");
                let channel = self.open_channel().await?;
                channel
                    .queue_declare(QueueDeclare::passive(&*queue.name))
                    .await
            }
            // The queue's home node is gone for good. A stream has no such node and finds another leader; deleted, it
            // would be lost to all servers of the topic, and their places in it with it.
            Some(NOT_FOUND) if !queue.is_stream() => {
                tracing::warn!(queue = %queue.name, "the queue is stuck on a node that is gone; deleting it");
                let channel = self.open_channel().await?;
                let deleted = channel.queue_delete(QueueDelete::new(&*queue.name)).await;
                if let Err(error) = deleted {
                    tracing::debug!(queue = %queue.name, %error, "could not delete it; declaring it anyway");
                }
                let channel = self.open_channel().await?;
                channel.queue_declare(queue.declare()).await
            }
            _ => outcome,
        };
        declared.map(drop)
    }

    /// Whether a queue exists.
    pub(super) async fn has_queue(&mut self, name: &str) -> Result<bool, Error> {
        let channel = self.open_channel().await?;
        match channel.queue_declare(QueueDeclare::passive(name)).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(NOT_FOUND) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn open_channel(&mut self) -> Result<Channel, Error> {
        if !self.channel.is_open() {
            let (channel, events) = open_channel(&self.epoch, self.prefetch).await?;
            self.channel = channel;
            self.events = events;
        }
        Ok(self.channel.clone())
    }
}

/// What became of the declaration of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It exists, as declared or otherwise.
    Usable,
    /// It exists and is not durable although it was declared so. The queues that go with it are then declared
    /// non-durable, too, because that is what the peer's services do with theirs.
    LessDurable,
}

/// The broker's reply code for an entity that does not exist.
pub(super) const NOT_FOUND: u16 = 404;
/// The broker's reply code for an entity that exists with other arguments.
pub(super) const PRECONDITION_FAILED: u16 = 406;
/// The broker's reply code for its own failure, with which it closes the connection. A declare gets it while a cluster
/// has not settled, and always for a kind of queue that the broker does not do any more.
pub(super) const INTERNAL_ERROR: u16 = 541;
/// How long to wait after such a failure, as the peer: each costs all that live on the connection their channels.
pub(super) const BROKER_FAILURE_PAUSE: Duration = Duration::from_secs(2);
/// The broker's reply code for what the user may not do.
pub(super) const ACCESS_REFUSED: u16 = 403;

async fn open_channel(epoch: &Epoch, prefetch: u16) -> Result<(Channel, ChannelEvents), Error> {
    let (channel, events) = epoch.connection.open_channel().await?;
    if prefetch > 0 {
        channel.qos(prefetch).await?;
    }
    Ok((channel, events))
}

impl Exchange {
    /// The declaration that creates the exchange.
    pub(super) fn declare(&self) -> ExchangeDeclare {
        let kind = match self.kind {
            ExchangeType::Topic => ExchangeKind::Topic,
            ExchangeType::Fanout => ExchangeKind::Fanout,
        };
        ExchangeDeclare {
            durable: self.durable,
            auto_delete: self.auto_delete,
            ..ExchangeDeclare::new(&*self.name, kind)
        }
    }

    /// The declaration that only checks that it exists.
    pub(super) fn declare_passive(&self) -> ExchangeDeclare {
        ExchangeDeclare {
            passive: true,
            ..self.declare()
        }
    }
}

impl Queue {
    /// The same in memory only.
    pub(super) fn not_durable(&self) -> Self {
        Self {
            durable: false,
            ..self.clone()
        }
    }

    fn declare(&self) -> QueueDeclare {
        QueueDeclare {
            durable: self.durable,
            auto_delete: self.auto_delete,
            arguments: field_table(&self.arguments),
            ..QueueDeclare::new(&*self.name)
        }
    }
}

/// Arguments as the wire knows them.
pub(super) fn field_table(arguments: &[(&'static str, Argument)]) -> FieldTable<'static> {
    let mut table = FieldTable::new();
    for (name, value) in arguments {
        let value = match value {
            Argument::Int(number) => FieldValue::I32(*number),
            Argument::Long(number) => FieldValue::I64(*number),
            Argument::Timestamp(seconds) => FieldValue::Timestamp(*seconds),
            Argument::Text(text) => FieldValue::LongString(text.as_bytes().to_vec().into()),
            Argument::Bool(flag) => FieldValue::Bool(*flag),
        };
        table.insert(*name, value);
    }
    table
}
