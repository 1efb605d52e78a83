//! `bench-notify`: our notifications beside the Python library's.
//!
//! Each library publishes from one process, with so many events in flight, and waits for the confirms; then each handles
//! from one process what waits in its queue, one event at a time and in batches. What waits is published by us, so that
//! both handle the same.

// What this program prints is what it is for.
#![allow(clippy::print_stdout)]

mod report;

use std::process::ExitCode;

use bergen_bench::BenchError;
use bergen_bench::broker::Broker;
use bergen_bench::load::Order;
use bergen_bench::notify::{AT_ONCE, Publisher, transport, worker};
use bergen_bench::options::Options;
use bergen_bench::peers::Peer;
use bergen_bench::record::Record;
use bergen_bench::series::{Round, Series};
use clap::{Parser, Subcommand};

/// The same as in the `bergen` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The size of the text in the payload; with envelope and context the body has about 900 bytes.
const TEXT_BYTES: usize = 400;

const TOPIC: &str = "bench";
const QUEUE: &str = "bench.info";

/// Both libraries, ours first.
const PEERS: [Peer; 2] = [Peer::Bergen, Peer::Python];

#[derive(Parser)]
#[command(
    name = "bench-notify",
    about = "Our notifications beside the Python library's"
)]
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
    bergen_bench::exit("bench-notify", done)
}

async fn run(options: &Options) -> Result<(), BenchError> {
    let names = options.chosen(&PEERS.map(Peer::name))?;
    let record = Record::new("notify", &["bergen", "tokio", "serde_json"]);
    println!("Starting RabbitMQ …");
    let mut bench = Bench {
        options,
        peers: PEERS
            .into_iter()
            .filter(|peer| names.contains(&peer.name()))
            .collect(),
        broker: Broker::start().await?,
        series: Series::default(),
    };
    bench.publish().await?;
    for mode in ["single", "batch"] {
        bench.handle(mode).await?;
    }
    report::report(record, options, &bench.series, &bench.broker)
}

/// Everything that a run holds.
struct Bench<'a> {
    options: &'a Options,
    peers: Vec<Peer>,
    broker: Broker,
    series: Series,
}

impl Bench<'_> {
    async fn publish(&mut self) -> Result<(), BenchError> {
        let (url, threads) = (self.broker.url(), self.options.threads);
        let mut notifiers = Vec::new();
        for peer in self.peers.clone() {
            notifiers.push((peer, peer.notifier(&url, TOPIC, threads).await?));
        }
        for &in_flight in &self.options.in_flight {
            for round in 1..=self.options.rounds {
                for (peer, notifier) in &mut notifiers {
                    if !peer.can_have(in_flight) {
                        continue;
                    }
                    let order = Order::closed(self.options, "event", in_flight, TEXT_BYTES);
                    let watched = [notifier.id(), self.broker.process()];
                    let measured = notifier.measure(&order, &watched).await?;
                    measured.warn(peer.name());
                    let round = Round::alone(peer.name(), "event", in_flight, round, &measured);
                    println!("{}", round.progress());
                    self.series.push(round);
                    // Nobody takes them.
                    self.broker.purge(QUEUE).await?;
                }
            }
        }
        for (_, notifier) in notifiers {
            notifier.stop().await?;
        }
        Ok(())
    }

    async fn handle(&mut self, mode: &str) -> Result<(), BenchError> {
        let (url, threads) = (self.broker.url(), self.options.threads);
        let source = transport(&url)?;
        let publisher = Publisher::new(&source, TOPIC)?;
        for round in 1..=self.options.rounds {
            for peer in self.peers.clone() {
                let events = waiting(peer, self.options.seconds);
                publisher.publish_all(events, TEXT_BYTES).await?;
                // One for each round: what is prefetched or acknowledged late ends with it.
                let mut listener = peer.listener(&url, TOPIC, threads).await?;
                let order = Order {
                    events: Some(events),
                    ..Order::closed(self.options, mode, AT_ONCE, TEXT_BYTES)
                };
                let watched = [listener.id(), self.broker.process()];
                let measured = listener.measure(&order, &watched).await?;
                let round = Round::alone(peer.name(), mode, AT_ONCE, round, &measured);
                println!("{}", round.progress());
                self.series.push(round);
                listener.stop().await?;
                self.broker.purge(QUEUE).await?;
            }
        }
        source.close(std::time::Duration::from_secs(5)).await;
        Ok(())
    }
}

/// How many events keep a listener busy for about so many seconds.
fn waiting(peer: Peer, seconds: f64) -> u64 {
    let a_second = match peer {
        Peer::Bergen => 40_000.0,
        Peer::Python => 1_500.0,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of events of at most ten minutes"
    )]
    let events = (seconds * a_second) as u64;
    events.max(1)
}
