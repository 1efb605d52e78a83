//! `bench-amqp`: our AMQP client beside the others on one echo load.
//!
//! For each client there are two processes, both of this program. The client's process publishes
//! requests to a queue and keeps a number of them in flight; the server's process answers each with
//! a message of the same body to the queue named in its `reply_to`. Publishes are confirmed,
//! deliveries acknowledged one by one as the client does it best, replies are mandatory. One
//! connection a process, one channel that publishes and one that consumes.

// What this program prints is what it is for.
#![allow(clippy::print_stdout)]

mod clients;
mod echo;
mod report;

use std::process::{Command, ExitCode};

use bergen_bench::BenchError;
use bergen_bench::broker::Broker;
use bergen_bench::load::Order;
use bergen_bench::options::Options;
use bergen_bench::record::Record;
use bergen_bench::series::{Round, Series};
use bergen_bench::worker::Worker;
use clap::{Parser, Subcommand};

use crate::echo::Side;

/// The size of the body, about that of a small RPC request.
const BODY_BYTES: usize = 400;

#[derive(Parser)]
#[command(name = "bench-amqp", about = "Our AMQP client beside the others")]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Be one process of the benchmark (the benchmark itself starts these).
    #[command(hide = true)]
    Worker {
        client: String,
        side: Side,
        port: u16,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let threads = arguments.options.threads;
    let done = bergen_bench::runtime(threads).and_then(|runtime| match &arguments.part {
        Some(Part::Worker { client, side, port }) => {
            runtime.block_on(clients::work(client, *side, *port))
        }
        None => runtime.block_on(run(&arguments.options)),
    });
    bergen_bench::exit("bench-amqp", done)
}

async fn run(options: &Options) -> Result<(), BenchError> {
    let chosen = options.chosen(&clients::NAMES)?;
    let record = Record::new("amqp", &[&["tokio"], clients::CRATES.as_slice()].concat());
    println!("Starting RabbitMQ …");
    let broker = Broker::start().await?;
    let mut pairs = Vec::new();
    for name in chosen {
        pairs.push(Pair::start(name, &broker, options.threads).await?);
    }

    let mut series = Series::default();
    for &in_flight in &options.in_flight {
        for round in 1..=options.rounds {
            for pair in &mut pairs {
                let round = pair.measure(&broker, options, in_flight, round).await?;
                println!("{}", round.progress());
                series.push(round);
            }
        }
    }
    let names: Vec<_> = pairs.iter().map(|pair| pair.name).collect();
    for pair in pairs {
        pair.stop().await?;
    }
    report::report(record, options, &names, &series, &broker)
}

/// The two processes of one client.
struct Pair {
    name: &'static str,
    client: Worker,
    server: Worker,
}

impl Pair {
    async fn start(
        name: &'static str,
        broker: &Broker,
        threads: usize,
    ) -> Result<Self, BenchError> {
        let server = worker(name, "server", broker, threads).await?;
        let client = worker(name, "client", broker, threads).await?;
        Ok(Self {
            name,
            client,
            server,
        })
    }

    async fn measure(
        &mut self,
        broker: &Broker,
        options: &Options,
        in_flight: usize,
        round: u32,
    ) -> Result<Round, BenchError> {
        let order = Order::closed(options, "call", in_flight, BODY_BYTES);
        let watched = [self.client.id(), self.server.id(), broker.process()];
        let measured = self.client.measure(&order, &watched).await?;
        measured.warn(self.name);
        Ok(Round::new(self.name, "call", in_flight, round, &measured))
    }

    async fn stop(self) -> Result<(), BenchError> {
        self.client.stop().await?;
        self.server.stop().await
    }
}

/// This program again, as one side.
async fn worker(
    name: &str,
    side: &str,
    broker: &Broker,
    threads: usize,
) -> Result<Worker, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let mut command = Command::new(program);
    let (threads, port) = (threads.to_string(), broker.port().to_string());
    command.args(["--threads", &threads, "worker", name, side, &port]);
    Worker::start(format!("{name} {side}"), command).await
}
