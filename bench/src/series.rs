//! The raw figures: one [`Round`] for each order carried out, and their medians.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::io::Batching;
use crate::process::Usage;
use crate::table::figure;
use crate::worker::Measured;

/// One round of one contestant at one number of calls in flight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Round {
    /// Who was measured.
    pub contestant: String,
    /// What was done: `call`, `cast`, `event` and so on.
    pub mode: String,
    /// How many were in flight.
    pub in_flight: usize,
    /// Which round this was, from 1.
    pub round: u32,
    /// Answered in the measured time.
    pub done: u64,
    /// Failed in the measured time.
    pub failed: u64,
    /// The measured time.
    pub seconds: f64,
    /// Answered a second.
    pub rate: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the latency in microseconds.
    pub p99_us: f64,
    /// Processor microseconds of the client's process for each that was answered.
    pub client_cpu_us: f64,
    /// The same of the server's process.
    pub server_cpu_us: f64,
    /// The same of the broker.
    pub broker_cpu_us: f64,
    /// Context switches of client and server together for each that was answered.
    pub switches: f64,
    /// 99.9th percentile of the latency in microseconds.
    pub p999_us: f64,
    /// MiB of the client's process in memory at the end.
    pub client_mib: f64,
    /// The same of the server's process.
    pub server_mib: f64,
    /// How the client's frames share system calls; not known of every client.
    pub client_io: Option<Batching>,
    /// The same of the server.
    pub server_io: Option<Batching>,
}

impl Round {
    /// Divides what was spent by what was done. `measured` has watched client, server, broker.
    pub fn new(
        contestant: &str,
        mode: &str,
        in_flight: usize,
        round: u32,
        measured: &Measured,
    ) -> Self {
        let outcome = &measured.outcome;
        let done = as_f64(outcome.done);
        let each = |total: f64| if outcome.done == 0 { 0.0 } else { total / done };
        let usage = |index: usize| measured.usages.get(index).copied().unwrap_or_default();
        let cpu_us = |index| each(usage(index).cpu.as_secs_f64() * 1e6);
        let mib = |index: usize| {
            let bytes = measured.resident.get(index).copied().unwrap_or_default();
            as_f64(bytes) / f64::from(1 << 20)
        };
        let switches = usage(0).context_switches + usage(1).context_switches;
        Self {
            contestant: contestant.to_owned(),
            mode: mode.to_owned(),
            in_flight,
            round,
            done: outcome.done,
            failed: outcome.failed,
            seconds: outcome.seconds,
            rate: if outcome.seconds > 0.0 {
                done / outcome.seconds
            } else {
                0.0
            },
            p50_us: outcome.p50_us,
            p99_us: outcome.p99_us,
            client_cpu_us: cpu_us(0),
            server_cpu_us: cpu_us(1),
            broker_cpu_us: cpu_us(2),
            switches: each(as_f64(switches)),
            p999_us: outcome.p999_us,
            client_mib: mib(0),
            server_mib: mib(1),
            client_io: outcome.io.map(|io| io.batching()),
            server_io: measured.server_io.map(|io| io.batching()),
        }
    }

    /// The same for a process that has no other side: `measured` has watched it and the broker. It stands where the
    /// client does.
    pub fn alone(
        contestant: &str,
        mode: &str,
        in_flight: usize,
        round: u32,
        measured: &Measured,
    ) -> Self {
        let mut measured = measured.clone();
        if let [process, broker] = *measured.usages {
            measured.usages = vec![process, Usage::default(), broker];
        }
        if let [process, broker] = *measured.resident {
            measured.resident = vec![process, 0, broker];
        }
        Self::new(contestant, mode, in_flight, round, &measured)
    }

    /// One line for whoever watches.
    pub fn progress(&self) -> String {
        format!(
            "{:>5} {}s in flight, round {}: {:<13} {:>7}/s, {:>5} + {:>5} µs each, broker {:>5}, p50 {:>7} µs",
            self.in_flight,
            self.mode,
            self.round,
            self.contestant,
            figure(Some(self.rate)),
            figure(Some(self.client_cpu_us)),
            figure(Some(self.server_cpu_us)),
            figure(Some(self.broker_cpu_us)),
            figure(Some(self.p50_us)),
        )
    }

    /// Processor microseconds of client and server together.
    pub fn both_cpu_us(&self) -> f64 {
        self.client_cpu_us + self.server_cpu_us
    }
}

/// All rounds of a run.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Series(Vec<Round>);

impl Series {
    /// Adds a round.
    pub fn push(&mut self, round: Round) {
        self.0.push(round);
    }

    /// The median, over the rounds of one contestant, of one figure; `None` without rounds.
    pub fn median(
        &self,
        contestant: &str,
        mode: &str,
        in_flight: usize,
        figure: impl Fn(&Round) -> f64,
    ) -> Option<f64> {
        let rounds = self.0.iter().filter(|round| {
            (
                round.contestant.as_str(),
                round.mode.as_str(),
                round.in_flight,
            ) == (contestant, mode, in_flight)
        });
        median(rounds.map(figure).collect())
    }

    /// At how many in flight a contestant was measured, in rising order.
    pub fn in_flight(&self, contestant: &str, mode: &str) -> BTreeSet<usize> {
        let of = |round: &&Round| round.contestant == contestant && round.mode == mode;
        self.0
            .iter()
            .filter(of)
            .map(|round| round.in_flight)
            .collect()
    }

    /// How many calls failed in the measured time of one contestant.
    pub fn failed(&self, contestant: &str, mode: &str, in_flight: usize) -> u64 {
        let rounds = self.0.iter().filter(|round| {
            (
                round.contestant.as_str(),
                round.mode.as_str(),
                round.in_flight,
            ) == (contestant, mode, in_flight)
        });
        rounds.map(|round| round.failed).sum()
    }
}

/// The middle of the values; the mean of the two middle ones if their number is even.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = values.get(middle.checked_sub(1)?).copied()?;
    Some(f64::midpoint(lower, upper))
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn as_f64(count: u64) -> f64 {
    // Counts of a run of seconds are far below 2^53.
    count as f64
}

#[cfg(test)]
mod tests;
