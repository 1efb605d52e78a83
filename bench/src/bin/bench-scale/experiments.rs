//! The four dimensions, and how a point of each is measured.

use std::fmt;
use std::time::{Duration, Instant};

use bergen_bench::BenchError;
use bergen_bench::broker::Broker;
use bergen_bench::load::{Order, Outcome};
use bergen_bench::peers::Peer;
use bergen_bench::process::{Usage, resident_bytes};
use bergen_bench::rpc::Looked;
use bergen_bench::series::Round;
use bergen_bench::table::figure;
use bergen_bench::worker::{Measured, Worker};
use serde::Serialize;

use crate::Options;

/// One dimension.
pub(crate) struct Experiment {
    pub(crate) name: &'static str,
    /// What grows.
    pub(crate) x: &'static str,
    /// What is counted a second.
    pub(crate) unit: &'static str,
    pub(crate) about: &'static str,
}

pub(crate) const SERVERS: Experiment = Experiment {
    name: "servers",
    x: "servers of one process",
    unit: "calls/s",
    about: "Calls to a topic whose servers are all in one process, on one transport: 32 in flight, 400 bytes.",
};
pub(crate) const FANOUT: Experiment = Experiment {
    name: "fanout",
    x: "receivers",
    unit: "receptions/s",
    about: "Fanout casts of 400 bytes, one after the other, each received by all servers of one process. \
            Rate and CPU are those of one reception, counted until the last one. The latency is from the \
            cast to the handler, of casts that come so seldom that none waits for another.",
};
pub(crate) const BYTES: Experiment = Experiment {
    name: "bytes",
    x: "bytes of the text",
    unit: "calls/s",
    about: "Calls that echo a text of so many bytes: 4 in flight, one server. Every byte goes twice \
            through the broker.",
};
pub(crate) const IN_FLIGHT: Experiment = Experiment {
    name: "in-flight",
    x: "calls in flight",
    unit: "calls/s",
    about: "Calls of 400 bytes to one server.",
};

pub(crate) const EXPERIMENTS: [Experiment; 4] = [SERVERS, FANOUT, BYTES, IN_FLIGHT];

/// The text of those experiments that do not vary it.
const VALUE_BYTES: usize = 400;

/// Threads of a Python client, at most.
const PYTHON_THREADS: usize = 100;

/// How long receptions are waited for behind the last cast.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// One point of one experiment: figures, or why there are none.
#[derive(Debug, Serialize)]
pub(crate) struct Point {
    pub(crate) experiment: &'static str,
    pub(crate) peer: Peer,
    pub(crate) x: usize,
    /// Milliseconds until all servers of the process were ready, where that is what grows.
    pub(crate) start_ms: Option<f64>,
    pub(crate) round: Option<Round>,
    pub(crate) remark: Option<String>,
}

/// A broker, and what was measured on it.
pub(crate) struct Stage<'a> {
    options: &'a Options,
    pub(crate) broker: Broker,
    pub(crate) points: Vec<Point>,
}

/// Receptions that did not come in the time they were waited for.
struct Missing {
    received: u64,
    expected: u64,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, expected } = self;
        let limit = DRAIN_LIMIT.as_secs();
        write!(
            formatter,
            "{received} of {expected} receptions within {limit} s of the last cast"
        )
    }
}

/// A process with servers, and one with a client of theirs.
struct Pair {
    client: Worker,
    server: Worker,
    start_ms: f64,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(options: &'a Options, broker: Broker) -> Self {
        Self {
            options,
            broker,
            points: Vec::new(),
        }
    }

