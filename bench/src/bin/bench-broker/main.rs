//! `bench-broker`: our embedded broker beside RabbitMQ, under the same clients.
//!
//! Both brokers run throughout, each in a process of its own, and take turns. Our clients put the load on both: RPC
//! calls between two processes, one-way messages of one process, queues and connections that do nothing, and keys
//! that a topic exchange has to find among many bindings.

// What this program prints is what it is for.
#![allow(clippy::print_stdout)]

mod contestant;
mod idle;
mod one_way;
mod report;
mod routing;

use std::process::ExitCode;

use bergen_bench::BenchError;
use bergen_bench::load::Order;
use bergen_bench::options::Options;
use bergen_bench::peers::Peer;
use bergen_bench::record::Record;
use bergen_bench::rpc::worker;
use bergen_bench::series::{Round, Series};
use bergen_bench::worker::Worker;
use clap::{Parser, Subcommand};

use crate::contestant::Contestant;
use crate::idle::Idle;
use crate::routing::Routing;

/// The same as in the `bergen` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The size of the echoed text of a call, and of the body of a one-way message.
const BYTES: usize = 400;

/// How many one-way messages are on their way at once.
const WINDOW: usize = 1000;

#[derive(Parser)]
#[command(
    name = "bench-broker",
    about = "Our embedded broker beside RabbitMQ, under the same clients"
)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    sizes: Sizes,
    #[command(subcommand)]
    part: Option<Part>,
}

/// How much of what does nothing, and how much there is to route among.
#[derive(clap::Args, Clone, Copy, serde::Serialize)]
struct Sizes {
    /// Idle queues whose memory is measured.
    #[arg(long, default_value_t = 10_000)]
    idle_queues: usize,
    /// Idle connections whose memory is measured.
    #[arg(long, default_value_t = 500)]
    idle_connections: usize,
    /// Queues bound to one topic exchange.
    #[arg(long, default_value_t = 1000)]
    routed_queues: usize,
    /// Bindings of each of them.
    #[arg(long, default_value_t = 100)]
    bindings: usize,
}

#[derive(Subcommand)]
enum Part {
    /// Be one process of the benchmark (the benchmark itself starts these).
    #[command(hide = true)]
    Worker(worker::Arguments),
    /// Be the embedded broker.
    #[command(hide = true)]
    Broker { port: u16 },
    /// Send messages one way, and take them.
    #[command(hide = true)]
    OneWay { port: u16 },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let block_on = |future| bergen_bench::runtime(1).and_then(|runtime| runtime.block_on(future));
    let done = match &arguments.part {
        Some(Part::Worker(worker)) => worker.work(),
        Some(Part::Broker { port }) => block_on(contestant::be_broker(*port).boxed()),
        Some(Part::OneWay { port }) => block_on(one_way::work(*port).boxed()),
        None => block_on(run(&arguments).boxed()),
    };
    bergen_bench::exit("bench-broker", done)
}

/// A future of any of the parts.
type Boxed<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), BenchError>> + 'a>>;

trait BoxedExt<'a>: Future<Output = Result<(), BenchError>> + Sized + 'a {
    fn boxed(self) -> Boxed<'a> {
        Box::pin(self)
    }
}

impl<'a, F: Future<Output = Result<(), BenchError>> + 'a> BoxedExt<'a> for F {}

/// Everything that was measured.
#[derive(Default)]
struct Measurements {
    series: Series,
    idle: Vec<Idle>,
    routing: Vec<Routing>,
}

async fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let options = &arguments.options;
    let names = options.chosen(&contestant::NAMES)?;
    let mut record = Record::new("broker", &["bergen-broker", "tokio"]);
    let mut contestants = Vec::new();
    for &name in &names {
        println!("Starting {name} …");
        let contestant = Contestant::start(name).await?;
        contestant.describe(&mut record);
        contestants.push(contestant);
    }
    let mut measured = Measurements::default();
    calls(&contestants, options, &mut measured.series).await?;
    one_ways(&contestants, options, &mut measured.series).await?;
    for contestant in &contestants {
        measured
            .routing
            .push(routing::measure(contestant, options, arguments.sizes).await?);
    }
    for contestant in contestants {
        contestant.stop().await?;
    }
    for name in names {
        measured.idle.push(Idle::of(name, arguments.sizes).await?);
    }
    report::report(record, options, arguments.sizes, &measured)
}

/// RPC: a client and a server of ours at each broker, which take turns.
async fn calls(
    contestants: &[Contestant],
    options: &Options,
    series: &mut Series,
) -> Result<(), BenchError> {
    let mut pairs = Vec::new();
    for contestant in contestants {
        let (url, topic) = (contestant.url(), Peer::Bergen.topic());
        let server = Peer::Bergen.server(&url, topic, options.threads, 1).await?;
        let client = Peer::Bergen.client(&url, topic, options.threads).await?;
        pairs.push((contestant, client, server));
    }
    for &in_flight in &options.in_flight {
        for round in 1..=options.rounds {
            for (contestant, client, server) in &mut pairs {
                let order = Order::closed(options, "call", in_flight, BYTES);
                let broker = contestant.process();
                let measured = client.measure_with(server, broker, &order).await?;
                push(series, contestant, "call", in_flight, round, &measured);
            }
        }
    }
    for (_, client, server) in pairs {
        client.stop().await?;
        server.stop().await?;
    }
    Ok(())
}

/// Messages that are not answered, by raw AMQP.
async fn one_ways(
    contestants: &[Contestant],
    options: &Options,
    series: &mut Series,
) -> Result<(), BenchError> {
    let mut pumps = Vec::new();
    for contestant in contestants {
        let command = contestant::this_program(["one-way", &contestant.port().to_string()])?;
        let pump = Worker::start(format!("messages through {}", contestant.name), command).await?;
        pumps.push((contestant, pump));
    }
    for mode in one_way::MODES {
        for round in 1..=options.rounds {
            for (contestant, pump) in &mut pumps {
                let order = Order::closed(options, mode, WINDOW, BYTES);
                // There is no server: its place is the client's once more.
                let watched = [pump.id(), pump.id(), contestant.process()];
                let measured = pump.measure(&order, &watched).await?;
                push(series, contestant, mode, WINDOW, round, &measured);
            }
        }
    }
    for (_, pump) in pumps {
        pump.stop().await?;
    }
    Ok(())
}

fn push(
    series: &mut Series,
    contestant: &Contestant,
    mode: &str,
    in_flight: usize,
    round: u32,
    measured: &bergen_bench::worker::Measured,
) {
    measured.warn(contestant.name);
    let round = Round::new(contestant.name, mode, in_flight, round, measured);
    println!("{}", round.progress());
    series.push(round);
}
