//! Random programs, and what must be true after each of their steps.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};
use bytes::Bytes;
use proptest::{collection::vec, prelude::*};

use super::{Bench, START, queue};
use crate::core::{
    Change, ChannelId, Consume, DeclareQueue, Delivery, Effect, Extra, HostSettings, Message,
    Position, Publish, VirtualHost,
    ids::{ConsumerId, QueueId},
};

const QUEUES: [&str; 7] = [
    "plain", "limited", "expiring", "quorum", "priority", "single", "fleeting",
];

/// How many clients with a channel each.
const CHANNELS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Publish {
        queue: usize,
        persistent: bool,
        priority: u8,
        ttl: Option<u8>,
    },
    Consume {
        channel: usize,
        queue: usize,
        no_ack: bool,
        priority: i32,
    },
    Cancel {
        channel: usize,
        nth: usize,
    },
    Get {
        channel: usize,
        queue: usize,
        no_ack: bool,
    },
    Settle {
        channel: usize,
        nth: usize,
        multiple: bool,
        how: u8,
    },
    Qos {
        channel: usize,
        count: u16,
        global: bool,
    },
    Reading {
        channel: usize,
        reading: bool,
    },
    Reopen {
        channel: usize,
    },
    Purge {
        queue: usize,
    },
    Delete {
        queue: usize,
    },
    Pass {
        millis: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let queue = 0..QUEUES.len();
    let channel = 0..CHANNELS;
    prop_oneof![
        8 => (queue.clone(), any::<bool>(), 0..4u8, prop::option::weighted(0.2, 0..50u8)).prop_map(
            |(queue, persistent, priority, ttl)| Step::Publish { queue, persistent, priority, ttl }
        ),
        3 => (channel.clone(), queue.clone(), prop::bool::weighted(0.2), 0..2i32).prop_map(
            |(channel, queue, no_ack, priority)| Step::Consume { channel, queue, no_ack, priority }
        ),
        1 => (channel.clone(), 0..4usize).prop_map(|(channel, nth)| Step::Cancel { channel, nth }),
        2 => (channel.clone(), queue.clone(), any::<bool>()).prop_map(
            |(channel, queue, no_ack)| Step::Get { channel, queue, no_ack }
        ),
        8 => (channel.clone(), 0..6usize, any::<bool>(), 0..4u8).prop_map(
            |(channel, nth, multiple, how)| Step::Settle { channel, nth, multiple, how }
        ),
        1 => (channel.clone(), 0..4u16, any::<bool>()).prop_map(
            |(channel, count, global)| Step::Qos { channel, count, global }
        ),
        1 => (channel.clone(), any::<bool>()).prop_map(
            |(channel, reading)| Step::Reading { channel, reading }
        ),
        1 => channel.prop_map(|channel| Step::Reopen { channel }),
        1 => queue.clone().prop_map(|queue| Step::Purge { queue }),
        1 => queue.prop_map(|queue| Step::Delete { queue }),
        2 => (0..60u64).prop_map(|millis| Step::Pass { millis }),
    ]
}

/// A program as it runs.
struct Run {
    bench: Bench,
    channels: Vec<ChannelId>,
    consumers: usize,
    published: u32,
    /// What is unsettled by channel, as a client sees it.
    unsettled: HashMap<ChannelId, Vec<u64>>,
    /// The last first delivery of each queue.
    last: HashMap<String, u32>,
    changes: Vec<Change>,
    seen: Vec<Delivery>,
}

impl Run {
    fn new() -> Self {
        let mut bench = Bench::new();
        let channels = (0..CHANNELS).map(|_| bench.client().1).collect();
        let mut run = Self {
            bench,
            channels,
            consumers: 0,
            published: 0,
            unsettled: HashMap::new(),
            last: HashMap::new(),
            changes: Vec::new(),
            seen: Vec::new(),
        };
        for name in QUEUES {
            run.declare(name);
        }
        run
    }

