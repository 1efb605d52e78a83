//! `bunny-rs`

use bunny_rs::protocol::types::Decimal;
use bunny_rs::{
    BasicProperties, ChannelEvent, Connection, ConnectionError, ConnectionOptions, ConsumeOptions,
    ExchangeDeclareOptions, ExchangeDeleteOptions, FieldTable, FieldValue, PublishConfirm,
    PublishOptions, QueueDeclareOptions, QueueDeleteOptions, RecoveryConfig,
};
use tokio::sync::broadcast;

use crate::foreign::broker::Address;
use crate::foreign::client::{
    Channel, Client, Declared, Delivery, Exchange, How, Outcome, Outgoing, Properties, Queue,
    Refused, Returned, Unless, Value, within,
};

pub(in crate::foreign) struct Bunny(Connection);

pub(in crate::foreign) struct BunnyChannel {
    channel: bunny_rs::Channel,
    events: broadcast::Receiver<ChannelEvent>,
}

impl Client for Bunny {
    type Channel = BunnyChannel;

    /// It tells nobody, and answers the broker, for which `RabbitMQ` closes the connection: 503, "unimplemented
    /// method".
    const HEARS_OF_CANCELS: bool = false;

    async fn connect(address: &Address, heartbeat: u16) -> Result<Self, String> {
        let options = ConnectionOptions {
            host: "127.0.0.1".to_owned(),
            port: address.port,
            username: address.user.clone(),
            password: address.password.as_str().into(),
            virtual_host: address.vhost.clone(),
            heartbeat,
            recovery: RecoveryConfig {
                enabled: false,
                ..RecoveryConfig::default()
            },
            ..ConnectionOptions::default()
        };
        Connection::open(options)
            .await
            .map(Self)
            .map_err(|error| error.to_string())
    }

    async fn channel(&self) -> BunnyChannel {
        let channel = self.0.open_channel().await.unwrap();
        BunnyChannel {
            events: channel.events(),
            channel,
        }
    }

    async fn close(self) {
        self.0.close().await.unwrap();
    }
}

impl Channel for BunnyChannel {
    type Table = FieldTable;