    /// Has one peer do all that was asked for.
    pub(crate) async fn play(&mut self, peer: Peer, chosen: &[&str]) -> Result<(), BenchError> {
        let is_chosen = |experiment: &Experiment| chosen.contains(&experiment.name);
        if is_chosen(&SERVERS) || is_chosen(&FANOUT) {
            self.many_servers(peer, is_chosen(&SERVERS), is_chosen(&FANOUT))
                .await?;
        }
        if !is_chosen(&BYTES) && !is_chosen(&IN_FLIGHT) {
            return Ok(());
        }
        let mut pair = self.pair(peer, 1).await?;
        if is_chosen(&BYTES) {
            for &bytes in &self.options.bytes {
                // A long body takes its time: the window must hold some.
                let longer = if bytes >= 10_000_000 {
                    4.0
                } else if bytes >= 1_000_000 {
                    2.0
                } else {
                    1.0
                };
                let order = Order {
                    bytes,
                    seconds: self.options.seconds * longer,
                    ..self.order("call", 4)
                };
                let measured = self.calls(&mut pair, &order).await;
                self.note(&BYTES, peer, bytes, None, measured)?;
            }
        }
        if is_chosen(&IN_FLIGHT) {
            for &in_flight in &self.options.in_flight {
                if peer == Peer::Python && in_flight > PYTHON_THREADS {
                    let remark = format!("a thread each: not tried above {PYTHON_THREADS}");
                    self.leave_out(&IN_FLIGHT, peer, in_flight, remark);
                    continue;
                }
                // Each of them waits for nearly all others: the window must hold some turns.
                let longer = if in_flight >= 10_000 { 3.0 } else { 1.0 };
                let order = Order {
                    seconds: self.options.seconds * longer,
                    ..self.order("call", in_flight)
                };
                let measured = self.calls(&mut pair, &order).await;
                self.note(&IN_FLIGHT, peer, in_flight, None, measured)?;
            }
        }
        pair.stop().await
    }

    async fn many_servers(
        &mut self,
        peer: Peer,
        calls: bool,
        fanout: bool,
    ) -> Result<(), BenchError> {
        let wanted = [(calls, &SERVERS), (fanout, &FANOUT)];
        let wanted = wanted.into_iter().filter(|(wanted, _)| *wanted);
        let wanted: Vec<_> = wanted.map(|(_, experiment)| experiment).collect();
        let mut too_slow = false;
        for &count in &self.options.servers {
            let limit = self.options.start_limit;
            let remark = format!("not ready within {limit} s");
            if too_slow {
                for experiment in &wanted {
                    self.leave_out(experiment, peer, count, format!("fewer were {remark}"));
                }
                continue;
            }
            let mut pair = match self.pair(peer, count).await {
                Ok(pair) => pair,
                Err(error) => {
                    eprintln!("{count} servers of {peer}: {error}");
                    for experiment in &wanted {
                        self.leave_out(experiment, peer, count, remark.clone());
                    }
                    too_slow = true;
                    continue;
                }
            };
            let start_ms = Some(pair.start_ms);
            if calls {
                let measured = self.calls(&mut pair, &self.order("call", 32)).await;
                self.note(&SERVERS, peer, count, start_ms, measured)?;
            }
            if fanout {
                match self.receptions(&mut pair, count).await? {
                    Ok(measured) => self.note(&FANOUT, peer, count, start_ms, Ok(measured))?,
                    Err(missing) => self.leave_out(&FANOUT, peer, count, missing.to_string()),
                }
            }
            pair.stop().await?;
        }
        Ok(())
    }

    async fn calls(&self, pair: &mut Pair, order: &Order) -> Result<Measured, BenchError> {
        let broker = self.broker.process();
        pair.client
            .measure_with(&mut pair.server, broker, order)
            .await
    }

