//! `amqprs`

use ::amqprs::callbacks::ChannelCallback;
use ::amqprs::channel::{
    BasicAckArguments, BasicCancelArguments, BasicConsumeArguments, BasicGetArguments,
    BasicNackArguments, BasicPublishArguments, BasicQosArguments, BasicRejectArguments,
    ConfirmSelectArguments, ConsumerMessage, ExchangeBindArguments, ExchangeDeclareArguments,
    ExchangeDeleteArguments, QueueBindArguments, QueueDeclareArguments, QueueDeleteArguments,
    QueuePurgeArguments, QueueUnbindArguments,
};
use ::amqprs::connection::{Connection, OpenConnectionArguments};
use ::amqprs::error::Error;
use ::amqprs::{
    Ack, BasicProperties, Cancel, CloseChannel, DecimalValue, FieldArray, FieldTable, FieldValue,
    Nack, Return,
};
use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::foreign::broker::Address;
use crate::foreign::client::{
    Channel, Client, Declared, Delivery, Exchange, How, Outcome, Outgoing, Properties, Queue,
    Refused, Returned, Unless, Value, within,
};

pub(in crate::foreign) struct Amqprs(Connection);

pub(in crate::foreign) struct AmqprsChannel {
    channel: ::amqprs::channel::Channel,
    events: mpsc::UnboundedReceiver<Event>,
    deliveries: Option<mpsc::UnboundedReceiver<ConsumerMessage>>,
}

/// What the broker says unasked.
#[derive(Debug)]
enum Event {
    Acked,
    Nacked,
    Returned(Returned),
    Cancelled,
    Closed(Refused),
}

impl Client for Amqprs {
    type Channel = AmqprsChannel;

    const HEARS_OF_CANCELS: bool = true;

    async fn connect(address: &Address, heartbeat: u16) -> Result<Self, String> {
        let mut arguments = OpenConnectionArguments::new(
            "127.0.0.1",
            address.port,
            &address.user,
            &address.password,
        );
        arguments.virtual_host(&address.vhost).heartbeat(heartbeat);
        Connection::open(&arguments)
            .await
            .map(Self)
            .map_err(|error| error.to_string())
    }

    async fn channel(&self) -> AmqprsChannel {
        let channel = self.0.open_channel(None).await.unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        channel.register_callback(Events(sender)).await.unwrap();
        AmqprsChannel {
            channel,
            events,
            deliveries: None,
        }
    }

    async fn close(self) {
        self.0.close().await.unwrap();
    }
}

impl Channel for AmqprsChannel {
    type Table = FieldTable;

    fn table(entries: &[(&str, Value<'_>)]) -> FieldTable {
        let mut table = FieldTable::new();
        for (name, value) in entries {
            let value = match value {
                Value::Text(text) => FieldValue::from(*text),
                Value::Number(number) => FieldValue::I(*number),
            };
            table.insert((*name).try_into().unwrap(), value);
        }
        table
    }

    fn every_type() -> FieldTable {
        let mut inner = FieldTable::new();
        inner.insert("deep".try_into().unwrap(), FieldValue::l(-1));
        let array = vec![
            FieldValue::from("a"),
            FieldValue::t(false),
            FieldValue::F(inner.clone()),
            FieldValue::A(FieldArray::new()),
        ];
        let values = [
            ("bool", FieldValue::t(true)),
            ("i8", FieldValue::b(-8)),
            ("u8", FieldValue::B(200)),
            ("i16", FieldValue::s(-1600)),
            ("u16", FieldValue::u(60_000)),
            ("i32", FieldValue::I(-320_000)),
            ("u32", FieldValue::i(4_000_000_000)),
            ("i64", FieldValue::l(i64::MIN)),
            ("f32", FieldValue::f(0.25)),
            ("f64", FieldValue::d(-1e300)),
            ("decimal", FieldValue::D(DecimalValue::new(2, 5))),
            ("text", FieldValue::from("snow \u{2603}")),
            ("time", FieldValue::T(1_700_000_000)),
            ("bytes", FieldValue::x(vec![0, 255].try_into().unwrap())),
            ("void", FieldValue::V),
            ("table", FieldValue::F(inner)),
            ("array", FieldValue::A(array.try_into().unwrap())),
        ];
        let mut table = FieldTable::new();
        for (name, value) in values {
            table.insert(name.try_into().unwrap(), value);
        }
        table
    }

    async fn declare_exchange(&mut self, exchange: Exchange<'_>) -> Result<(), Refused> {
        let mut arguments = ExchangeDeclareArguments::new(exchange.name, exchange.kind);
        arguments.passive = exchange.passive;
        arguments.durable = exchange.durable;
        arguments.auto_delete = exchange.auto_delete;
        let declared = self.channel.exchange_declare(arguments).await;
        self.done(declared).await
    }

    async fn delete_exchange(&mut self, name: &str, if_unused: bool) -> Result<(), Refused> {
        let mut arguments = ExchangeDeleteArguments::new(name);
        arguments.if_unused = if_unused;
        let deleted = self.channel.exchange_delete(arguments).await;
        self.done(deleted).await
    }

    async fn bind_exchange(
        &mut self,
        destination: &str,
        source: &str,
        routing_key: &str,
    ) -> Result<(), Refused> {
        let arguments = ExchangeBindArguments::new(destination, source, routing_key);
        let bound = self.channel.exchange_bind(arguments).await;
        self.done(bound).await
    }

    async fn declare_queue(
        &mut self,
        queue: Queue<'_>,
        arguments: FieldTable,
    ) -> Result<Declared, Refused> {
        let declare = QueueDeclareArguments::new(queue.name)
            .passive(queue.passive)
            .durable(queue.durable)
            .exclusive(queue.exclusive)
            .auto_delete(queue.auto_delete)
            .arguments(arguments)
            .finish();
        let declared = self.channel.queue_declare(declare).await;
        let (name, messages, consumers) = self.done(declared).await?.unwrap();
        Ok(Declared {
            name,
            messages,
            consumers,
        })
    }

    async fn delete_queue(&mut self, name: &str, unless: Unless) -> Result<u32, Refused> {
        let mut arguments = QueueDeleteArguments::new(name);
        arguments
            .if_unused(unless == Unless::Used)
            .if_empty(unless == Unless::Full);
        let deleted = self.channel.queue_delete(arguments).await;
        self.done(deleted).await.map(Option::unwrap)
    }

    async fn purge_queue(&mut self, name: &str) -> Result<u32, Refused> {
        let purged = self
            .channel
            .queue_purge(QueuePurgeArguments::new(name))
            .await;
        self.done(purged).await.map(Option::unwrap)
    }

    async fn bind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
        arguments: FieldTable,
    ) -> Result<(), Refused> {
        let mut bind = QueueBindArguments::new(queue, exchange, routing_key);
        bind.arguments = arguments;
        let bound = self.channel.queue_bind(bind).await;
        self.done(bound).await
    }

    async fn unbind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
    ) -> Result<(), Refused> {
        let arguments = QueueUnbindArguments::new(queue, exchange, routing_key);
        let unbound = self.channel.queue_unbind(arguments).await;
        self.done(unbound).await
    }

