//! `cargo xtask faults broker`: what the embedded broker lives through.
#![allow(
    clippy::print_stdout,
    reason = "what this program prints is what it is for"
)]

use std::process::ExitCode;

use bergen_faults::FaultsError;
use bergen_faults::broker::{HostOptions, ITEMS, Item, be_host, details, table};
use bergen_faults::fault::Pace;
use bergen_faults::record::Record;
use clap::{Parser, Subcommand};

/// Does bad things to the embedded broker, and says what became of it and of others.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask faults broker",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// The rows to run; all if none is named
    rows: Vec<String>,
    /// More kills, more cuts, more clients
    #[arg(long)]
    long: bool,
    /// Print the rows there are, and run none
    #[arg(long)]
    list: bool,
    /// Write no file to docs/measurements
    #[arg(long)]
    no_write: bool,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Is the broker under test.
    #[command(hide = true)]
    Host {
        /// What it is started with, as JSON.
        options: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| FaultsError::Worker(error.to_string()));
    let done = runtime.and_then(|runtime| match &arguments.part {
        Some(Part::Host { options }) => {
            let options: HostOptions = serde_json::from_str(options)?;
            runtime.block_on(be_host(options)).map(|()| true)
        }
        None if arguments.list => {
            for item in ITEMS {
                println!("{:<16} {}", item.name, item.about);
            }
            Ok(true)
        }
        None => runtime.block_on(run(&arguments)),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("broker-faults: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the rows; true if all is well.
async fn run(arguments: &Arguments) -> Result<bool, FaultsError> {
    let items = Item::named(&arguments.rows)?;
    let program =
        std::env::current_exe().map_err(|error| FaultsError::Worker(error.to_string()))?;
    let pace = if arguments.long {
        Pace::Long
    } else {
        Pace::Short
    };
    let record = Record::new("broker-faults", "cargo xtask faults broker");
    let mut rows = Vec::new();
    for (number, item) in items.iter().enumerate() {
        eprintln!(
            "[{}/{}] {}: {}",
            number + 1,
            items.len(),
            item.name,
            item.about
        );
        let row = item.run(&program, pace).await;
        eprintln!(
            "        {:.1} s, {}",
            row.seconds,
            if row.wrong.is_empty() {
                "all well"
            } else {
                "NOT WELL"
            }
        );
        for wrong in &row.wrong {
            eprintln!("        {wrong}");
        }
        rows.push(row);
    }
    let (table, details) = (table(&rows), details(&rows));
    println!("\n{table}\n{details}");
    if !arguments.no_write {
        let text = format!(
            "Others: somebody who sends messages to himself meanwhile, each confirmed, delivered and acknowledged.\n\n{table}\n{details}"
        );
        let written = record.write_text(&serde_json::to_value(&rows)?, &text)?;
        eprintln!("written to {}", written.display());
    }
    Ok(rows.iter().all(|row| row.wrong.is_empty()))
}
