//! `bench-rpc`: our RPC beside the Python library's, each as client and as server.
//!
//! Every contestant is a client and a server, two processes over one private RabbitMQ, written for
//! instance `bergen→python`. The Python server has the threading executor with 32 threads; a Python
//! client has one thread for each call in flight, and is left out where that would be too many.

// What this program prints is what it is for.
#![allow(clippy::print_stdout)]

mod budgets;
mod extras;
mod peers;
mod report;
mod worker;

use std::process::ExitCode;

use bergen_bench::BenchError;
use bergen_bench::broker::Broker;
use bergen_bench::load::Order;
use bergen_bench::options::Options;
use bergen_bench::record::Record;
use bergen_bench::series::{Round, Series};
use bergen_bench::table::figure;
use bergen_bench::worker::Worker;
use clap::{Parser, Subcommand};

use crate::extras::Extras;
use crate::peers::{CONTESTANTS, Contestant, Peer};
use crate::worker::Role;

/// The size of the echoed text; with envelope and context the body has about 800 bytes.
const VALUE_BYTES: usize = 400;

/// More threads than this tell nothing of the Python client but how threads fight for one lock.
const PYTHON_CLIENT_THREADS: usize = 64;

#[derive(Parser)]
#[command(name = "bench-rpc", about = "Our RPC beside the Python library's")]
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
        role: Role,
        url: String,
        topic: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let threads = arguments.options.threads;
    let done = bergen_bench::runtime(threads).and_then(|runtime| match &arguments.part {
        Some(Part::Worker { role, url, topic }) => {
            runtime.block_on(worker::work(*role, url, topic))
        }
        None => runtime.block_on(run(&arguments.options)),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-rpc: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), BenchError> {
    let names = CONTESTANTS.map(|contestant| contestant.name);
    let chosen = options.chosen(&names)?;
    let record = Record::new("rpc", &["bergen", "tokio", "serde_json"]);
    println!("Starting RabbitMQ …");
    let broker = Broker::start().await?;
    let mut bench = Bench::start(&chosen, broker, options).await?;
    bench.calls().await?;
    bench.casts().await?;
    bench.stop_workers().await?;
    report::report(record, options, &bench.series, &bench.extras, &bench.broker)
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
                let server = peer.server(&url, peer.topic(), options.threads).await?;
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
        let order = Order {
            mode: mode.to_owned(),
            in_flight,
            warm_up: self.options.warm_up,
            seconds: self.options.seconds,
            bytes: VALUE_BYTES,
        };
        let server = self.server(contestant.server)?;
        let broker = self.broker.process();
        let client = self.client(contestant)?;
        let watched = [client.id(), server, broker];
        let measured = client.measure(&order, &watched).await?;
        if let Some(error) = &measured.outcome.error {
            eprintln!(
                "{}: {} {mode}s failed: {error}",
                contestant.name, measured.outcome.failed
            );
        }
        let round = Round::new(contestant.name, mode, in_flight, round, &measured);
        println!("{}", progress(&round));
        self.series.push(round);
        Ok(())
    }

    /// Waits until the server has worked off what was cast: a call comes behind all of it.
    async fn drain(&mut self, contestant: Contestant) -> Result<(), BenchError> {
        let order = Order {
            mode: "call".to_owned(),
            in_flight: 1,
            warm_up: 0.0,
            seconds: 0.02,
            bytes: 1,
        };
        self.client(contestant)?.measure(&order, &[]).await?;
        Ok(())
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

    fn client(&mut self, contestant: Contestant) -> Result<&mut Worker, BenchError> {
        let found = self.clients.iter_mut().find(|(of, _)| *of == contestant);
        found
            .map(|(_, client)| client)
            .ok_or_else(|| BenchError::worker(contestant.name, "its client was not started"))
    }

    fn server(&self, peer: Peer) -> Result<u32, BenchError> {
        let found = self.servers.iter().find(|(of, _)| *of == peer);
        found
            .map(|(_, server)| server.id())
            .ok_or_else(|| BenchError::worker(peer.to_string(), "its server was not started"))
    }
}

fn progress(round: &Round) -> String {
    format!(
        "{:>3} {}s in flight, round {}: {:<13} {:>7}/s, {:>5} + {:>5} µs each, broker {:>5}, p50 {:>7} µs",
        round.in_flight,
        round.mode,
        round.round,
        round.contestant,
        figure(Some(round.rate)),
        figure(Some(round.client_cpu_us)),
        figure(Some(round.server_cpu_us)),
        figure(Some(round.broker_cpu_us)),
        figure(Some(round.p50_us)),
    )
}
