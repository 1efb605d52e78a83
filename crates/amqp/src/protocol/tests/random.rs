//! Random lives of a client with a broker: every publish, delivery and request is accounted for.
//!
//! A seed is a history: up to three connections one behind the other, over a wire that delays, cuts and
//! loses, to a broker whose queue outlives them. `BERGEN_SEEDS=100000` plays so many of them, and
//! `BERGEN_SEED=4711` that one:
//!
//! ```sh
//! BERGEN_SEEDS=100000 cargo test --release -p bergen-amqp --lib random_runs -- --nocapture
//! ```

mod account;
mod broker;
mod life;
mod sabotage;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::{account::Account, broker::Broker, life::Life, sabotage::Sabotage};

/// How many seeds are played with every run of the tests.
const SHORT_ROUND: u64 = 200;

#[test]
fn random_runs_keep_their_accounts() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let seeds = match (number("BERGEN_SEED"), number("BERGEN_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(SHORT_ROUND),
    };
    let mut played = Played::default();
    for seed in seeds.clone() {
        let one = catch_unwind(AssertUnwindSafe(|| play(seed, None))).ok();
        let one = one.unwrap_or_else(|| panic!("seed {seed} fails; BERGEN_SEED={seed} replays it"));
        played.add(&one);
    }
    println!("{} seeds: {played:?}", seeds.end - seeds.start);
    assert!(seeds.end - seeds.start < SHORT_ROUND || played.is_complete());
}

/// A machine that breaks its promises is found out, by a seed that finds it out again.
#[test]
fn broken_machines_are_found() {
    for sabotage in Sabotage::ALL {
        let fails = |seed| catch_unwind(AssertUnwindSafe(|| play(seed, Some(sabotage)))).is_err();
        let found = (0..SHORT_ROUND).find(|seed| fails(*seed));
        let seed = found.unwrap_or_else(|| panic!("nobody notices {sabotage:?}"));
        assert!(
            fails(seed),
            "{sabotage:?} is not found again with seed {seed}"
        );
    }
}

/// Plays one history to its end and balances its account.
fn play(seed: u64, sabotage: Option<Sabotage>) -> Played {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut broker = Broker::default();
    let mut account = Account::default();
    let lives = rng.usize(1..=3);
    for _ in 0..lives {
        let sabotage = sabotage.map(|what| what.with(rng.fork()));
        Life::new(&mut broker, &mut account, rng.fork(), sabotage).live();
        broker.forget_connection();
    }
    account.balance(&broker);
    Played {
        connections: lives,
        ..account.played(&broker)
    }
}

/// What happened in some histories, to see that much did.
#[derive(Debug, Default)]
struct Played {
    connections: usize,
    publishes: usize,
    confirmed: usize,
    returned: usize,
    refused: usize,
    unknown: usize,
    unknown_but_there: usize,
    deliveries: usize,
    redeliveries: usize,
    settled: usize,
}

impl Played {
    fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.publishes += other.publishes;
        self.confirmed += other.confirmed;
        self.returned += other.returned;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.unknown_but_there += other.unknown_but_there;
        self.deliveries += other.deliveries;
        self.redeliveries += other.redeliveries;
        self.settled += other.settled;
    }

    /// Whether everything that can happen has happened.
    fn is_complete(&self) -> bool {
        let unknown = [self.unknown, self.unknown_but_there];
        let publishes = [self.confirmed, self.returned, self.refused];
        let deliveries = [self.deliveries, self.redeliveries, self.settled];
        [&unknown[..], &publishes, &deliveries]
            .concat()
            .iter()
            .all(|count| *count > 0)
    }
}
