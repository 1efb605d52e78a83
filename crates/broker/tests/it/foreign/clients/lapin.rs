//! `lapin`

use ::lapin::message::{BasicGetMessage, DeliveryResult};
use ::lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions,
    BasicPublishOptions, BasicQosOptions, BasicRejectOptions, ConfirmSelectOptions,
    ExchangeBindOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use ::lapin::types::{AMQPValue, DecimalValue, FieldArray, FieldTable, ShortString};
use ::lapin::{
    BasicProperties, Confirmation, Connection, ConnectionProperties, Error, ErrorKind, ExchangeKind,
};
use tokio::sync::mpsc;

use crate::foreign::broker::Address;
use crate::foreign::client::{
    Channel, Client, Declared, Delivery, Exchange, How, Outcome, Outgoing, Properties, Queue,
    Refused, Returned, Unless, Value, within,
};

pub(in crate::foreign) struct Lapin(Connection);

pub(in crate::foreign) struct LapinChannel {
    channel: ::lapin::Channel,
    deliveries: Option<mpsc::UnboundedReceiver<Option<Delivery<FieldTable>>>>,
}

impl Client for Lapin {
    type Channel = LapinChannel;

    const HEARS_OF_CANCELS: bool = true;

    async fn connect(address: &Address, heartbeat: u16) -> Result<Self, String> {
        Connection::connect(&address.uri(heartbeat), ConnectionProperties::default())
            .await
            .map(Self)
            .map_err(|error| error.to_string())
    }

    async fn channel(&self) -> LapinChannel {
        LapinChannel {
            channel: self.0.create_channel().await.unwrap(),
            deliveries: None,
        }
    }

    async fn close(self) {
        self.0.close(200, "bye".into()).await.unwrap();
    }
}

impl Channel for LapinChannel {
    type Table = FieldTable;

