//! `bench-scale`: what it costs to have more servers, more receivers, longer bodies, more calls in
//! flight. One dimension grows at a time; the Python library does the same as far as it can within
//! seconds.

// What this program prints is what it is for.
#![allow(clippy::print_stdout)]

mod experiments;
mod report;

use std::process::ExitCode;

use bergen_bench::BenchError;
use bergen_bench::broker::Broker;
use bergen_bench::options;
use bergen_bench::peers::Peer;
use bergen_bench::record::Record;
use bergen_bench::rpc::worker;
use clap::{Args, Parser, Subcommand};

use crate::experiments::{EXPERIMENTS, Stage};

/// As in `bench-rpc`, with which these figures are compared.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "bench-scale",
    about = "What more servers, receivers, bytes and calls in flight cost"
)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Args, Clone, Debug)]
struct Options {
    /// Measured seconds of each point.
    #[arg(long, default_value_t = 1.0, value_parser = options::seconds)]
    seconds: f64,
    /// Seconds of load before each point that are not measured.
    #[arg(long, default_value_t = 0.3, value_parser = options::seconds)]
    warm_up: f64,
    /// Only these experiments, separated by commas: servers, fanout, bytes, in-flight.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these peers, separated by commas: bergen, python.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Servers of one process, separated by commas; as many receivers has a fanout.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1000])]
    servers: Vec<usize>,
    /// Bytes of the echoed text, separated by commas.
    #[arg(long, value_delimiter = ',',
          default_values_t = [100, 1000, 10_000, 100_000, 1_000_000, 10_000_000])]
    bytes: Vec<usize>,
    /// Calls in flight, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1000, 10_000])]
    in_flight: Vec<usize>,
    /// How many seconds the servers of a process may take to start, until the point is left out.
    #[arg(long, default_value_t = 15.0, value_parser = options::seconds)]
    start_limit: f64,
    /// Print only; write no file to docs/measurements.
    #[arg(long)]
    no_write: bool,
}

#[derive(Subcommand)]
enum Part {
    /// Be one process of the benchmark (the benchmark itself starts these).
    #[command(hide = true)]
    Worker(worker::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.part {
        Some(Part::Worker(worker)) => worker.work(),
        None => {
            bergen_bench::runtime(1).and_then(|runtime| runtime.block_on(run(&arguments.options)))
        }
    };
    bergen_bench::exit("bench-scale", done)
}

async fn run(options: &Options) -> Result<(), BenchError> {
    let names = EXPERIMENTS.map(|experiment| experiment.name);
    let chosen = options::chosen(&options.only, &names)?;
    let peers = [Peer::Bergen, Peer::Python];
    let peer_names = peers.map(Peer::name);
    let peer_names = options::chosen(&options.peers, &peer_names)?;
    let record = Record::new("scale", &["bergen", "tokio", "serde_json"]);
    println!("Starting RabbitMQ …");
    let mut stage = Stage::new(options, Broker::start().await?);
    for peer in peers {
        if peer_names.contains(&peer.name()) {
            stage.play(peer, &chosen).await?;
        }
    }
    report::report(record, options, &chosen, &stage)
}
