//! `bench-instructions`: how many instructions the parts of a call take, counted by callgrind.
//!
//! Unlike times, the counts hardly depend on what else the machine does, so they are kept in the
//! repository as one table, and a change of the code shows as a change of the table.

// What this program prints is what it is for.
#![allow(clippy::print_stdout)]

mod broker;
mod callgrind;
mod codec;
mod ledger;
mod messages;
mod sections;
mod turns;

use std::process::ExitCode;

use bergen_bench::BenchError;
use bergen_bench::table::{Table, figure, ratio};
use clap::{Parser, Subcommand};

use crate::ledger::Ledger;
use crate::sections::SECTIONS;

#[derive(Parser)]
#[command(
    name = "bench-instructions",
    about = "Instructions and allocations of the parts of a call"
)]
struct Arguments {
    /// Only these sections, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Print only; leave the table in docs/measurements as it is.
    #[arg(long)]
    no_write: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Run one section (the benchmark itself starts these, under valgrind).
    #[command(hide = true)]
    Worker { section: String, count: usize },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.part {
        Some(Part::Worker { section, count }) => sections::run(section, *count),
        None => run(&arguments),
    };
    bergen_bench::exit("bench-instructions", done)
}

fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let names = SECTIONS.map(|section| section.name);
    let chosen = bergen_bench::options::chosen(&arguments.only, &names)?;
    let valgrind = callgrind::version()?;
    let old = Ledger::kept()?;
    let mut new = old.renewed(&valgrind);
    let mut table = Table::new(["section", "before", "now", "", "allocations before", "now"]);
    for section in SECTIONS
        .iter()
        .filter(|section| chosen.contains(&section.name))
    {
        let (cost, file) = callgrind::count(section)?;
        println!("{}: {}", section.name, file.display());
        let before = old.counts(section.name);
        table.row([
            format!("{}: {}", section.name, section.what),
            figure(before.map(|cost| cost.instructions)),
            figure(Some(cost.instructions)),
            ratio(
                Some(cost.instructions),
                before.map(|cost| cost.instructions),
            ),
            figure(before.map(|cost| cost.allocations)),
            figure(Some(cost.allocations)),
        ]);
        new.set(section.name, cost);
    }
    println!("\n{}", old.differences(&new));
    println!("{table}");
    if !arguments.no_write {
        println!("Written to {}", new.write()?.display());
    }
    Ok(())
}