    fn table(entries: &[(&str, Value<'_>)]) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, value) in entries {
            let value = match value {
                Value::Text(text) => AMQPValue::LongString((*text).into()),
                Value::Number(number) => AMQPValue::LongInt(*number),
            };
            table.insert((*name).into(), value);
        }
        table
    }

    fn every_type() -> FieldTable {
        let mut inner = FieldTable::default();
        inner.insert("deep".into(), AMQPValue::LongLongInt(-1));
        let array = vec![
            AMQPValue::LongString("a".into()),
            AMQPValue::Boolean(false),
            AMQPValue::FieldTable(inner.clone()),
            AMQPValue::FieldArray(FieldArray::default()),
        ];
        let values = [
            ("bool", AMQPValue::Boolean(true)),
            ("i8", AMQPValue::ShortShortInt(-8)),
            ("u8", AMQPValue::ShortShortUInt(200)),
            ("i16", AMQPValue::ShortInt(-1600)),
            ("u16", AMQPValue::ShortUInt(60_000)),
            ("i32", AMQPValue::LongInt(-320_000)),
            ("u32", AMQPValue::LongUInt(4_000_000_000)),
            ("i64", AMQPValue::LongLongInt(i64::MIN)),
            ("f32", AMQPValue::Float(0.25)),
            ("f64", AMQPValue::Double(-1e300)),
            (
                "decimal",
                AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 5 }),
            ),
            (
                "text",
                AMQPValue::LongString("snow \u{2603}".as_bytes().into()),
            ),
            ("time", AMQPValue::Timestamp(1_700_000_000)),
            ("bytes", AMQPValue::ByteArray(vec![0_u8, 255].into())),
            ("void", AMQPValue::Void),
            ("table", AMQPValue::FieldTable(inner)),
            ("array", AMQPValue::FieldArray(array.into())),
        ];
        let mut table = FieldTable::default();
        for (name, value) in values {
            table.insert(name.into(), value);
        }
        table
    }

    async fn declare_exchange(&mut self, exchange: Exchange<'_>) -> Result<(), Refused> {
        let options = ExchangeDeclareOptions {
            passive: exchange.passive,
            durable: exchange.durable,
            auto_delete: exchange.auto_delete,
            ..ExchangeDeclareOptions::default()
        };
        let kind = ExchangeKind::Custom(exchange.kind.to_owned());
        let arguments = FieldTable::default();
        let declared =
            self.channel
                .exchange_declare(exchange.name.into(), kind, options, arguments);
        declared.await.map_err(|error| refused(&error))
    }

    async fn delete_exchange(&mut self, name: &str, if_unused: bool) -> Result<(), Refused> {
        let options = ExchangeDeleteOptions {
            if_unused,
            ..ExchangeDeleteOptions::default()
        };
        let deleted = self.channel.exchange_delete(name.into(), options);
        deleted.await.map_err(|error| refused(&error))
    }

    async fn bind_exchange(
        &mut self,
        destination: &str,
        source: &str,
        routing_key: &str,
    ) -> Result<(), Refused> {
        let bound = self.channel.exchange_bind(
            destination.into(),
            source.into(),
            routing_key.into(),
            ExchangeBindOptions::default(),
            FieldTable::default(),
        );
        bound.await.map_err(|error| refused(&error))
    }

    async fn declare_queue(
        &mut self,
        queue: Queue<'_>,
        arguments: FieldTable,
    ) -> Result<Declared, Refused> {
        let options = QueueDeclareOptions {
            passive: queue.passive,
            durable: queue.durable,
            exclusive: queue.exclusive,
            auto_delete: queue.auto_delete,
            ..QueueDeclareOptions::default()
        };
        let declared = self
            .channel
            .queue_declare(queue.name.into(), options, arguments);
        let declared = declared.await.map_err(|error| refused(&error))?;
        Ok(Declared {
            name: declared.name().as_str().to_owned(),
            messages: declared.message_count(),
            consumers: declared.consumer_count(),
        })
    }

    async fn delete_queue(&mut self, name: &str, unless: Unless) -> Result<u32, Refused> {
        let options = QueueDeleteOptions {
            if_unused: unless == Unless::Used,
            if_empty: unless == Unless::Full,
            ..QueueDeleteOptions::default()
        };
        let deleted = self.channel.queue_delete(name.into(), options);
        deleted.await.map_err(|error| refused(&error))
    }

    async fn purge_queue(&mut self, name: &str) -> Result<u32, Refused> {
        let options = QueuePurgeOptions::default();
        let purged = self.channel.queue_purge(name.into(), options);
        purged.await.map_err(|error| refused(&error))
    }

    async fn bind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
        arguments: FieldTable,
    ) -> Result<(), Refused> {
        let bound = self.channel.queue_bind(
            queue.into(),
            exchange.into(),
            routing_key.into(),
            QueueBindOptions::default(),
            arguments,
        );
        bound.await.map_err(|error| refused(&error))
    }

    async fn unbind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
    ) -> Result<(), Refused> {
        let unbound = self.channel.queue_unbind(
            queue.into(),
            exchange.into(),
            routing_key.into(),
            FieldTable::default(),
        );
        unbound.await.map_err(|error| refused(&error))
    }

    async fn select_confirms(&mut self) {
        let options = ConfirmSelectOptions::default();
        self.channel.confirm_select(options).await.unwrap();
    }

    async fn publish(&mut self, message: Outgoing<'_, FieldTable>) -> Outcome {
        let confirm = self.send(message).await.unwrap();
        match within("the confirm", confirm).await.unwrap() {
            Confirmation::Ack(Some(returned)) => Outcome::Returned(Returned {
                code: returned.reply_code,
                text: returned.reply_text.as_str().to_owned(),
                exchange: returned.exchange.as_str().to_owned(),
                routing_key: returned.routing_key.as_str().to_owned(),
                body: returned.data.clone(),
            }),
            Confirmation::Ack(None) => Outcome::Confirmed,
            Confirmation::Nack(_) => Outcome::Nacked,
            Confirmation::NotRequested => panic!("confirms were not selected"),
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
        let confirm = self.send(message).await.unwrap();
        refused(&within("the refusal", confirm).await.unwrap_err())
    }

    async fn qos(&mut self, prefetch: u16) {
        let options = BasicQosOptions::default();
        self.channel.basic_qos(prefetch, options).await.unwrap();
    }

    async fn consume(&mut self, queue: &str, tag: &str, how: How) -> Result<(), Refused> {
        let options = BasicConsumeOptions {
            no_ack: how.no_ack,
            exclusive: how.exclusive,
            ..BasicConsumeOptions::default()
        };
        let arguments = FieldTable::default();
        let consumer = self
            .channel
            .basic_consume(queue.into(), tag.into(), options, arguments);
        let consumer = consumer.await.map_err(|error| refused(&error))?;
        let (sender, receiver) = mpsc::unbounded_channel();
        // Handed on before the future is made: futures may overtake each other.
        consumer.set_delegate(move |delivery: DeliveryResult| {
            if let Ok(delivery) = delivery {
                let _ = sender.send(delivery.as_ref().map(described));
            }
            async {}
        });
        self.deliveries = Some(receiver);
        Ok(())
    }

    async fn cancel(&mut self, tag: &str) {
        let options = BasicCancelOptions::default();
        self.channel
            .basic_cancel(tag.into(), options)
            .await
            .unwrap();
        self.deliveries = None;
    }

    async fn next(&mut self) -> Option<Delivery<FieldTable>> {
        let deliveries = self.deliveries.as_mut().unwrap();
        within("a delivery", deliveries.recv()).await.flatten()
    }

    async fn get(&mut self, queue: &str) -> Option<(Delivery<FieldTable>, u32)> {
        let options = BasicGetOptions::default();
        let got: Option<BasicGetMessage> =
            self.channel.basic_get(queue.into(), options).await.unwrap();
        got.map(|got| (described(&got.delivery), got.message_count))
    }

    async fn ack(&mut self, tag: u64, multiple: bool) {
        let options = BasicAckOptions { multiple };
        self.channel.basic_ack(tag, options).await.unwrap();
    }

    async fn nack(&mut self, tag: u64, multiple: bool, requeue: bool) {
        let options = BasicNackOptions { multiple, requeue };
        self.channel.basic_nack(tag, options).await.unwrap();
    }

    async fn reject(&mut self, tag: u64, requeue: bool) {
        let options = BasicRejectOptions { requeue };
        self.channel.basic_reject(tag, options).await.unwrap();
    }

    async fn ack_unknown(&mut self, tag: u64) -> Refused {
        // Both are under way before the broker can answer: what comes too late is not told why.
        let options = BasicAckOptions::default();
        let (_, answer) = tokio::join!(
            self.channel.basic_ack(tag, options),
            self.channel.basic_qos(1, BasicQosOptions::default())
        );
        refused(&answer.unwrap_err())
    }

    async fn close(self) {
        self.channel.close(200, "bye".into()).await.unwrap();
    }
}

