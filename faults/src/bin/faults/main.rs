//! `cargo xtask faults`: every fault under load, and the table of what became of the messages.
#![allow(
    clippy::print_stdout,
    reason = "what this program prints is what it is for"
)]

use std::process::ExitCode;

use bergen_faults::FaultsError;
use bergen_faults::fault::Pace;
use bergen_faults::record::Record;
use bergen_faults::report::{details, table};
use bergen_faults::stage::Plan;
use bergen_faults::suite::{Item, Suite};
use bergen_faults::worker::{Role, work};
use clap::{Parser, Subcommand};

/// Lets every fault happen under load, and accounts for every message.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask faults", args_conflicts_with_subcommands = true)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// The rows to run; all if none is named
    rows: Vec<String>,
    /// Every fault again and again, and for longer
    #[arg(long)]
    long: bool,
    /// Print the rows there are, and run none
    #[arg(long)]
    list: bool,
    /// Print the outcome as JSON on the standard output, and progress on the standard error
    #[arg(long)]
    json: bool,
    /// Write no file to docs/measurements
    #[arg(long)]
    no_write: bool,
    /// Seconds that a call may take
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(5..=300))]
    timeout: u64,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Is one process of a stage.
    #[command(hide = true)]
    Worker {
        /// Its role, as JSON.
        #[arg(value_parser = role)]
        role: Role,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.part {
        Some(Part::Worker { role }) => runtime(1).and_then(|it| it.block_on(work(role))),
        None if arguments.list => {
            list();
            return ExitCode::SUCCESS;
        }
        None => match runtime(2).and_then(|it| it.block_on(run(&arguments))) {
            Ok(true) => return ExitCode::SUCCESS,
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the rows; true if every one is explained.
async fn run(arguments: &Arguments) -> Result<bool, FaultsError> {
    let items = Item::named(&arguments.rows)?;
    let plan = Plan {
        worker: std::env::current_exe().map_err(|error| FaultsError::Worker(error.to_string()))?,
        timeout: arguments.timeout,
    };
    let pace = if arguments.long {
        Pace::Long
    } else {
        Pace::Short
    };
    let record = Record::new("faults", "cargo xtask faults");
    let mut suite = Suite::new(plan, pace);
    let mut rows = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let about = item.about();
        eprintln!("[{}/{}] {}: {about}", number + 1, items.len(), item.name());
        let row = suite.run(*item).await;
        let verdict = if row.explained {
            "explained"
        } else {
            "NOT EXPLAINED"
        };
        eprintln!(
            "        {:.1} s, {} messages, {verdict}",
            row.seconds,
            row.account.total().made
        );
        if !row.explained {
            for sentence in &row.account.unexplained {
                eprintln!("        {sentence}");
            }
        }
        rows.push(row);
    }
    drop(suite);
    if arguments.json {
        println!("{:#}", record.json(&rows)?);
    } else {
        println!("\n{}\n{}", table(&rows), details(&rows));
    }
    if !arguments.no_write {
        eprintln!("written to {}", record.write(&rows)?.display());
    }
    let red: Vec<_> = rows
        .iter()
        .filter(|row| !row.explained)
        .map(|row| row.name)
        .collect();
    if !red.is_empty() {
        eprintln!("faults: not explained: {}", red.join(", "));
    }
    Ok(red.is_empty())
}

fn list() {
    for item in Item::all() {
        println!("{:<26} {}", item.name(), item.about());
    }
}

fn role(text: &str) -> Result<Role, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, FaultsError> {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let builder = builder.enable_all().worker_threads(threads);
    builder
        .build()
        .map_err(|error| FaultsError::Worker(error.to_string()))
}