    fn declare(&mut self, name: &'static str) {
        let dead = |more: &[(&'static str, FieldValue<'static>)]| {
            let mut all = vec![
                ("x-dead-letter-exchange", FieldValue::from("")),
                ("x-dead-letter-routing-key", "plain".into()),
            ];
            all.extend_from_slice(more);
            all
        };
        let arguments = match name {
            "limited" => dead(&[("x-max-length", 3.into())]),
            "expiring" => dead(&[("x-message-ttl", 40.into())]),
            "quorum" => dead(&[
                ("x-queue-type", "quorum".into()),
                ("x-delivery-limit", 2.into()),
                ("x-max-length", 5.into()),
                ("x-overflow", "reject-publish".into()),
            ]),
            "priority" => vec![("x-max-priority", 2.into())],
            "single" => vec![("x-single-active-consumer", true.into())],
            "fleeting" => vec![("x-expires", 100.into())],
            _ => vec![],
        };
        let arguments: FieldTable<'_> = arguments.into_iter().collect();
        self.bench
            .host
            .declare_queue(
                self.bench.connection,
                &DeclareQueue {
                    durable: true,
                    arguments: &arguments,
                    ..queue(name)
                },
                self.bench.now,
            )
            .unwrap();
    }

    fn apply(&mut self, step: &Step) {
        let now = self.bench.now;
        if !self.bench.exists("fleeting") {
            self.last.remove("fleeting");
            self.declare("fleeting");
        }
        match *step {
            Step::Publish {
                queue,
                persistent,
                priority,
                ttl,
            } => {
                self.published += 1;
                let message = Message {
                    exchange: "".into(),
                    routing_key: QUEUES[queue].into(),
                    properties: BasicProperties {
                        delivery_mode: Some(1 + u8::from(persistent)),
                        priority: Some(priority),
                        expiration: ttl.map(|ttl| ttl.to_string().into()),
                        ..BasicProperties::default()
                    },
                    body: Bytes::copy_from_slice(&self.published.to_be_bytes()),
                };
                self.bench
                    .host
                    .publish(Publish::default(), Arc::new(message), now)
                    .unwrap();
            }
            Step::Consume {
                channel,
                queue,
                no_ack,
                priority,
            } => {
                self.consumers += 1;
                let arguments = FieldTable::new().with("x-priority", priority);
                let consumed = self.bench.host.consume(
                    self.channels[channel],
                    &Consume {
                        queue: QUEUES[queue],
                        consumer_tag: &self.consumers.to_string(),
                        no_ack,
                        exclusive: false,
                        arguments: &arguments,
                    },
                    now,
                );
                if let Err(refusal) = consumed {
                    assert!(refusal.text.contains("does not support global qos"));
                }
            }
            Step::Cancel { channel, nth } => {
                let channel = self.channels[channel];
                let tag = self
                    .bench
                    .host
                    .consumers()
                    .filter(|info| info.channel == channel)
                    .map(|info| Arc::clone(info.consumer_tag))
                    .nth(nth);
                if let Some(tag) = tag {
                    self.bench.host.cancel(channel, &tag, now);
                }
            }
            Step::Get {
                channel,
                queue,
                no_ack,
            } => {
                let channel = self.channels[channel];
                let got = self
                    .bench
                    .host
                    .get(channel, QUEUES[queue], no_ack, now)
                    .unwrap();
                if let Some(got) = got.filter(|_| !no_ack) {
                    self.unsettled
                        .entry(channel)
                        .or_default()
                        .push(got.delivery_tag);
                }
            }
            Step::Settle {
                channel,
                nth,
                multiple,
                how,
            } => self.settle(self.channels[channel], nth, multiple, how),
            Step::Qos {
                channel,
                count,
                global,
            } => {
                let channel = self.channels[channel];
                self.bench.host.qos(channel, count, global, now).unwrap();
            }
            Step::Reading { channel, reading } => {
                let channel = self.channels[channel];
                let connection = self.bench.host.channels.get(channel.0).unwrap().connection;
                self.bench.host.set_reading(connection, reading, now);
            }
            Step::Reopen { channel } => {
                let old = self.channels[channel];
                let connection = self.bench.host.channels.get(old.0).unwrap().connection;
                self.bench.host.close_channel(old, now);
                self.unsettled.remove(&old);
                self.channels[channel] = self.bench.host.open_channel(connection);
            }
            Step::Purge { queue } => {
                let connection = self.bench.connection;
                self.bench
                    .host
                    .purge_queue(connection, QUEUES[queue], now)
                    .unwrap();
            }
            Step::Delete { queue } => {
                let connection = self.bench.connection;
                self.bench
                    .host
                    .delete_queue(connection, QUEUES[queue], false, false, now)
                    .unwrap();
                self.poll();
                self.last.remove(QUEUES[queue]);
                self.declare(QUEUES[queue]);
            }
            Step::Pass { millis } => {
                let end = now + Duration::from_millis(millis);
                while let Some(at) = self.bench.host.poll_timeout()
                    && at <= end
                {
                    self.bench.now = self.bench.now.max(at);
                    self.bench.host.handle_timeout(self.bench.now);
                    self.poll();
                }
                self.bench.now = end;
            }
        }
        self.poll();
    }

