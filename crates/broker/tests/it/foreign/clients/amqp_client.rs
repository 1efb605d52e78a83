//! `amqp-client`

use ::amqp_client::{
    BasicProperties, Config, Confirmation, Connection, ConsumeOpts, Consumer, Error,
    ExchangeDeclareOpts, FieldValue, PublishConfirm, QueueDeclareOpts, QueueDeleteOpts, Returns,
    ShortStr, Table,
};

use crate::foreign::broker::Address;
use crate::foreign::client::{
    Channel, Client, Declared, Delivery, Exchange, How, Outcome, Outgoing, Properties, Queue,
    Refused, Returned, Unless, Value, within,
};

pub(in crate::foreign) struct AmqpClient(Connection);

pub(in crate::foreign) struct AmqpClientChannel {
    channel: ::amqp_client::Channel,
    returns: Returns,
    consumer: Option<Consumer>,
}

impl Client for AmqpClient {
    type Channel = AmqpClientChannel;

    const HEARS_OF_CANCELS: bool = true;

    async fn connect(address: &Address, heartbeat: u16) -> Result<Self, String> {
        let config = Config {
            host: "127.0.0.1".to_owned(),
            port: address.port,
            username: address.user.clone(),
            password: address.password.clone(),
            vhost: address.vhost.clone(),
            heartbeat,
            ..Config::default()
        };
        Connection::connect_with_config(config)
            .await
            .map(Self)
            .map_err(|error| error.to_string())
    }

    async fn channel(&self) -> AmqpClientChannel {
        let channel = self.0.open_channel().await.unwrap();
        AmqpClientChannel {
            returns: channel.returns().unwrap(),
            channel,
            consumer: None,
        }
    }

    async fn close(self) {
        self.0.close().await.unwrap();
    }
}

impl Channel for AmqpClientChannel {
    type Table = Table;

    fn table(entries: &[(&str, Value<'_>)]) -> Table {
        let value = |value: &Value<'_>| match value {
            Value::Text(text) => FieldValue::from(*text),
            Value::Number(number) => FieldValue::from(*number),
        };
        entries
            .iter()
            .map(|(name, of)| (short(name), value(of)))
            .collect()
    }

    fn every_type() -> Table {
        let inner = Table::from([(short("deep"), FieldValue::LongLongInt(-1))]);
        let array = vec![
            FieldValue::from("a"),
            FieldValue::Boolean(false),
            FieldValue::Table(inner.clone()),
            FieldValue::Array(Vec::new()),
        ];
        let values = [
            ("bool", FieldValue::Boolean(true)),
            ("i8", FieldValue::ShortShortInt(-8)),
            ("u8", FieldValue::ShortShortUint(200)),
            ("i16", FieldValue::ShortInt(-1600)),
            ("u16", FieldValue::ShortUint(60_000)),
            ("i32", FieldValue::LongInt(-320_000)),
            ("u32", FieldValue::LongUint(4_000_000_000)),
            ("i64", FieldValue::LongLongInt(i64::MIN)),
            ("f32", FieldValue::Float(0.25)),
            ("f64", FieldValue::Double(-1e300)),
            ("decimal", FieldValue::Decimal(2, 5)),
            ("text", FieldValue::from("snow \u{2603}")),
            ("time", FieldValue::Timestamp(1_700_000_000)),
            ("bytes", FieldValue::ByteArray(vec![0, 255].into())),
            ("void", FieldValue::Void),
            ("table", FieldValue::Table(inner)),
            ("array", FieldValue::Array(array)),
        ];
        values
            .into_iter()
            .map(|(name, value)| (short(name), value))
            .collect()
    }

    async fn declare_exchange(&mut self, exchange: Exchange<'_>) -> Result<(), Refused> {
        let options = ExchangeDeclareOpts {
            passive: exchange.passive,
            durable: exchange.durable,
            auto_delete: exchange.auto_delete,
            ..ExchangeDeclareOpts::default()
        };
        let declared = self
            .channel
            .exchange_declare(exchange.name, exchange.kind, options);
        declared.await.map_err(refused)
    }

    async fn delete_exchange(&mut self, name: &str, if_unused: bool) -> Result<(), Refused> {
        let deleted = self.channel.exchange_delete(name, if_unused);
        deleted.await.map_err(refused)
    }

    async fn bind_exchange(
        &mut self,
        destination: &str,
        source: &str,
        routing_key: &str,
    ) -> Result<(), Refused> {
        let bound = self
            .channel
            .exchange_bind(destination, source, routing_key, Table::new());
        bound.await.map_err(refused)
    }

    async fn declare_queue(
        &mut self,
        queue: Queue<'_>,
        arguments: Table,
    ) -> Result<Declared, Refused> {
        let options = QueueDeclareOpts {
            passive: queue.passive,
            durable: queue.durable,
            exclusive: queue.exclusive,
            auto_delete: queue.auto_delete,
            arguments,
        };
        let declared = self.channel.queue_declare(queue.name, options);
        let declared = declared.await.map_err(refused)?;
        Ok(Declared {
            name: declared.queue,
            messages: declared.message_count,
            consumers: declared.consumer_count,
        })
    }

    async fn delete_queue(&mut self, name: &str, unless: Unless) -> Result<u32, Refused> {
        let options = QueueDeleteOpts {
            if_unused: unless == Unless::Used,
            if_empty: unless == Unless::Full,
        };
        let deleted = self.channel.queue_delete(name, options);
        deleted.await.map_err(refused)
    }

    async fn purge_queue(&mut self, name: &str) -> Result<u32, Refused> {
        self.channel.queue_purge(name).await.map_err(refused)
    }

    async fn bind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
        arguments: Table,
    ) -> Result<(), Refused> {
        let bound = self
            .channel
            .queue_bind(queue, exchange, routing_key, arguments);
        bound.await.map_err(refused)
    }

