//! The handle of a channel.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::command::{
    Acknowledge, Answer, ChannelCommand, ChannelState, Command, CommandSender, Request,
};
use super::consumer::Consumer;
use super::{
    ChannelCloseReason, Confirmation, Consume, Delivery, DeliverySink, Error, ExchangeBind,
    ExchangeDeclare, ExchangeDelete, ExchangeUnbind, Publish, QueueBind, QueueDeclare,
    QueueDeclared, QueueDelete, QueueUnbind,
};
use crate::protocol::ChannelId;

/// An open channel. Clones are handles of the same channel.
///
/// Requests queue up when they are *called*, not when their future is awaited: a declare followed by
/// a publish reach the broker in that order without waiting in between, and dropping a future takes
/// nothing back (its answer is swallowed). Only a [`consume`](Self::consume) or
/// [`cancel`](Self::cancel) waits inside the client, with all behind it, while another one of the
/// same tag is unanswered.
///
/// An error that the broker finds closes the channel, with everything behind the culprit. When the
/// last handle is dropped the channel closes too, once what it published is confirmed.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: ChannelId,
    state: Arc<ChannelState>,
    commands: CommandSender,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // If the connection is gone, so is the channel.
        let _ = self
            .commands
            .send(Command::Channel(self.id, ChannelCommand::Dropped));
    }
}

/// Room in [the window](Publish#the-window) for one publish. Dropping it gives the room back.
#[derive(Debug)]
pub struct Admitted<'a> {
    channel: &'a Channel,
    /// What it takes of the window; zero once it has been used.
    weight: u32,
}

impl Admitted<'_> {
    /// Publishes a message, which counts as large as was asked for. The outcome is the [`Confirmation`]'s; an error says
    /// that the channel is gone and nothing was sent.
    pub fn publish(mut self, publish: Publish) -> Result<Confirmation, Error> {
        let inner = &self.channel.inner;
        if !inner.state.is_open() {
            return Err(inner.state.error());
        }
        let (outcome, confirmation) = Confirmation::new(Arc::clone(&inner.state));
        let command = ChannelCommand::Publish(publish, self.weight, outcome);
        inner.commands.send(Command::Channel(inner.id, command))?;
        self.weight = 0;
        Ok(confirmation)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.channel.inner.state.release(self.weight as usize);
    }
}

impl Channel {
    pub(super) fn new(id: ChannelId, state: Arc<ChannelState>, commands: CommandSender) -> Self {
        Self {
            inner: Arc::new(Inner {
                id,
                state,
                commands,
            }),
        }
    }

    /// The channel's number on its connection.
    pub fn id(&self) -> u16 {
        self.inner.id.number()
    }

    /// Whether the channel is neither closed nor closing.
    pub fn is_open(&self) -> bool {
        self.inner.state.is_open()
    }

    /// Has the broker confirm what is published from here on.
    pub fn confirm_select(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.simple(Request::ConfirmSelect)
    }

    /// Bounds how many deliveries each consumer started from here on may have unacknowledged.
    /// 0 is no bound at all.
    pub fn qos(
        &self,
        prefetch_count: u16,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.simple(Request::Qos { prefetch_count })
    }

    /// Creates an exchange, or checks that it is as described.
    pub fn exchange_declare(
        &self,
        declare: ExchangeDeclare,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.simple(Request::ExchangeDeclare(declare))
    }

    /// Deletes an exchange; one that is not there is no error on RabbitMQ.
    pub fn exchange_delete(
        &self,
        delete: ExchangeDelete,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.simple(Request::ExchangeDelete(delete))
    }

    /// Binds an exchange to another.
    pub fn exchange_bind(
        &self,
        bind: ExchangeBind,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.simple(Request::ExchangeBind(bind))
    }

    /// Takes a binding between exchanges back.
    pub fn exchange_unbind(
        &self,
        unbind: ExchangeUnbind,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.simple(Request::ExchangeUnbind(unbind))
    }

    /// Creates a queue, or checks that it is as described.
    pub fn queue_declare(
        &self,
        declare: QueueDeclare,
    ) -> impl Future<Output = Result<QueueDeclared, Error>> + Send + use<> {
        self.typed(Request::QueueDeclare(declare), |answer| match answer {
            Answer::QueueDeclared(declared) => Some(declared),
            _ => None,
        })
    }

    /// Binds a queue to an exchange.
    pub fn queue_bind(
        &self,
        bind: QueueBind,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.simple(Request::QueueBind(bind))
    }

    /// Takes a binding back.
    pub fn queue_unbind(
        &self,
        unbind: QueueUnbind,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.simple(Request::QueueUnbind(unbind))
    }

    /// Empties a queue of what is ready for delivery and says how many messages that was.
    pub fn queue_purge(
        &self,
        queue: &str,
    ) -> impl Future<Output = Result<u32, Error>> + Send + use<> {
        self.count(Request::QueuePurge {
            queue: queue.to_owned(),
        })
    }

    /// Deletes a queue and says how many messages went with it.
    pub fn queue_delete(
        &self,
        delete: QueueDelete,
    ) -> impl Future<Output = Result<u32, Error>> + Send + use<> {
        self.count(Request::QueueDelete(delete))
    }

    /// Subscribes to a queue; `sink` takes the deliveries on the connection's task, also those that
    /// come right behind the broker's answer. Gives the consumer's tag.
    ///
    /// If the future is dropped before the broker answered, the consumer is cancelled then.
    pub fn consume(
        &self,
        mut consume: Consume,
        sink: Box<dyn DeliverySink>,
    ) -> impl Future<Output = Result<String, Error>> + Send + use<> {
        if consume.consumer_tag.is_empty() {
            consume.consumer_tag = self.inner.state.new_consumer_tag();
        }
        self.typed(Request::Consume(consume, sink), |answer| match answer {
            Answer::ConsumerTag(tag) => Some(tag),
            _ => None,
        })
    }