    fn settle(&mut self, channel: ChannelId, nth: usize, multiple: bool, how: u8) {
        let now = self.bench.now;
        let tags = self.unsettled.entry(channel).or_default();
        let Some(tag) = tags.get(nth).copied() else {
            let refused = self.bench.host.ack(channel, 1 << 40, multiple, now);
            assert_eq!(refused.unwrap_err().code, 406);
            return;
        };
        tags.retain(|other| {
            if multiple {
                *other > tag
            } else {
                *other != tag
            }
        });
        let host = &mut self.bench.host;
        match how {
            0 | 1 => host.ack(channel, tag, multiple, now),
            2 => host.nack(channel, tag, multiple, true, now),
            _ => host.nack(channel, tag, multiple, false, now),
        }
        .unwrap();
    }

    /// Takes all effects and looks at each.
    fn poll(&mut self) {
        while let Some(effect) = self.bench.host.poll_effect() {
            match effect {
                Effect::Deliver(delivery) => self.delivered(delivery),
                Effect::Store(change) => self.changes.push(change),
                Effect::ConsumerCancelled { .. } => {}
            }
        }
    }

    fn delivered(&mut self, delivery: Delivery) {
        let host = &self.bench.host;
        let queue = host
            .channels
            .get(delivery.channel.0)
            .and_then(|channel| channel.consumers.get(&delivery.consumer_tag))
            .and_then(|consumer| host.consumers.get(consumer.0))
            .expect("deliveries are polled before their consumer goes");
        if !queue.no_ack {
            let tags = self.unsettled.entry(delivery.channel).or_default();
            assert!(tags.last().is_none_or(|last| *last < delivery.delivery_tag));
            tags.push(delivery.delivery_tag);
        }
        let name = host.queues.get(queue.queue.0).unwrap().name.to_string();
        assert_eq!(
            matches!(delivery.extra, Some(Extra::DeliveryCount(_))),
            name == "quorum"
        );
        // What comes for the first time comes in the order in which it was published. Dead letters come later, and
        // higher priorities earlier.
        let died = delivery.message.properties.headers.is_some();
        if !delivery.redelivered && !died && name != "priority" {
            let number = u32::from_be_bytes(delivery.message.body.as_ref().try_into().unwrap());
            let last = self.last.insert(name, number);
            assert!(last.is_none_or(|last| last < number));
        }
        self.seen.push(delivery);
    }

    /// What must be true whenever nobody is at work.
    fn check(&self) {
        let host = &self.bench.host;
        let mut unsettled: HashMap<QueueId, usize> = HashMap::new();
        let mut by_consumer: HashMap<ConsumerId, usize> = HashMap::new();
        let mut cost = 0;
        for (_, channel) in host.channels.iter() {
            let all = channel.unsettled.iter();
            let mut of_consumers = 0;
            for one in all {
                if host.queues.get(one.queue.0).is_some() {
                    *unsettled.entry(one.queue).or_default() += 1;
                    cost += u64::from(one.entry.cost);
                }
                if let Some(consumer) = one.consumer {
                    of_consumers += 1;
                    *by_consumer.entry(consumer).or_default() += 1;
                }
            }
            assert_eq!(of_consumers, channel.consumers_unsettled);
        }
        for (id, consumer) in host.consumers.iter() {
            let has = by_consumer
                .get(&ConsumerId(id))
                .copied()
                .unwrap_or_default();
            assert_eq!(has, consumer.unsettled);
            assert!(consumer.prefetch == 0 || has <= usize::from(consumer.prefetch));
        }
        for (id, queue) in host.queues.iter() {
            assert_eq!(
                queue.subscribers.active.is_some(),
                queue.settings.single_active_consumer && !queue.subscribers.is_empty()
            );
            let out = unsettled.get(&QueueId(id)).copied().unwrap_or_default();
            assert_eq!(queue.unsettled, out);
            cost += queue
                .ready
                .iter()
                .map(|entry| u64::from(entry.cost))
                .sum::<u64>();
            let counters = queue.counters;
            // No message is lost and none is there twice.
            assert_eq!(
                counters.published,
                queue.ready.len() as u64
                    + queue.unsettled as u64
                    + counters.acknowledged
                    + counters.rejected
                    + counters.expired
                    + counters.dropped
                    + counters.refused
                    + counters.delivery_limit
                    + counters.purged
                    + counters.delivered_no_ack
                    + counters.got_no_ack,
                "{}: {counters:?}",
                queue.name
            );
            assert!(
                queue
                    .settings
                    .max_length
                    .is_none_or(|max| queue.ready.len() as u64 <= max)
                    || &*queue.name == "quorum",
                "given back messages may exceed the limit only of queues that refuse"
            );
            let order: Vec<_> = queue
                .ready
                .iter()
                .map(|entry| (u8::MAX - entry.priority, entry.position))
                .collect();
            assert!(order.is_sorted());
            // Nobody waits for what is there.
            assert!(!queue.pending);
            let somebody = queue.subscribers.iter().any(|id| {
                let consumer = host.consumers.get(id.0).unwrap();
                let channel = host.channels.get(consumer.channel.0).unwrap();
                let turn = queue.subscribers.active.is_none_or(|active| active == id);
                turn && channel.is_open() && !channel.is_full() && !consumer.is_full()
            });
            let expired = |now| {
                queue
                    .ready
                    .iter()
                    .next()
                    .is_none_or(|entry| entry.has_expired(now))
            };
            assert!(!somebody || expired(self.bench.now), "{}", queue.name);
        }
        assert_eq!(host.message_bytes(), cost);
    }