impl LapinChannel {
    async fn send(
        &mut self,
        message: Outgoing<'_, FieldTable>,
    ) -> ::lapin::Result<::lapin::PublisherConfirm> {
        let options = BasicPublishOptions {
            mandatory: message.mandatory,
            ..BasicPublishOptions::default()
        };
        self.channel
            .basic_publish(
                message.exchange.into(),
                message.routing_key.into(),
                options,
                message.body,
                written(message.properties),
            )
            .await
    }
}

fn refused(error: &Error) -> Refused {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Refused {
            code: error.get_id(),
            text: error.get_message().as_str().to_owned(),
        },
        other => panic!("{other:?}"),
    }
}

fn described(delivery: &::lapin::message::Delivery) -> Delivery<FieldTable> {
    let properties = &delivery.properties;
    let text = |text: &Option<ShortString>| text.as_ref().map(|text| text.as_str().to_owned());
    Delivery {
        tag: delivery.delivery_tag,
        redelivered: delivery.redelivered,
        exchange: delivery.exchange.as_str().to_owned(),
        routing_key: delivery.routing_key.as_str().to_owned(),
        body: delivery.data.clone(),
        properties: Properties {
            content_type: text(properties.content_type()),
            content_encoding: text(properties.content_encoding()),
            headers: properties.headers().clone(),
            persistent: *properties.delivery_mode() == Some(2),
            priority: *properties.priority(),
            correlation_id: text(properties.correlation_id()),
            reply_to: text(properties.reply_to()),
            expiration: text(properties.expiration()),
            message_id: text(properties.message_id()),
            timestamp: *properties.timestamp(),
            kind: text(properties.kind()),
            user_id: text(properties.user_id()),
            app_id: text(properties.app_id()),
        },
    }
}

fn written(from: Properties<FieldTable>) -> BasicProperties {
    let mut to = BasicProperties::default();
    if from.persistent {
        to = to.with_delivery_mode(2);
    }
    macro_rules! set {
        ($($name:ident: $setter:ident),+) => {
            $(if let Some(value) = from.$name {
                to = to.$setter(value.into());
            })+
        };
    }
    set!(
        content_type: with_content_type,
        content_encoding: with_content_encoding,
        headers: with_headers,
        priority: with_priority,
        correlation_id: with_correlation_id,
        reply_to: with_reply_to,
        expiration: with_expiration,
        message_id: with_message_id,
        timestamp: with_timestamp,
        kind: with_type,
        user_id: with_user_id,
        app_id: with_app_id
    );
    to
}