    /// Subscribes to a queue; deliveries wait in the returned stream, at most `capacity` of them
    /// (1 to 65 535). Sets [`qos`](Self::qos) to that number first, so that the broker sends no more
    /// than fit; [`Consumer`] says what happens to consumers without acknowledgements.
    pub fn consume_stream(
        &self,
        mut consume: Consume,
        capacity: usize,
    ) -> impl Future<Output = Result<Consumer, Error>> + Send + use<> {
        let capacity = u16::try_from(capacity).unwrap_or(u16::MAX).max(1);
        if consume.consumer_tag.is_empty() {
            consume.consumer_tag = self.inner.state.new_consumer_tag();
        }
        let (consumer, sink) = Consumer::new(self.clone(), &consume, capacity.into());
        let qos = self.qos(capacity);
        let subscribed = self.consume(consume, Box::new(sink));
        async move {
            qos.await?;
            subscribed.await?;
            Ok(consumer)
        }
    }

    /// Ends a consumer. When the future resolves its sink is gone; what it did not acknowledge stays
    /// unacknowledged.
    pub fn cancel(
        &self,
        consumer_tag: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.simple(Request::Cancel {
            consumer_tag: consumer_tag.to_owned(),
        })
    }

    /// Asks for one message; `None` if the queue is empty. A message that comes when the future was
    /// dropped is put back.
    pub fn get(
        &self,
        queue: &str,
        no_ack: bool,
    ) -> impl Future<Output = Result<Option<Delivery>, Error>> + Send + use<> {
        self.typed(
            Request::Get {
                queue: queue.to_owned(),
                no_ack,
            },
            |answer| match answer {
                Answer::Got(delivery) => Some(delivery.map(|delivery| *delivery)),
                _ => None,
            },
        )
    }

    /// Acknowledges a delivery, or with `multiple` all up to it. Does not wait; an error says that
    /// the channel is dead, so that the broker delivers the message again.
    pub fn ack(&self, delivery_tag: u64, multiple: bool) -> Result<(), Error> {
        self.acknowledge(Acknowledge::Ack {
            delivery_tag,
            multiple,
        })
    }

    /// Refuses a delivery, or with `multiple` all up to it. Does not wait, as [`ack`](Self::ack).
    pub fn nack(&self, delivery_tag: u64, multiple: bool, requeue: bool) -> Result<(), Error> {
        self.acknowledge(Acknowledge::Nack {
            delivery_tag,
            multiple,
            requeue,
        })
    }

    /// Refuses a delivery. Does not wait, as [`ack`](Self::ack).
    pub fn reject(&self, delivery_tag: u64, requeue: bool) -> Result<(), Error> {
        self.acknowledge(Acknowledge::Reject {
            delivery_tag,
            requeue,
        })
    }

    /// Publishes, waiting only for room in [the window](Publish#the-window), in the order of the
    /// calls. The outcome is the [`Confirmation`]'s.
    ///
    /// While the broker blocks the connection, admitted publishes wait in the connection's task, the
    /// channel's requests behind them, and the window fills up: bound both waits with a deadline.
    /// Dropped before it resolves, nothing is published.
    pub async fn publish(&self, publish: Publish) -> Result<Confirmation, Error> {
        self.admit(publish.body.len()).await?.publish(publish)
    }

    /// Waits for room in [the window](Publish#the-window) for a body of so many bytes. For publishes that say how
    /// long they may live: what remains is known when there is room.
    pub async fn admit(&self, body_bytes: usize) -> Result<Admitted<'_>, Error> {
        let state = &self.inner.state;
        if !state.is_open() {
            return Err(state.error());
        }
        let weight = state.weight(body_bytes);
        state.admit(weight).await?;
        Ok(Admitted {
            channel: self,
            weight,
        })
    }

    /// Closes the channel. An error says that it had ended for another reason.
    pub fn close(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let closed = self.simple(Request::Close);
        async move {
            match closed.await {
                Err(Error::ChannelClosed(ChannelCloseReason::Requested)) => Ok(()),
                other => other,
            }
        }
    }

    fn acknowledge(&self, acknowledge: Acknowledge) -> Result<(), Error> {
        let inner = &self.inner;
        if !inner.state.is_open() {
            return Err(inner.state.error());
        }
        let command = ChannelCommand::Acknowledge(acknowledge);
        inner.commands.try_send(Command::Channel(inner.id, command))
    }

    fn simple(&self, request: Request) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.typed(request, |answer| {
            matches!(answer, Answer::Done).then_some(())
        })
    }

    fn count(&self, request: Request) -> impl Future<Output = Result<u32, Error>> + Send + use<> {
        self.typed(request, |answer| match answer {
            Answer::Count(count) => Some(count),
            _ => None,
        })
    }

    /// Queues the request now; the future only waits for the answer.
    fn typed<T: 'static>(
        &self,
        request: Request,
        convert: fn(Answer) -> Option<T>,
    ) -> impl Future<Output = Result<T, Error>> + Send + use<T> {
        let name = request.name();
        let state = Arc::clone(&self.inner.state);
        let (waiter, answer) = oneshot::channel();
        let sent = if state.is_open() {
            let command = ChannelCommand::Request(Box::new(request), waiter);
            self.inner
                .commands
                .try_send(Command::Channel(self.inner.id, command))
        } else {
            Err(state.error())
        };
        async move {
            sent?;
            let answer = answer.await.unwrap_or_else(|_| Err(state.error()))?;
            convert(answer).ok_or(Error::UnexpectedReply { request: name })
        }
    }
}