    /// What was written down makes what is there.
    fn check_stored(&self) {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(START);
        let mut restarted: VirtualHost<Bytes> =
            VirtualHost::new(HostSettings::default(), self.bench.now, wall);
        for change in &self.changes {
            restarted.restore(change.clone());
        }
        assert_eq!(kept(&self.bench.host), kept(&restarted));
    }
}

/// Places, bodies and counts of all that is written down.
fn kept(host: &VirtualHost<Bytes>) -> BTreeMap<String, BTreeMap<Position, (Bytes, u32)>> {
    let mut kept: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
    let ready = host
        .queues
        .iter()
        .flat_map(|(id, queue)| queue.ready.iter().map(move |entry| (QueueId(id), entry)));
    let unsettled = host.channels.iter().flat_map(|(_, channel)| {
        channel
            .unsettled
            .iter()
            .map(|unsettled| (unsettled.queue, &unsettled.entry))
    });
    for (id, entry) in ready.chain(unsettled).filter(|(_, entry)| entry.stored) {
        if let Some(queue) = host.queues.get(id.0) {
            kept.entry(queue.name.to_string()).or_default().insert(
                entry.position,
                (entry.message.body.clone(), entry.delivery_count),
            );
        }
    }
    kept
}

#[test]
#[should_panic(expected = "plain")]
fn a_lost_message_is_found_out() {
    let mut run = Run::new();
    let id = run.bench.host.names["plain"];
    run.bench
        .host
        .queues
        .get_mut(id.0)
        .unwrap()
        .counters
        .published += 1;
    run.check();
}

#[test]
#[should_panic(expected = "plain")]
fn a_consumer_that_is_passed_over_is_found_out() {
    let mut run = Run::new();
    run.apply(&Step::Consume {
        channel: 0,
        queue: 0,
        no_ack: false,
        priority: 0,
    });
    let id = run.bench.host.names["plain"];
    let queue = run.bench.host.queues.get_mut(id.0).unwrap();
    queue.subscribers.next().unwrap();
    run.apply(&Step::Publish {
        queue: 0,
        persistent: true,
        priority: 0,
        ttl: None,
    });
    run.check();
}

#[test]
#[should_panic(expected = "assertion `left == right` failed")]
fn a_change_that_was_not_written_down_is_found_out() {
    let mut run = Run::new();
    run.apply(&Step::Publish {
        queue: 0,
        persistent: true,
        priority: 0,
        ttl: None,
    });
    run.changes.pop();
    run.check_stored();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("BERGEN_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
    ))]

    #[test]
    fn random_programs_lose_nothing_and_keep_their_promises(steps in vec(step(), 1..120)) {
        let mut run = Run::new();
        for step in &steps {
            run.apply(step);
            run.check();
        }
        run.check_stored();
    }

    #[test]
    fn equal_programs_have_equal_outcomes(steps in vec(step(), 1..60)) {
        let runs = [0, 1].map(|_| {
            let mut run = Run::new();
            for step in &steps {
                run.apply(step);
            }
            run.seen
        });
        prop_assert_eq!(&runs[0], &runs[1]);
    }
}