    async fn select_confirms(&mut self) {
        let arguments = ConfirmSelectArguments::new(false);
        self.channel.confirm_select(arguments).await.unwrap();
    }

    async fn publish(&mut self, message: Outgoing<'_, FieldTable>) -> Outcome {
        self.send(message).await;
        // Confirms come by callback without their publish: there is one at a time.
        let mut outcome = Outcome::Confirmed;
        loop {
            match self.event("the confirm").await {
                Event::Returned(returned) => outcome = Outcome::Returned(returned),
                Event::Acked => return outcome,
                Event::Nacked => return Outcome::Nacked,
                other => panic!("{other:?}"),
            }
        }
    }

    async fn publish_nowhere(&mut self, exchange: &str) -> Refused {
        let message = Outgoing {
            exchange,
            routing_key: "",
            mandatory: false,
            body: b"",
            properties: Properties::default(),
        };
        self.send(message).await;
        self.closed().await
    }

    async fn qos(&mut self, prefetch: u16) {
        let arguments = BasicQosArguments::new(0, prefetch, false);
        self.channel.basic_qos(arguments).await.unwrap();
    }

    async fn consume(&mut self, queue: &str, tag: &str, how: How) -> Result<(), Refused> {
        let mut arguments = BasicConsumeArguments::new(queue, tag);
        arguments.no_ack = how.no_ack;
        arguments.exclusive = how.exclusive;
        let consumed = self.channel.basic_consume_rx(arguments).await;
        let (_, deliveries) = self.done(consumed).await?;
        self.deliveries = Some(deliveries);
        Ok(())
    }

    async fn cancel(&mut self, tag: &str) {
        let arguments = BasicCancelArguments::new(tag);
        self.channel.basic_cancel(arguments).await.unwrap();
        self.deliveries = None;
    }

    async fn next(&mut self) -> Option<Delivery<FieldTable>> {
        let deliveries = self.deliveries.as_mut().unwrap();
        let next = async {
            tokio::select! {
                biased;
                delivery = deliveries.recv() => delivery,
                event = self.events.recv() => match event {
                    Some(Event::Cancelled) => None,
                    other => panic!("{other:?}"),
                },
            }
        };
        let message = within("a delivery", next).await?;
        let (deliver, properties) = (message.deliver.unwrap(), message.basic_properties.unwrap());
        Some(Delivery {
            tag: deliver.delivery_tag(),
            redelivered: deliver.redelivered(),
            exchange: deliver.exchange().clone(),
            routing_key: deliver.routing_key().clone(),
            properties: read(&properties),
            body: message.content.unwrap(),
        })
    }

    async fn get(&mut self, queue: &str) -> Option<(Delivery<FieldTable>, u32)> {
        let arguments = BasicGetArguments::new(queue);
        let (got, properties, body) = self.channel.basic_get(arguments).await.unwrap()?;
        let delivery = Delivery {
            tag: got.delivery_tag(),
            redelivered: got.redelivered(),
            exchange: got.exchange().clone(),
            routing_key: got.routing_key().clone(),
            properties: read(&properties),
            body,
        };
        Some((delivery, got.message_count()))
    }

