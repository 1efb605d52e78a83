//! The open loop: so many calls offered in a second, each timed from when it was due.

use bergen_bench::BenchError;
use bergen_bench::load::Order;
use bergen_bench::peers::Contestant;
use bergen_bench::record::Record;
use bergen_bench::series::Round;
use bergen_bench::table::{Table, figure};
use serde::Serialize;

use crate::{Bench, VALUE_BYTES};

/// One rate of one contestant.
#[derive(Debug, Serialize)]
pub(crate) struct Paced {
    /// Calls offered in a second.
    offered: f64,
    #[serde(flatten)]
    round: Round,
}

impl Paced {
    /// Whether as many were answered as offered, but for what is under way when the time ends.
    fn keeps_up(&self) -> bool {
        self.round.failed == 0 && self.round.rate >= 0.9 * self.offered
    }
}

impl Bench<'_> {
    /// Offers each contestant one rate after the other, until it does not keep up.
    pub(crate) async fn paced(&mut self, rates: &[f64]) -> Result<Vec<Paced>, BenchError> {
        let mut all = Vec::new();
        let mut left = self.chosen.clone();
        for &offered in rates {
            let mut kept_up = Vec::new();
            for contestant in left {
                let paced = self.offer(contestant, offered).await?;
                if paced.keeps_up() {
                    kept_up.push(contestant);
                }
                all.push(paced);
            }
            left = kept_up;
        }
        Ok(all)
    }

    async fn offer(&mut self, contestant: Contestant, offered: f64) -> Result<Paced, BenchError> {
        let order = Order {
            rate: Some(offered),
            ..Order::closed(self.options, "call", 0, VALUE_BYTES)
        };
        let measured = self.carry_out(contestant, &order).await?;
        measured.warn(contestant.name);
        let round = Round::new(contestant.name, "paced", 0, 1, &measured);
        println!(
            "{:>6} calls/s offered: {:<13} {:>7}/s answered, p50 {} µs, p99.9 {} µs",
            figure(Some(offered)),
            round.contestant,
            figure(Some(round.rate)),
            figure(Some(round.p50_us)),
            figure(Some(round.p999_us)),
        );
        let paced = Paced { offered, round };
        if !paced.keeps_up() {
            // What it still has to do shall not weigh on the next.
            self.drain(contestant).await?;
        }
        Ok(paced)
    }
}

/// Adds the table.
pub(crate) fn describe(record: &mut Record, all: &[Paced]) {
    if all.is_empty() {
        return;
    }
    record.text("## Calls at a fixed rate");
    record.text(
        "An open loop: calls begin when they are due, whether or not those before are answered, and each \
         is timed from when it was due. One round for each rate; a contestant that answers less than 90 % \
         of what is offered is not offered more. Python's client has 64 threads. CPU is that of client \
         and server together; bergen's client has a thread more, which keeps the time.",
    );
    let mut table = Table::new([
        "client-server",
        "offered/s",
        "answered/s",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "both µs CPU",
        "broker µs CPU",
        "switches",
        "client syscalls/call",
        "frames/write",
        "server syscalls/call",
        "frames/write",
        "failed",
    ]);
    for Paced { offered, round } in all {
        let (client, server) = (round.client_io, round.server_io);
        table.row([
            round.contestant.clone(),
            figure(Some(*offered)),
            figure(Some(round.rate)),
            figure(Some(round.p50_us)),
            figure(Some(round.p99_us)),
            figure(Some(round.p999_us)),
            figure(Some(round.both_cpu_us())),
            figure(Some(round.broker_cpu_us)),
            figure(Some(round.switches)),
            figure(client.map(|io| io.syscalls_per_call)),
            figure(client.map(|io| io.frames_per_write)),
            figure(server.map(|io| io.syscalls_per_call)),
            figure(server.map(|io| io.frames_per_write)),
            round.failed.to_string(),
        ]);
    }
    record.text(table);
}
