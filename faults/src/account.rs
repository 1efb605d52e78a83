//! The account of a round: what became of every message, and what nobody can explain.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::log::Event;

mod effect;
mod life;

#[cfg(test)]
mod tests;

use effect::{longest_silence, slowest_answer};
use life::{Life, lives};

/// What happened in a round, apart from the messages.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When the fault began, by the time of day in seconds.
    pub begin: f64,
    /// When it was taken back; `begin` if it was over at once.
    pub healed: f64,
    /// When the last of it was cleared away, which may disturb again: a node that comes back. `healed` if nothing was.
    pub cleared: f64,
    /// Seconds that a call was given.
    pub timeout: f64,
    /// The servers of each topic that lived through the round: who must get a fanout.
    pub receivers: BTreeMap<String, BTreeSet<String>>,
    /// Where messages may have gone for good.
    pub loss: Loss,
    /// Clients that were killed.
    pub killed_clients: BTreeSet<String>,
}

/// With what a cast or fanout that its sender believes sent may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Nothing takes a message along.
    Never,
    /// A broker that died, with queues that are not durable.
    WithTheBroker,
    /// A queue that was deleted, or had no binding.
    WithTheQueue,
    /// Fanouts only: an exchange that was deleted with its bindings.
    FanoutsWithTheExchange,
    /// A server that had taken it.
    WithTheServer,
    /// Fanouts to the peer only, and only those that another of its servers ran, so that they were in the stream: lost
    /// with one peer's own place in it. The peer stays attached to a replica that is gone, and goes on from the last chunk
    /// when the broker cancels its consumer: so says its source.
    FanoutsToThePeerWithItsPlace,
}

/// What became of the messages of one kind in one direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Messages that a client began to send.
    pub made: u64,
    /// Calls that got their own answer, casts that ran, fanouts that ran on every server.
    pub answered: u64,
    /// Those that failed, by the kind of error.
    pub failed: BTreeMap<String, u64>,
    /// Casts and fanouts that were sent and lost with what the fault destroyed.
    pub lost: u64,
    /// Those in flight when their client was killed.
    pub gone_with_client: u64,
    /// Those of which nothing is known at the end.
    pub hung: u64,
    /// Requests that ran on two servers.
    pub ran_elsewhere_too: u64,
    /// Requests that ran twice in one process.
    pub ran_here_twice: u64,
    /// Calls of the peer that ended after their deadline, since its deadline begins after the publish.
    pub late: u64,
}

/// The account of a round.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Account {
    /// By `client → topic, kind`.
    pub tallies: BTreeMap<String, Tally>,
    /// Seconds from the end of the fault to the first answer, by `client → topic`; `None`: never.
    pub resumed: BTreeMap<String, Option<f64>>,
    /// The longest time without an answered call from the beginning of the fault on, in seconds, of any direction.
    pub silent: f64,
    /// How long the slowest call took that was made in or after the fault and answered, in seconds.
    pub slowest: f64,
    /// What must not be. Empty when all is well.
    pub unexplained: Vec<String>,
}

/// How much later than its deadline a call may end.
const GRACE: f64 = 2.0;

/// How long before a fault a message may have been made that was lost with it: long enough for one that waited.
const BEFORE: f64 = 5.0;

/// How long after the first answer some part may still be on its way back.
const SETTLING: f64 = 5.0;

/// How many ids the peer remembers to run none twice.
const PEER_REMEMBERS: usize = 16;

/// How many sentences there may be for one row; the first ones tell most.
const SENTENCES: usize = 40;

impl Account {
    /// Judges a round.
    pub fn of(events: &[Event], facts: &Facts) -> Self {
        let lives = lives(events);
        let mut account = Self {
            resumed: resumed(&lives, facts),
            silent: longest_silence(&lives, facts),
            slowest: slowest_answer(&lives, facts),
            ..Self::default()
        };
        for (direction, resumed) in &account.resumed {
            if resumed.is_none() {
                account
                    .unexplained
                    .push(format!("{direction}: no call was answered after the fault"));
            }
        }
        let back = account.resumed.values().flatten().copied();
        let disturbed = Disturbed {
            from: facts.begin,
            to: facts.cleared.max(facts.healed + back.fold(0.0, f64::max)) + SETTLING,
        };
        for life in &lives {
            account.judge(life, facts, &disturbed);
        }
        account.unexplained.truncate(SENTENCES);
        account
    }