    async fn ack(&mut self, tag: u64, multiple: bool) {
        let arguments = BasicAckArguments::new(tag, multiple);
        self.channel.basic_ack(arguments).await.unwrap();
    }

    async fn nack(&mut self, tag: u64, multiple: bool, requeue: bool) {
        let arguments = BasicNackArguments::new(tag, multiple, requeue);
        self.channel.basic_nack(arguments).await.unwrap();
    }

    async fn reject(&mut self, tag: u64, requeue: bool) {
        let arguments = BasicRejectArguments::new(tag, requeue);
        self.channel.basic_reject(arguments).await.unwrap();
    }

    async fn ack_unknown(&mut self, tag: u64) -> Refused {
        self.ack(tag, false).await;
        self.closed().await
    }

    async fn close(self) {
        self.channel.close().await.unwrap();
    }
}

impl AmqprsChannel {
    async fn send(&mut self, message: Outgoing<'_, FieldTable>) {
        let mut arguments = BasicPublishArguments::new(message.exchange, message.routing_key);
        arguments.mandatory = message.mandatory;
        let body = message.body.to_vec();
        let published = self
            .channel
            .basic_publish(written(message.properties), body, arguments);
        published.await.unwrap();
    }

    /// What an operation came to. Why the channel was closed under it comes by callback.
    async fn done<T>(&mut self, result: Result<T, Error>) -> Result<T, Refused> {
        match result {
            Ok(done) => Ok(done),
            Err(_) => Err(self.closed().await),
        }
    }

    async fn closed(&mut self) -> Refused {
        match self.event("the channel's end").await {
            Event::Closed(refused) => refused,
            other => panic!("{other:?}"),
        }
    }

    async fn event(&mut self, what: &str) -> Event {
        within(what, self.events.recv()).await.expect(what)
    }
}

struct Events(mpsc::UnboundedSender<Event>);

#[async_trait]
impl ChannelCallback for Events {
    async fn close(
        &mut self,
        _: &::amqprs::channel::Channel,
        close: CloseChannel,
    ) -> Result<(), Error> {
        let refused = Refused {
            code: close.reply_code(),
            text: close.reply_text().clone(),
        };
        let _ = self.0.send(Event::Closed(refused));
        Ok(())
    }

    async fn cancel(&mut self, _: &::amqprs::channel::Channel, _: Cancel) -> Result<(), Error> {
        let _ = self.0.send(Event::Cancelled);
        Ok(())
    }

    async fn flow(&mut self, _: &::amqprs::channel::Channel, active: bool) -> Result<bool, Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &::amqprs::channel::Channel, _: Ack) {
        let _ = self.0.send(Event::Acked);
    }

    async fn publish_nack(&mut self, _: &::amqprs::channel::Channel, _: Nack) {
        let _ = self.0.send(Event::Nacked);
    }

    async fn publish_return(
        &mut self,
        _: &::amqprs::channel::Channel,
        returned: Return,
        _: BasicProperties,
        body: Vec<u8>,
    ) {
        let _ = self.0.send(Event::Returned(Returned {
            code: returned.reply_code(),
            text: returned.reply_text().clone(),
            exchange: returned.exchange().clone(),
            routing_key: returned.routing_key().clone(),
            body,
        }));
    }
}

fn read(from: &BasicProperties) -> Properties<FieldTable> {
    Properties {
        content_type: from.content_type().cloned(),
        content_encoding: from.content_encoding().cloned(),
        headers: from.headers().cloned(),
        persistent: from.delivery_mode() == Some(2),
        priority: from.priority(),
        correlation_id: from.correlation_id().cloned(),
        reply_to: from.reply_to().cloned(),
        expiration: from.expiration().cloned(),
        message_id: from.message_id().cloned(),
        timestamp: from.timestamp(),
        kind: from.message_type().cloned(),
        user_id: from.user_id().cloned(),
        app_id: from.app_id().cloned(),
    }
}

fn written(from: Properties<FieldTable>) -> BasicProperties {
    let mut to = BasicProperties::default();
    if from.persistent {
        to.with_persistence(true);
    }
    if let Some(headers) = from.headers {
        to.with_headers(headers);
    }
    if let Some(priority) = from.priority {
        to.with_priority(priority);
    }
    if let Some(timestamp) = from.timestamp {
        to.with_timestamp(timestamp);
    }
    macro_rules! set {
        ($($name:ident: $setter:ident),+) => {
            $(if let Some(value) = &from.$name {
                to.$setter(value);
            })+
        };
    }
    set!(
        content_type: with_content_type,
        content_encoding: with_content_encoding,
        correlation_id: with_correlation_id,
        reply_to: with_reply_to,
        expiration: with_expiration,
        message_id: with_message_id,
        kind: with_message_type,
        user_id: with_user_id,
        app_id: with_app_id
    );
    to
}