    fn table(entries: &[(&str, Value<'_>)]) -> FieldTable {
        let value = |value: &Value<'_>| match value {
            Value::Text(text) => FieldValue::from(*text),
            Value::Number(number) => FieldValue::from(*number),
        };
        entries
            .iter()
            .map(|(name, of)| (*name, value(of)))
            .collect()
    }

    fn every_type() -> FieldTable {
        let inner: FieldTable = [("deep", FieldValue::I64(-1))].into_iter().collect();
        let array = vec![
            FieldValue::from("a"),
            FieldValue::Bool(false),
            FieldValue::Table(inner.clone()),
            FieldValue::Array(Vec::new()),
        ];
        let values = [
            ("bool", FieldValue::Bool(true)),
            ("i8", FieldValue::I8(-8)),
            ("u8", FieldValue::U8(200)),
            ("i16", FieldValue::I16(-1600)),
            ("u16", FieldValue::U16(60_000)),
            ("i32", FieldValue::I32(-320_000)),
            ("u32", FieldValue::U32(4_000_000_000)),
            ("i64", FieldValue::I64(i64::MIN)),
            ("f32", FieldValue::F32(0.25)),
            ("f64", FieldValue::F64(-1e300)),
            (
                "decimal",
                FieldValue::Decimal(Decimal { scale: 2, value: 5 }),
            ),
            ("text", FieldValue::from("snow \u{2603}")),
            ("time", FieldValue::Timestamp(1_700_000_000)),
            ("bytes", FieldValue::ByteArray(vec![0, 255].into())),
            ("void", FieldValue::Void),
            ("table", FieldValue::Table(inner)),
            ("array", FieldValue::Array(array)),
        ];
        values.into_iter().collect()
    }

    async fn declare_exchange(&mut self, exchange: Exchange<'_>) -> Result<(), Refused> {
        let declared = if exchange.passive {
            self.channel.exchange_declare_passive(exchange.name).await
        } else {
            let mut options = ExchangeDeclareOptions::default();
            options.durable = exchange.durable;
            options.auto_delete = exchange.auto_delete;
            self.channel
                .exchange_declare(exchange.name, exchange.kind, options)
                .await
        };
        self.done(declared).await
    }

    async fn delete_exchange(&mut self, name: &str, if_unused: bool) -> Result<(), Refused> {
        let options = ExchangeDeleteOptions { if_unused };
        let deleted = self.channel.exchange_delete(name, options).await;
        self.done(deleted).await
    }

    async fn bind_exchange(
        &mut self,
        destination: &str,
        source: &str,
        routing_key: &str,
    ) -> Result<(), Refused> {
        let bound = self
            .channel
            .exchange_bind(destination, source, routing_key, FieldTable::new())
            .await;
        self.done(bound).await
    }

    async fn declare_queue(
        &mut self,
        queue: Queue<'_>,
        arguments: FieldTable,
    ) -> Result<Declared, Refused> {
        let declared = if queue.passive {
            self.channel.queue_declare_passive(queue.name).await
        } else {
            let mut options = QueueDeclareOptions::default();
            options.durable = queue.durable;
            options.exclusive = queue.exclusive;
            options.auto_delete = queue.auto_delete;
            for (name, value) in arguments.iter() {
                options = options.with_argument(name, value.clone());
            }
            self.channel.queue_declare(queue.name, options).await
        };
        let declared = self.done(declared).await?;
        Ok(Declared {
            name: declared.name,
            messages: declared.message_count,
            consumers: declared.consumer_count,
        })
    }

    async fn delete_queue(&mut self, name: &str, unless: Unless) -> Result<u32, Refused> {
        let options = QueueDeleteOptions {
            if_unused: unless == Unless::Used,
            if_empty: unless == Unless::Full,
        };
        let deleted = self.channel.queue_delete(name, options).await;
        self.done(deleted).await
    }

    async fn purge_queue(&mut self, name: &str) -> Result<u32, Refused> {
        let purged = self.channel.queue_purge(name).await;
        self.done(purged).await
    }

    async fn bind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
        arguments: FieldTable,
    ) -> Result<(), Refused> {
        let bound = self
            .channel
            .queue_bind(queue, exchange, routing_key, arguments)
            .await;
        self.done(bound).await
    }

    async fn unbind_queue(
        &mut self,
        queue: &str,
        exchange: &str,
        routing_key: &str,
    ) -> Result<(), Refused> {
        let unbound = self
            .channel
            .queue_unbind(queue, exchange, routing_key, FieldTable::new())
            .await;
        self.done(unbound).await
    }

    async fn select_confirms(&mut self) {
        self.channel.confirm_select().await.unwrap();
    }