    /// The sum over all directions.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in self.tallies.values() {
            total.made += tally.made;
            total.answered += tally.answered;
            for (kind, count) in &tally.failed {
                *total.failed.entry(kind.clone()).or_default() += count;
            }
            total.lost += tally.lost;
            total.gone_with_client += tally.gone_with_client;
            total.hung += tally.hung;
            total.ran_elsewhere_too += tally.ran_elsewhere_too;
            total.ran_here_twice += tally.ran_here_twice;
            total.late += tally.late;
        }
        total
    }

    fn judge(&mut self, life: &Life<'_>, facts: &Facts, disturbed: &Disturbed) {
        let mut said = Vec::new();
        let tally = self
            .tallies
            .entry(format!("{}, {}", life.direction(), life.kind))
            .or_default();
        tally.made += 1;
        match life.ended {
            None if facts.killed_clients.contains(life.client_process) => {
                tally.gone_with_client += 1;
            }
            None if facts.loss.takes_confirms(life) && life.made >= disturbed.from - BEFORE => {
                tally.lost += 1;
            }
            None => {
                tally.hung += 1;
                said.push("never ended".to_owned());
            }
            Some((_, "wrong")) => {
                *tally.failed.entry("wrong answer".to_owned()).or_default() += 1;
                said.push("got another call's answer".to_owned());
            }
            Some((ended, "ok")) => {
                let arrived = life.arrived(facts);
                if arrived {
                    tally.answered += 1;
                } else {
                    tally.lost += 1;
                    let possible = facts.loss.covers(life)
                        && ended >= disturbed.from - BEFORE
                        && life.made <= disturbed.to;
                    if life.kind == "call" {
                        said.push("was answered and never ran".to_owned());
                    } else if !possible {
                        said.push(format!("was lost; it ran on {:?}", life.processes()));
                    }
                }
            }
            Some((ended, error)) => {
                // A failure does not say that nothing happened.
                let ran = if life.processes().is_empty() {
                    ""
                } else {
                    " (ran)"
                };
                *tally.failed.entry(format!("{error}{ran}")).or_default() += 1;
                if error.starts_with("Remote") {
                    said.push(format!("failed in the method: {error}"));
                } else if !disturbed.touches(life.made, ended) {
                    said.push(format!("failed with {error} though nothing was wrong"));
                }
            }
        }
        if let Some((ended, _)) = life.ended
            && life.kind == "call"
            && ended - life.made > facts.timeout + GRACE
        {
            tally.late += 1;
            // The peer's deadline begins when the broker has confirmed the request.
            if !(life.is_of_peer() && disturbed.touches(life.made, ended)) {
                let after = ended - life.made;
                said.push(format!("ended after {after:.1} s of {:.0}", facts.timeout));
            }
        }
        if life.ran_on_several() && life.kind != "fanout" {
            tally.ran_elsewhere_too += 1;
            let ended = life.ended.map_or(f64::MAX, |(ended, _)| ended);
            let republished = disturbed.touches(life.made, ended);
            if !(life.was_redelivered() || republished) {
                said.push(format!("ran on {:?} without a reason", life.processes()));
            }
        }
        for (process, apart) in life.repeats() {
            tally.ran_here_twice += 1;
            if !(process.starts_with("python") && apart > PEER_REMEMBERS) {
                said.push(format!("ran twice in {process}, {apart} requests apart"));
            }
        }
        self.unexplained
            .extend(said.into_iter().map(|what| format!("{} {what}", life.id)));
    }
}

/// The time in which the fault could do something to a message.
struct Disturbed {
    from: f64,
    to: f64,
}

impl Disturbed {
    fn touches(&self, made: f64, ended: f64) -> bool {
        ended >= self.from && made <= self.to
    }
}

impl Loss {
    fn covers(self, life: &Life<'_>) -> bool {
        match self {
            Self::Never => false,
            Self::FanoutsWithTheExchange => life.kind == "fanout",
            Self::FanoutsToThePeerWithItsPlace => {
                life.kind == "fanout" && life.topic == "python" && !life.processes().is_empty()
            }
            _ => true,
        }
    }

    /// The peer publishes to several streams on one channel, and waits for a confirm without end. RabbitMQ 3.10 can
    /// leave one out when the leader of a stream moves.
    fn takes_confirms(self, life: &Life<'_>) -> bool {
        self == Self::FanoutsToThePeerWithItsPlace && life.is_of_peer() && life.kind == "fanout"
    }
}

impl Tally {
    /// How many failed, of whatever kind.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}

/// Seconds from the end of the fault to the first answer of a call that was made in or after it.
pub fn first_answer(events: &[Event], facts: &Facts) -> BTreeMap<String, Option<f64>> {
    resumed(&lives(events), facts)
}

/// How many calls of each direction were made after the fault and answered.
pub fn answered_since(events: &[Event], since: f64) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for life in lives(events).iter().filter(|life| life.kind == "call") {
        let count = counts.entry(life.direction()).or_default();
        if life.made >= since && matches!(life.ended, Some((_, "ok"))) {
            *count += 1;
        }
    }
    counts
}

fn resumed(lives: &[Life<'_>], facts: &Facts) -> BTreeMap<String, Option<f64>> {
    let mut resumed: BTreeMap<String, Option<f64>> = BTreeMap::new();
    for life in lives.iter().filter(|life| life.kind == "call") {
        let first = resumed.entry(life.direction()).or_default();
        if let Some((ended, "ok")) = life.ended
            && life.made >= facts.begin
            && ended >= facts.healed
        {
            let after = ended - facts.healed;
            *first = Some(first.map_or(after, |first| first.min(after)));
        }
    }
    resumed
}