    /// Casts one after the other for the measured time, and waits until everybody has received
    /// everything. The latencies are those of some casts before, so few that none waits for another.
    async fn receptions(
        &self,
        pair: &mut Pair,
        servers: usize,
    ) -> Result<Result<Measured, Missing>, BenchError> {
        let watched = [pair.client.id(), pair.server.id(), self.broker.process()];
        let usages = || {
            let usages = watched.iter().map(|process| Usage::of(*process));
            usages.collect::<Result<Vec<_>, _>>()
        };
        let now_and_then = Order {
            rate: Some(
                (500.0 / f64::from(u32::try_from(servers).unwrap_or(u32::MAX))).clamp(2.0, 20.0),
            ),
            warm_up: 0.0,
            // Else there would be none among them.
            seconds: self.options.seconds.max(1.0),
            ..self.order("fanout", 1)
        };
        let few = pair.client.measure(&now_and_then, &[]).await?.outcome;
        let alone = match self.received(pair, few.done, servers, 0).await? {
            Ok(alone) => alone,
            Err(missing) => return Ok(Err(missing)),
        };

        let order = Order {
            rate: None,
            seconds: self.options.seconds,
            ..now_and_then
        };
        let before = usages()?;
        let begin = Instant::now();
        let many = pair.client.measure(&order, &[]).await?.outcome;
        let received = self.received(pair, many.done, servers, alone.received);
        let all = match received.await? {
            Ok(all) => all,
            Err(missing) => return Ok(Err(missing)),
        };
        let seconds = begin.elapsed().as_secs_f64();
        let spent = usages()?.into_iter().zip(before);
        let resident = watched.iter().map(|process| resident_bytes(*process));
        Ok(Ok(Measured {
            outcome: Outcome {
                done: all.received - alone.received,
                failed: few.failed + many.failed,
                seconds,
                p50_us: alone.p50_us,
                p99_us: alone.p99_us,
                error: few.error.or(many.error),
                ..Outcome::default()
            },
            usages: spent.map(|(after, before)| after - before).collect(),
            resident: resident.collect::<Result<_, _>>()?,
            server_io: None,
        }))
    }

    /// Waits until each of the servers has received so many casts behind those `before`.
    async fn received(
        &self,
        pair: &mut Pair,
        casts: u64,
        servers: usize,
        before: u64,
    ) -> Result<Result<Looked, Missing>, BenchError> {
        let expected = before + casts * u64::try_from(servers).unwrap_or(u64::MAX);
        let begin = Instant::now();
        loop {
            let looked = pair.server.look().await?;
            if looked.received >= expected {
                return Ok(Ok(looked));
            }
            if begin.elapsed() > DRAIN_LIMIT {
                return Ok(Err(Missing {
                    received: looked.received,
                    expected,
                }));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn pair(&self, peer: Peer, servers: usize) -> Result<Pair, BenchError> {
        let url = self.broker.url();
        let topic = format!("scale-{peer}-{servers}");
        let limit = Duration::try_from_secs_f64(self.options.start_limit).unwrap_or_default();
        let begin = Instant::now();
        let starting = peer.server(&url, &topic, 1, servers);
        let server = tokio::time::timeout(limit, starting).await;
        let server = server.map_err(|_| {
            BenchError::worker(peer.to_string(), format!("not ready within {limit:?}"))
        })??;
        let start_ms = begin.elapsed().as_secs_f64() * 1e3;
        let client = peer.client(&url, &topic, 1).await?;
        Ok(Pair {
            client,
            server,
            start_ms,
        })
    }

    fn order(&self, mode: &str, in_flight: usize) -> Order {
        Order {
            mode: mode.to_owned(),
            in_flight,
            rate: None,
            warm_up: self.options.warm_up,
            seconds: self.options.seconds,
            bytes: VALUE_BYTES,
            events: None,
        }
    }

    fn note(
        &mut self,
        experiment: &Experiment,
        peer: Peer,
        x: usize,
        start_ms: Option<f64>,
        measured: Result<Measured, BenchError>,
    ) -> Result<(), BenchError> {
        let measured = measured?;
        measured.warn(peer.name());
        let round = Round::new(peer.name(), experiment.name, x, 1, &measured);
        println!(
            "{peer}, {x} {}: {} {}, p50 {} µs, server {} MiB",
            experiment.x,
            figure(Some(round.rate)),
            experiment.unit,
            figure(Some(round.p50_us)),
            figure(Some(round.server_mib)),
        );
        self.points.push(Point {
            experiment: experiment.name,
            peer,
            x,
            start_ms,
            remark: (round.done == 0).then(|| "none answered in time".to_owned()),
            round: (round.done > 0).then_some(round),
        });
        Ok(())
    }

    fn leave_out(&mut self, experiment: &Experiment, peer: Peer, x: usize, remark: String) {
        println!("{peer}, {x} {}: {remark}", experiment.x);
        self.points.push(Point {
            experiment: experiment.name,
            peer,
            x,
            start_ms: None,
            round: None,
            remark: Some(remark),
        });
    }
}

impl Pair {
    /// The client first, so that nobody calls a server that is gone.
    async fn stop(self) -> Result<(), BenchError> {
        self.client.stop().await?;
        self.server.stop().await
    }
}
