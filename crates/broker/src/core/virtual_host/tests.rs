//! The whole of the core under virtual time.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};
use bytes::Bytes;

use super::VirtualHost;
use crate::core::{
    Bind, Change, ChannelId, ConnectionId, Consume, DeclareExchange, DeclareQueue, Delivery,
    Effect, Got, HostSettings, Message, Publish, Published, QueueDeclared, Refusal,
};

mod acknowledging;
mod consumers;
mod dead_letters;
mod declaring;
mod durability;
mod expiry;
mod limits;
mod prefetch;
mod properties;
mod publishing;
mod streams;

/// A host with one client and its clock.
struct Bench {
    host: VirtualHost,
    now: Instant,
    connection: ConnectionId,
    channel: ChannelId,
    /// Effects by kind, in order, since they were looked at last.
    deliveries: Vec<Delivery>,
    cancelled: Vec<(ChannelId, Arc<str>)>,
    changes: Vec<Change>,
}

/// When the clock on the wall shows it.
const START: u64 = 1_700_000_000;

impl Bench {
    fn new() -> Self {
        Self::with(HostSettings::default())
    }

    fn with(settings: HostSettings) -> Self {
        let now = Instant::now();
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(START);
        let mut host = VirtualHost::new(settings, now, wall);
        let connection = host.connect();
        let channel = host.open_channel(connection);
        Self {
            host,
            now,
            connection,
            channel,
            deliveries: Vec::new(),
            cancelled: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Another client with a channel.
    fn client(&mut self) -> (ConnectionId, ChannelId) {
        let connection = self.host.connect();
        (connection, self.host.open_channel(connection))
    }

    fn another_channel(&mut self) -> ChannelId {
        self.host.open_channel(self.connection)
    }

    fn declare(&mut self, name: &str, arguments: &[(&'static str, FieldValue<'static>)]) {
        self.try_declare(name, false, arguments).unwrap();
    }

    fn declare_durable(&mut self, name: &str, arguments: &[(&'static str, FieldValue<'static>)]) {
        self.try_declare(name, true, arguments).unwrap();
    }

    fn try_declare(
        &mut self,
        name: &str,
        durable: bool,
        arguments: &[(&'static str, FieldValue<'static>)],
    ) -> Result<QueueDeclared, Refusal> {
        let arguments: FieldTable<'_> = arguments.iter().cloned().collect();
        self.host.declare_queue(
            self.connection,
            &DeclareQueue {
                durable,
                arguments: &arguments,
                ..queue(name)
            },
            self.now,
        )
    }

    /// Ready messages and consumers.
    fn counts(&mut self, name: &str) -> (u32, u32) {
        let declared = self.host.declare_queue(
            self.connection,
            &DeclareQueue {
                passive: true,
                ..queue(name)
            },
            self.now,
        );
        declared.map_or((u32::MAX, u32::MAX), |declared| {
            (declared.message_count, declared.consumer_count)
        })
    }

    fn exists(&self, name: &str) -> bool {
        self.host.queue(name).is_some()
    }

    fn bind(&mut self, queue: &str, exchange: &str, key: &str) {
        self.host
            .bind_queue(
                self.connection,
                &Bind {
                    source: exchange,
                    destination: queue,
                    routing_key: key,
                    arguments: &FieldTable::new(),
                },
            )
            .unwrap();
    }

    fn declare_exchange(&mut self, name: &str, kind: &str) {
        self.host
            .declare_exchange(&DeclareExchange {
                name,
                kind,
                passive: false,
                durable: false,
                auto_delete: false,
                internal: false,
                arguments: &FieldTable::new(),
            })
            .unwrap();
    }

    /// Publishes to a queue through the default exchange.
    fn publish(&mut self, queue: &str, body: &str) -> Published {
        self.publish_to("", queue, body, BasicProperties::default())
            .unwrap()
    }

    fn publish_with(&mut self, queue: &str, body: &str, properties: BasicProperties<'static>) {
        self.publish_to("", queue, body, properties).unwrap();
    }

    fn publish_to(
        &mut self,
        exchange: &str,
        key: &str,
        body: &str,
        properties: BasicProperties<'static>,
    ) -> Result<Published, Refusal> {
        let message = Message {
            exchange: exchange.into(),
            routing_key: key.into(),
            properties,
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        let published = self
            .host
            .publish(Publish::default(), Arc::new(message), self.now);
        self.poll();
        published
    }

    fn consume(&mut self, queue: &str, tag: &str) {
        self.consume_on(self.channel, queue, tag, &[]).unwrap();
    }

    fn consume_on(
        &mut self,
        channel: ChannelId,
        queue: &str,
        tag: &str,
        arguments: &[(&'static str, FieldValue<'static>)],
    ) -> Result<Arc<str>, Refusal> {
        let arguments: FieldTable<'_> = arguments.iter().cloned().collect();
        let tag = self.host.consume(
            channel,
            &Consume {
                queue,
                consumer_tag: tag,
                no_ack: false,
                exclusive: false,
                arguments: &arguments,
            },
            self.now,
        );
        self.poll();
        tag
    }

    fn consume_no_ack(&mut self, queue: &str, tag: &str) {
        self.host
            .consume(
                self.channel,
                &Consume {
                    queue,
                    consumer_tag: tag,
                    no_ack: true,
                    exclusive: false,
                    arguments: &FieldTable::new(),
                },
                self.now,
            )
            .unwrap();
        self.poll();
    }

    fn get(&mut self, queue: &str) -> Option<Got> {
        self.host.get(self.channel, queue, false, self.now).unwrap()
    }

    /// The bodies of all that is ready, which is taken.
    fn drain(&mut self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while let Some(got) = self.host.get(self.channel, queue, true, self.now).unwrap() {
            bodies.push(text(&got.message));
        }
        self.poll();
        bodies
    }

    fn ack(&mut self, tag: u64) {
        self.host.ack(self.channel, tag, false, self.now).unwrap();
        self.poll();
    }

    fn ack_through(&mut self, tag: u64) {
        self.host.ack(self.channel, tag, true, self.now).unwrap();
        self.poll();
    }

    fn requeue(&mut self, tag: u64) {
        self.host
            .nack(self.channel, tag, false, true, self.now)
            .unwrap();
        self.poll();
    }

    fn reject(&mut self, tag: u64) {
        self.host
            .nack(self.channel, tag, false, false, self.now)
            .unwrap();
        self.poll();
    }

    fn qos(&mut self, count: u16, global: bool) {
        self.host
            .qos(self.channel, count, global, self.now)
            .unwrap();
        self.poll();
    }

    /// Lets time pass, with all timers that are due meanwhile.
    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(at) = self.host.poll_timeout()
            && at <= end
        {
            self.now = self.now.max(at);
            self.host.handle_timeout(self.now);
            self.poll();
        }
        self.now = end;
    }

    fn poll(&mut self) {
        while let Some(effect) = self.host.poll_effect() {
            match effect {
                Effect::Deliver(delivery) => self.deliveries.push(delivery),
                Effect::ConsumerCancelled {
                    channel,
                    consumer_tag,
                } => self.cancelled.push((channel, consumer_tag)),
                Effect::Store(change) => self.changes.push(change),
            }
        }
    }

    /// What was delivered since it was asked last: consumer and body.
    fn delivered(&mut self) -> Vec<(String, String)> {
        self.poll();
        self.deliveries
            .drain(..)
            .map(|delivery| (delivery.consumer_tag.to_string(), text(&delivery.message)))
            .collect()
    }

    /// The bodies of what was delivered since it was asked last.
    fn bodies(&mut self) -> Vec<String> {
        self.delivered().into_iter().map(|(_, body)| body).collect()
    }

    fn changes(&mut self) -> Vec<Change> {
        self.poll();
        std::mem::take(&mut self.changes)
    }
}

fn queue(name: &str) -> DeclareQueue<'_> {
    DeclareQueue {
        name,
        passive: false,
        durable: false,
        exclusive: false,
        auto_delete: false,
        arguments: NOTHING,
    }
}

const NOTHING: &FieldTable<'static> = &FieldTable::new();

fn text(message: &Message) -> String {
    String::from_utf8(message.body.to_vec()).unwrap()
}

fn expiring(millis: &'static str) -> BasicProperties<'static> {
    BasicProperties {
        expiration: Some(millis.into()),
        ..BasicProperties::default()
    }
}

fn persistent() -> BasicProperties<'static> {
    BasicProperties {
        delivery_mode: Some(2),
        ..BasicProperties::default()
    }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> String {
    outcome.unwrap_err().text
}

const fn is_send<T: Send>() {}
const _: () = is_send::<VirtualHost<Bytes>>();
