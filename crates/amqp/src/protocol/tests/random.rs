//! Random runs of a client against a broker, each replayed by its seed.

use std::{
    collections::{BTreeMap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::Duration,
};

use super::{
    broker::Broker,
    declare,
    pair::{Pair, client_config},
    with_id,
};
use crate::{
    codec::methods::{basic, confirm},
    protocol::{
        ChannelId, Event, Outcome, Publish, PublishTag, RequestId, SendError, ServerConfig,
    },
};

#[test]
fn random_runs_keep_their_accounts() {
    run_seeds(0..300);
}

/// Runs each seed; names the one that fails.
fn run_seeds(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| Run::new(seed).play())) {
            eprintln!("failed with seed {seed}; replay with run_seeds({seed}..{seed} + 1)");
            resume_unwind(panic);
        }
    }
}

struct Run {
    pair: Pair,
    broker: Broker,
    rng: fastrand::Rng,
    channels: Vec<ChannelId>,
    /// What the client waits for, each exactly once.
    requests: HashMap<RequestId, ChannelId>,
    publishes: BTreeMap<(ChannelId, PublishTag), bool>,
    deliveries: Vec<(ChannelId, u64)>,
    ids: u64,
    over: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut client = client_config();
        client.frame_max = [4096, 10_000, 131_072][rng.usize(..3)];
        client.heartbeat = Duration::from_secs(rng.u64(..3));
        let mut pair = Pair::connected_with(client, ServerConfig::default(), seed);
        pair.latency = Duration::from_millis(rng.u64(..200));
        pair.cut_frames = rng.bool();
        Self {
            pair,
            broker: Broker::default(),
            rng,
            channels: Vec::new(),
            requests: HashMap::new(),
            publishes: BTreeMap::new(),
            deliveries: Vec::new(),
            ids: 0,
            over: false,
        }
    }

    fn play(mut self) {
        for _ in 0..self.rng.usize(10..80) {
            self.act();
            self.turn();
        }
        match self.rng.u8(..3) {
            0 => self.pair.cut(),
            1 => {
                self.pair.silent = true;
                self.pair.client.connection.close(200, "bye", self.pair.now);
                self.pair.advance(Duration::from_mins(1));
            }
            _ => return self.settle_all(),
        }
        self.listen();
        assert!(self.over, "the end was told");
        assert_eq!(self.requests, HashMap::new(), "each request has an end");
        assert_eq!(self.publishes, BTreeMap::new(), "each publish has an end");
    }

    /// Lets everything come to its end, without a failure.
    fn settle_all(mut self) {
        for _ in 0..2000 {
            if self.requests.is_empty() && self.publishes.is_empty() {
                break;
            }
            self.turn();
        }
        assert_eq!(self.requests, HashMap::new(), "each request is answered");
        assert_eq!(self.publishes, BTreeMap::new(), "each publish is confirmed");
        self.broker.hush();
        self.pair.drive();
        self.broker_turn();
        self.pair.drive();
        self.listen();
        for (channel, tag) in std::mem::take(&mut self.deliveries) {
            let settled = self.pair.client.connection.ack(channel, tag, false);
            assert!(
                settled.is_ok() || !self.channels.contains(&channel),
                "{settled:?}"
            );
        }
        self.pair.drive();
        self.broker_turn();
        assert_eq!(
            self.broker.unacked(),
            0,
            "what was acknowledged has arrived"
        );
        assert!(self.pair.client.connection.is_connected());
    }

    fn turn(&mut self) {
        let pause = Duration::from_millis(self.rng.u64(..300));
        self.pair.advance(pause);
        self.broker_turn();
        self.listen();
    }

    fn broker_turn(&mut self) {
        self.broker.serve(&mut self.pair.server, &mut self.rng);
    }

    /// Does something that a client might do.
    fn act(&mut self) {
        let connection = &mut self.pair.client.connection;
        if self.channels.is_empty() || self.rng.u8(..20) == 0 {
            let channel = connection.open_channel().unwrap();
            self.channels.push(channel);
            for method in [
                confirm::Select::default().into(),
                basic::Consume {
                    consumer_tag: "c",
                    ..Default::default()
                }
                .into(),
            ] {
                self.requests
                    .insert(connection.request(channel, &method).unwrap(), channel);
            }
            return;
        }
        let at = self.rng.usize(..self.channels.len());
        let channel = self.channels[at];
        match self.rng.u8(..20) {
            0 => {
                connection.close_channel(channel, 200, "bye").unwrap();
                self.channels.remove(at);
            }
            1 => self.broker.close_one(&mut self.pair.server, &mut self.rng),
            2..5 => {
                let request = connection.request(channel, &declare("q")).unwrap();
                if self.rng.u8(..4) == 0 {
                    connection.abandon(channel, request);
                } else {
                    self.requests.insert(request, channel);
                }
            }
            5..13 => {
                for _ in 0..self.rng.usize(..10) {
                    self.publish(channel);
                }
            }
            _ => self.settle_some(),
        }
    }

    fn publish(&mut self, channel: ChannelId) {
        self.ids += 1;
        let lost = self.rng.u8(..4) == 0;
        let properties = with_id(&format!("{}{}", self.ids, if lost { "lost" } else { "" }));
        let size = [0, 1, 600, 5000, 30_000, 200_000][self.rng.usize(..6)];
        let publish = Publish {
            exchange: "",
            routing_key: &size.to_string(),
            mandatory: lost || self.rng.bool(),
            properties: &properties,
            body: vec![7; size].into(),
        };
        let tag = self
            .pair
            .client
            .connection
            .publish(channel, &publish)
            .unwrap()
            .unwrap();
        self.publishes.insert((channel, tag), lost);
    }

    fn settle_some(&mut self) {
        let connection = &mut self.pair.client.connection;
        for _ in 0..self.rng.usize(..20) {
            if self.deliveries.is_empty() {
                return;
            }
            let (channel, tag) = self
                .deliveries
                .swap_remove(self.rng.usize(..self.deliveries.len()));
            let what = self.rng.u8(..8);
            let multiple = what > 0 && self.rng.u8(..8) == 0;
            let settled = match what {
                0 => connection.reject(channel, tag, true),
                1 => connection.nack(channel, tag, multiple, true),
                _ => connection.ack(channel, tag, multiple),
            };
            match settled {
                Ok(()) if multiple => self
                    .deliveries
                    .retain(|(other, later)| *other != channel || *later > tag),
                Ok(()) => {}
                Err(SendError::ChannelClosed) => assert!(!self.channels.contains(&channel)),
                Err(error) => panic!("{tag} on {channel:?}: {error}"),
            }
        }
    }

    fn listen(&mut self) {
        for event in self.pair.client.take_events() {
            assert!(!self.over, "nothing comes behind the end");
            match event {
                Event::ChannelOpened { .. } => {}
                Event::Reply {
                    channel, request, ..
                } => {
                    assert_eq!(self.requests.remove(&request), Some(channel));
                }
                Event::Delivery { channel, delivery } => {
                    assert_eq!(delivery.body, vec![9; delivery.body.len()]);
                    self.deliveries.push((channel, delivery.delivery_tag));
                }
                Event::Confirmed {
                    channel,
                    tag,
                    outcome,
                } => {
                    let lost = self
                        .publishes
                        .remove(&(channel, tag))
                        .expect("confirmed once");
                    assert_eq!(matches!(outcome, Outcome::Returned(_)), lost);
                }
                Event::ChannelClosed {
                    channel, unsettled, ..
                } => {
                    self.channels.retain(|open| *open != channel);
                    for request in unsettled.requests {
                        assert_eq!(self.requests.remove(&request), Some(channel));
                    }
                    for tag in unsettled.publishes {
                        self.publishes.remove(&(channel, tag)).expect("ended once");
                    }
                    self.deliveries.retain(|(other, _)| *other != channel);
                }
                Event::Closed { .. } => self.over = true,
                other => panic!("unexpected {other:?}"),
            }
        }
    }
}
