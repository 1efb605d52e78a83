//! What a client knows of every message, over all its connections, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Played, broker::Broker};
use crate::protocol::Outcome;

/// What a message's number says of its body.
pub(super) fn size(id: u64) -> usize {
    const SIZES: [usize; 8] = [0, 1, 600, 5000, 30_000, 600, 8, 200_000];
    SIZES[usize::try_from(id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61).unwrap()]
}

pub(super) fn body(id: u64) -> Vec<u8> {
    vec![id.to_le_bytes()[0]; size(id)]
}

/// Where a publish goes, and so what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// To the queue.
    Queue,
    /// To no queue; it comes back if it is mandatory.
    Nowhere,
    /// To a queue that is full, which refuses it.
    Full,
    /// To an exchange that does not exist, which costs the channel.
    Missing,
}

impl Route {
    pub(super) const ALL: [Self; 4] = [Self::Queue, Self::Nowhere, Self::Full, Self::Missing];

    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Nowhere => "nowhere",
            Self::Full => "full",
            Self::Missing => "missing",
        }
    }
}

#[derive(Debug)]
struct Published {
    route: Route,
    mandatory: bool,
    end: Option<End>,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Told(Outcome),
    Unknown,
}

/// The account of one history.
#[derive(Debug, Default)]
pub(super) struct Account {
    published: BTreeMap<u64, Published>,
    /// Messages that came, and how often.
    seen: BTreeMap<u64, usize>,
    /// Messages that the client is done with: acknowledged, rejected for good, or never to be settled.
    pub(super) done: BTreeSet<u64>,
    redelivered: usize,
    /// Messages that were too long for the client, of which it knows no more.
    pub(super) discarded: usize,
}

impl Account {
    /// A number for a message that is published now.
    pub(super) fn publish(&mut self, route: Route, mandatory: bool) -> u64 {
        // Odd ones are the broker's own.
        let id = 2 * u64::try_from(self.published.len()).unwrap();
        let published = Published {
            route,
            mandatory,
            end: None,
        };
        self.published.insert(id, published);
        id
    }

    /// It was not taken after all.
    pub(super) fn take_back(&mut self, id: u64) {
        let last = self.published.pop_last();
        assert!(
            last.is_some_and(|(last, _)| last == id),
            "the last is taken back"
        );
    }

    /// The machine has told what became of a publish, or that nobody knows.
    pub(super) fn end(&mut self, id: u64, outcome: Option<Outcome>) {
        let published = self.published.get_mut(&id).expect("it was published");
        let end = outcome.map_or(End::Unknown, End::Told);
        let before = published.end.replace(end);
        assert_eq!(before, None, "message {id} has one end");
    }

    /// A message has come.
    pub(super) fn delivered(&mut self, id: u64, redelivered: bool) {
        let times = self.seen.entry(id).or_default();
        assert!(redelivered || *times == 0, "message {id} came before");
        *times += 1;
        self.redelivered += usize::from(redelivered);
    }

    /// Compares what the client was told with what the broker has.
    pub(super) fn balance(&self, broker: &Broker) {
        for (id, published) in &self.published {
            let arrived = broker.arrivals(*id);
            let expected = match published.end.as_ref() {
                None => panic!("nobody was told what became of {id}: {published:?}"),
                Some(End::Unknown) => {
                    assert!(arrived <= 1, "{id} arrived {arrived} times");
                    continue;
                }
                Some(End::Told(Outcome::Ack)) => match published.route {
                    Route::Queue => true,
                    Route::Nowhere => !published.mandatory,
                    Route::Full | Route::Missing => false,
                },
                Some(End::Told(Outcome::Returned(_))) => {
                    published.route == Route::Nowhere && published.mandatory
                }
                Some(End::Told(Outcome::Nack)) => published.route == Route::Full,
            };
            assert!(
                expected && arrived == 1,
                "{id} arrived {arrived} times: {published:?}"
            );
        }
        let discarded = |id| self.discarded > 0 && size(id) > 100_000;
        broker.balance(|id| self.done.contains(&id) || discarded(id));
    }

    pub(super) fn played(&self, broker: &Broker) -> Played {
        let ends = |is: fn(&End) -> bool| {
            let ends = self.published.values();
            ends.filter(|published| published.end.as_ref().is_some_and(is))
                .count()
        };
        let unknown = self.published.iter();
        let unknown_but_there = unknown
            .filter(|(id, published)| {
                published.end == Some(End::Unknown) && broker.arrivals(**id) > 0
            })
            .count();
        Played {
            connections: 0,
            publishes: self.published.len(),
            confirmed: ends(|end| *end == End::Told(Outcome::Ack)),
            returned: ends(|end| matches!(end, End::Told(Outcome::Returned(_)))),
            refused: ends(|end| *end == End::Told(Outcome::Nack)),
            unknown: ends(|end| *end == End::Unknown),
            unknown_but_there,
            deliveries: self.seen.values().sum(),
            redeliveries: self.redelivered,
            settled: self.done.len(),
        }
    }
}