    async fn unbind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
    ) -> Result<(), Refused> {
        let arguments = Table::new();
        let unbound = self
            .channel
            .queue_unbind(queue, exchange, routing_key, arguments);
        unbound.await.map_err(refused)
    }

    async fn select_confirms(&mut self) {
        self.channel.confirm_select().await.unwrap();
    }

    async fn publish(&mut self, message: Outgoing<'_, Table>) -> Outcome {
        let confirm = self.send(message).await;
        match within("the confirm", confirm).await.unwrap() {
            Confirmation::Nacked { .. } => return Outcome::Nacked,
            Confirmation::Acked => {}
        }
        // A return comes before its confirm: it is there, or none is.
        match tokio::time::timeout(std::time::Duration::ZERO, self.returns.next()).await {
            Ok(Some(returned)) => Outcome::Returned(Returned {
                code: returned.reply_code,
                text: returned.reply_text.to_string(),
                exchange: returned.exchange.to_string(),
                routing_key: returned.routing_key.to_string(),
                body: returned.body.to_vec(),
            }),
            _ => Outcome::Confirmed,
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
        drop(self.send(message).await);
        refused(self.channel.basic_qos(1, false).await.unwrap_err())
    }

    async fn qos(&mut self, prefetch: u16) {
        self.channel.basic_qos(prefetch, false).await.unwrap();
    }

    async fn consume(&mut self, queue: &str, tag: &str, how: How) -> Result<(), Refused> {
        let options = ConsumeOpts {
            no_ack: how.no_ack,
            exclusive: how.exclusive,
            ..ConsumeOpts::default()
        };
        let consumer = self.channel.basic_consume(queue, tag, options);
        self.consumer = Some(consumer.await.map_err(refused)?);
        Ok(())
    }

    async fn cancel(&mut self, tag: &str) {
        self.channel.basic_cancel(tag).await.unwrap();
        self.consumer = None;
    }

    async fn next(&mut self) -> Option<Delivery<Table>> {
        let consumer = self.consumer.as_mut().unwrap();
        let delivery = within("a delivery", consumer.next()).await?;
        Some(Delivery {
            tag: delivery.delivery_tag,
            redelivered: delivery.redelivered,
            exchange: delivery.exchange.to_string(),
            routing_key: delivery.routing_key.to_string(),
            properties: read(&delivery.properties),
            body: delivery.body.to_vec(),
        })
    }

    async fn get(&mut self, queue: &str) -> Option<(Delivery<Table>, u32)> {
        let got = self.channel.basic_get(queue, false).await.unwrap()?;
        let delivery = Delivery {
            tag: got.delivery_tag,
            redelivered: got.redelivered,
            exchange: got.exchange.to_string(),
            routing_key: got.routing_key.to_string(),
            properties: read(&got.properties),
            body: got.body.to_vec(),
        };
        Some((delivery, got.message_count))
    }

    async fn ack(&mut self, tag: u64, multiple: bool) {
        self.channel.basic_ack(tag, multiple).unwrap();
    }

    async fn nack(&mut self, tag: u64, multiple: bool, requeue: bool) {
        self.channel.basic_nack(tag, multiple, requeue).unwrap();
    }

    async fn reject(&mut self, tag: u64, requeue: bool) {
        self.channel.basic_reject(tag, requeue).unwrap();
    }

    async fn ack_unknown(&mut self, tag: u64) -> Refused {
        self.channel.basic_ack(tag, false).unwrap();
        refused(self.channel.basic_qos(1, false).await.unwrap_err())
    }

    async fn close(self) {
        self.channel.close().await.unwrap();
    }
}

impl AmqpClientChannel {
    async fn send(&mut self, message: Outgoing<'_, Table>) -> PublishConfirm {
        self.channel
            .basic_publish_confirmed(
                message.exchange,
                message.routing_key,
                message.body,
                written(message.properties),
                message.mandatory,
            )
            .await
            .unwrap()
    }
}

fn short(text: &str) -> ShortStr {
    ShortStr::try_from(text).unwrap()
}

fn refused(error: Error) -> Refused {
    match error {
        Error::ChannelClosed { code, reason, .. } => Refused { code, text: reason },
        other => panic!("{other:?}"),
    }
}

fn read(from: &BasicProperties) -> Properties<Table> {
    let text = |text: &Option<ShortStr>| text.as_ref().map(ToString::to_string);
    Properties {
        content_type: text(&from.content_type),
        content_encoding: text(&from.content_encoding),
        headers: from.headers.clone(),
        persistent: from.delivery_mode == Some(2),
        priority: from.priority,
        correlation_id: text(&from.correlation_id),
        reply_to: text(&from.reply_to),
        expiration: text(&from.expiration),
        message_id: text(&from.message_id),
        timestamp: from.timestamp,
        kind: text(&from.type_field),
        user_id: text(&from.user_id),
        app_id: text(&from.app_id),
    }
}

fn written(from: Properties<Table>) -> BasicProperties {
    let text = |text: Option<String>| text.map(|text| short(&text));
    BasicProperties {
        content_type: text(from.content_type),
        content_encoding: text(from.content_encoding),
        headers: from.headers,
        delivery_mode: from.persistent.then_some(2),
        priority: from.priority,
        correlation_id: text(from.correlation_id),
        reply_to: text(from.reply_to),
        expiration: text(from.expiration),
        message_id: text(from.message_id),
        timestamp: from.timestamp,
        type_field: text(from.kind),
        user_id: text(from.user_id),
        app_id: text(from.app_id),
    }
}