    async fn publish(&mut self, message: Outgoing<'_, FieldTable>) -> Outcome {
        let confirm = self.send(message).await;
        match within("the confirm", confirm.wait()).await {
            Ok(()) => {}
            Err(ConnectionError::PublishNacked) => return Outcome::Nacked,
            Err(error) => panic!("{error}"),
        }
        // A return comes before its confirm: it is there, or none is.
        let returned =
            tokio::time::timeout(std::time::Duration::ZERO, self.channel.recv_return()).await;
        match returned {
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
        self.closed().await
    }

    async fn qos(&mut self, prefetch: u16) {
        self.channel.basic_qos(prefetch).await.unwrap();
    }

    async fn consume(&mut self, queue: &str, tag: &str, how: How) -> Result<(), Refused> {
        let options = ConsumeOptions::default()
            .no_ack(how.no_ack)
            .exclusive(how.exclusive);
        let consumed = self.channel.basic_consume(queue, tag, options).await;
        self.done(consumed).await.map(drop)
    }

    async fn cancel(&mut self, tag: &str) {
        self.channel.basic_cancel(tag).await.unwrap();
    }

    async fn next(&mut self) -> Option<Delivery<FieldTable>> {
        let delivery = within("a delivery", self.channel.recv_delivery()).await;
        delivery.unwrap().as_ref().map(described)
    }

    async fn get(&mut self, queue: &str) -> Option<(Delivery<FieldTable>, u32)> {
        let got = self.channel.basic_get(queue, false).await.unwrap()?;
        // It keeps the count that comes with the message to itself.
        let left = self.channel.queue_declare_passive(queue).await.unwrap();
        Some((described(&got), left.message_count))
    }

    async fn ack(&mut self, tag: u64, multiple: bool) {
        self.channel.basic_ack(tag, multiple).await.unwrap();
    }

    async fn nack(&mut self, tag: u64, multiple: bool, requeue: bool) {
        self.channel
            .basic_nack(tag, multiple, requeue)
            .await
            .unwrap();
    }

    async fn reject(&mut self, tag: u64, requeue: bool) {
        self.channel.basic_reject(tag, requeue).await.unwrap();
    }

    async fn ack_unknown(&mut self, tag: u64) -> Refused {
        self.channel.basic_ack(tag, false).await.unwrap();
        self.closed().await
    }

    async fn close(mut self) {
        self.channel.close().await.unwrap();
    }
}

impl BunnyChannel {
    async fn send(&mut self, message: Outgoing<'_, FieldTable>) -> PublishConfirm {
        let options = PublishOptions {
            mandatory: message.mandatory,
            properties: written(message.properties),
        };
        let published = self.channel.basic_publish(
            message.exchange,
            message.routing_key,
            &options,
            message.body,
        );
        published.await.unwrap().expect("confirms are selected")
    }

    /// What an operation came to. Why the channel was closed under it comes as an event.
    async fn done<T>(&mut self, result: Result<T, ConnectionError>) -> Result<T, Refused> {
        match result {
            Ok(done) => Ok(done),
            Err(ConnectionError::UnexpectedMethod) => Err(self.closed().await),
            Err(error) => panic!("{error}"),
        }
    }

    async fn closed(&mut self) -> Refused {
        match within("the channel's end", self.events.recv()).await {
            Ok(ChannelEvent::Closed { code, text, .. }) => Refused { code, text },
            other => panic!("{other:?}"),
        }
    }
}

fn described(delivery: &bunny_rs::Delivery) -> Delivery<FieldTable> {
    Delivery {
        tag: delivery.delivery_tag,
        redelivered: delivery.redelivered,
        exchange: delivery.exchange.to_string(),
        routing_key: delivery.routing_key.to_string(),
        properties: read(delivery.properties()),
        body: delivery.body.to_vec(),
    }
}

fn read(from: &BasicProperties) -> Properties<FieldTable> {
    let text = |text: Option<&str>| text.map(ToOwned::to_owned);
    Properties {
        content_type: text(from.get_content_type()),
        content_encoding: text(from.get_content_encoding()),
        headers: from.get_headers().cloned(),
        persistent: from.get_delivery_mode() == Some(bunny_rs::DeliveryMode::Persistent),
        priority: from.get_priority(),
        correlation_id: text(from.get_correlation_id()),
        reply_to: text(from.get_reply_to()),
        expiration: text(from.get_expiration()),
        message_id: text(from.get_message_id()),
        timestamp: from.get_timestamp(),
        kind: text(from.get_message_type()),
        user_id: text(from.get_user_id()),
        app_id: text(from.get_app_id()),
    }
}

fn written(from: Properties<FieldTable>) -> BasicProperties {
    let mut to = BasicProperties::default();
    if from.persistent {
        to = to.persistent();
    }
    macro_rules! set {
        ($($name:ident: $setter:ident),+) => {
            $(if let Some(value) = from.$name {
                to = to.$setter(value);
            })+
        };
    }
    set!(
        content_type: content_type,
        content_encoding: content_encoding,
        headers: headers,
        priority: priority,
        correlation_id: correlation_id,
        reply_to: reply_to,
        expiration: expiration,
        message_id: message_id,
        timestamp: timestamp,
        kind: message_type,
        user_id: user_id,
        app_id: app_id
    );
    to
}
