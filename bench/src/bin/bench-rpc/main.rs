//! `bench-rpc`: our RPC beside the Python library's, each as client and as server.
//!
//! Every contestant is a client and a server, two processes over one private RabbitMQ, written for
//! instance `bergen→python`. The Python server has the threading executor with 32 threads; a Python
//! client has one thread for each call in flight, and is left out where that would be too many.

// What this program prints is what it is for.
#![allow(clippy::print_stdout)]

mod budgets;
mod extras;
mod paced;
mod report;

use std::process::ExitCode;

use bergen_bench::BenchError;
use bergen_bench::broker::Broker;
use bergen_bench::load::Order;
use bergen_bench::options::Options;
use bergen_bench::peers::{CONTESTANTS, Contestant, Peer};
use bergen_bench::record::Record;
use bergen_bench::rpc::worker;
use bergen_bench::series::{Round, Series};
use bergen_bench::worker::{Measured, Worker};
use clap::{Parser, Subcommand};

use crate::extras::Extras;

/// The same as in the `bergen` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The size of the echoed text; with envelope and context the body has about 800 bytes.
const VALUE_BYTES: usize = 400;

/// How many calls a second are offered in the open loop, unless said otherwise.
const RATES: [f64; 5] = [100.0, 500.0, 1000.0, 5000.0, 10_000.0];

#[derive(Parser)]
#[command(name = "bench-rpc", about = "Our RPC beside the Python library's")]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Calls offered a second in the open loop, separated by commas; a contestant that does not keep up
    /// is not asked for more.
    #[arg(long, value_delimiter = ',', default_values_t = RATES, value_parser = rate)]
    rates: Vec<f64>,
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
        None => bergen_bench::runtime(1).and_then(|runtime| runtime.block_on(run(&arguments))),
    };
    bergen_bench::exit("bench-rpc", done)
}

async fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let options = &arguments.options;
    let names = CONTESTANTS.map(|contestant| contestant.name);
    let chosen = options.chosen(&names)?;
    let record = Record::new("rpc", &["bergen", "tokio", "serde_json"]);
    println!("Starting RabbitMQ …");
    let broker = Broker::start().await?;
    let mut bench = Bench::start(&chosen, broker, options).await?;
    bench.calls().await?;
    bench.casts().await?;
    let paced = bench.paced(&arguments.rates).await?;
    bench.stop_workers().await?;
    report::report(
        record,
        options,
        &bench.series,
        &paced,
        &bench.extras,
        &bench.broker,
    )
}

/// Everything that a run holds.
struct Bench<'a> {
    options: &'a Options,
    chosen: Vec<Contestant>,
    broker: Broker,
    /// Servers and clients by peer. A client calls one server, so there is one for each contestant.
    servers: Vec<(Peer, Worker)>,
    clients: Vec<(Contestant, Worker)>,
    series: Series,
    extras: Extras,
}

impl<'a> Bench<'a> {
    async fn start(
        names: &[&str],
        broker: Broker,
        options: &'a Options,
    ) -> Result<Self, BenchError> {
        let chosen: Vec<_> = CONTESTANTS
            .into_iter()
            .filter(|contestant| names.contains(&contestant.name))
            .collect();
        let mut bench = Self {
            options,
            chosen,
            broker,
            servers: Vec::new(),
            clients: Vec::new(),
            series: Series::default(),
            extras: Extras::default(),
        };
        for peer in [Peer::Bergen, Peer::Python] {
            if bench
                .chosen
                .iter()
                .any(|contestant| contestant.server == peer)
            {
                println!("Starting the {peer} server …");
                let url = bench.broker.url();
                let server = peer.server(&url, peer.topic(), options.threads, 1).await?;
                bench.extras.idle_server(peer, server.id())?;
                bench
                    .extras
                    .first_calls(peer, &url, options.threads)
                    .await?;
                bench.servers.push((peer, server));
            }
        }
        for contestant in bench.chosen.clone() {
            let url = bench.broker.url();
            let topic = contestant.server.topic();
            let client = contestant
                .client
                .client(&url, topic, options.threads)
                .await?;
            bench.clients.push((contestant, client));
        }
        Ok(bench)
    }

    async fn calls(&mut self) -> Result<(), BenchError> {
        for &in_flight in &self.options.in_flight {
            for round in 1..=self.options.rounds {
                for contestant in self.chosen.clone() {
                    if contestant.client.can_have(in_flight) {
                        self.measure(contestant, "call", in_flight, round).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Both clients cast to our server, the one that keeps up with either.
    async fn casts(&mut self) -> Result<(), BenchError> {
        for &in_flight in &self.options.in_flight {
            for round in 1..=self.options.rounds {
                for contestant in self.chosen.clone() {
                    if contestant.server == Peer::Bergen && contestant.client.can_have(in_flight) {
                        self.measure(contestant, "cast", in_flight, round).await?;
                        self.drain(contestant).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn measure(
        &mut self,
        contestant: Contestant,
        mode: &str,
        in_flight: usize,
        round: u32,
    ) -> Result<(), BenchError> {
        let order = Order::closed(self.options, mode, in_flight, VALUE_BYTES);
        let measured = self.carry_out(contestant, &order).await?;
        measured.warn(contestant.name);
        let round = Round::new(contestant.name, mode, in_flight, round, &measured);
        println!("{}", round.progress());
        self.series.push(round);
        Ok(())
    }

    /// Waits until the server has worked off what was cast: a call comes behind all of it.
    async fn drain(&mut self, contestant: Contestant) -> Result<(), BenchError> {
        let (client, _) = self.pair(contestant)?;
        client.measure(&Order::flush(), &[]).await?;
        Ok(())
    }

    async fn carry_out(
        &mut self,
        contestant: Contestant,
        order: &Order,
    ) -> Result<Measured, BenchError> {
        let broker = self.broker.process();
        let (client, server) = self.pair(contestant)?;
        client.measure_with(server, broker, order).await
    }

    /// Clients first, so that nobody calls a server that is gone.
    async fn stop_workers(&mut self) -> Result<(), BenchError> {
        for (_, client) in self.clients.drain(..) {
            client.stop().await?;
        }
        for (_, server) in self.servers.drain(..) {
            server.stop().await?;
        }
        Ok(())
    }

    fn pair(&mut self, of: Contestant) -> Result<(&mut Worker, &mut Worker), BenchError> {
        let client = self.clients.iter_mut().find(|(whose, _)| *whose == of);
        let server = self.servers.iter_mut().find(|(peer, _)| *peer == of.server);
        match (client, server) {
            (Some((_, client)), Some((_, server))) => Ok((client, server)),
            _ => Err(BenchError::worker(of.name, "it was not started")),
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (1.0..=1e6).contains(&value) => Ok(value),
        _ => Err("expected calls a second between 1 and 1000000".to_owned()),
    }
}
