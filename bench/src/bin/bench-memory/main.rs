//! `bench-memory`: calls through `memory://`, all of bergen but a network: client, driver, bus, server, handler, answer.

// What this program prints is what it is for.
#![allow(clippy::print_stdout)]

mod load;

use std::process::ExitCode;

use bergen_bench::BenchError;
use bergen_bench::options::{self, Options};
use bergen_bench::record::Record;
use bergen_bench::table::{Table, figure};
use clap::Parser;

use crate::load::{Ground, Point};

/// The same as in the `bergen` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls a second that the driver is meant for, on two cores.
const BUDGET: f64 = 500_000.0;

#[derive(Parser)]
#[command(name = "bench-memory", about = "Calls through memory://")]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    bergen_bench::exit("bench-memory", run(&Arguments::parse().options))
}

fn run(options: &Options) -> Result<(), BenchError> {
    let record = Record::new("memory", &["bergen", "tokio"]);
    let names = Ground::ALL.map(Ground::name);
    let chosen = options::chosen(&options.only, &names)?;
    let grounds = Ground::ALL.into_iter();
    let mut points = Vec::new();
    for ground in grounds.filter(|ground| chosen.contains(&ground.name())) {
        for in_flight in &options.in_flight {
            let mut rounds = Vec::new();
            for _ in 0..options.rounds {
                rounds.push(ground.measure(*in_flight, options)?);
            }
            rounds.sort_by(|a, b| a.calls_a_second.total_cmp(&b.calls_a_second));
            let median = rounds.swap_remove(rounds.len() / 2);
            println!("{median}");
            points.push(median);
        }
    }
    report(record, options, &points)
}

/// Prints the table and, unless told not to, writes the measurement down.
fn report(mut record: Record, options: &Options, points: &[Point]) -> Result<(), BenchError> {
    record.figures("points", points)?;
    record.text(format!(
        "Calls of a method that echoes a text of {} bytes, through `memory://`: arguments are encoded and decoded, the \
         server counts, checks for duplicates and deadlines, and spawns each handler, as over a broker. {} rounds of \
         {} s each; the table shows the median. CPU is that of the whole process.",
        load::BYTES,
        options.rounds,
        options.seconds
    ));
    let mut table = Table::new(["runtime", "in flight", "calls/s", "CPU-µs a call"]);
    for point in points {
        table.row([
            point.ground.to_owned(),
            point.in_flight.to_string(),
            figure(Some(point.calls_a_second)),
            figure(Some(point.cpu_micros)),
        ]);
    }
    record.text(table);
    let best = points
        .iter()
        .map(|point| point.calls_a_second)
        .fold(0.0, f64::max);
    let verdict = if best >= BUDGET { "met" } else { "missed" };
    record.text(format!(
        "## Budgets\n\n{BUDGET:.0} calls/s on this machine: {verdict}, the best is {best:.0}."
    ));
    println!("\n{}", record.markdown());
    if !options.no_write {
        println!("Written to {}", record.write()?.display());
    }
    Ok(())
}
