//! From rounds to tables.

use bergen_bench::BenchError;
use bergen_bench::options::Options;
use bergen_bench::record::Record;
use bergen_bench::series::{Round, Series};
use bergen_bench::table::{Table, figure, ratio};

use crate::contestant::{NAMES, OURS, RABBITMQ};
use crate::{BYTES, Measurements, Sizes, WINDOW, one_way};

/// At how many calls in flight the budget is judged.
const BUSY: usize = 64;

/// How many times RabbitMQ's calls a second the embedded broker is to carry.
const BUDGET: f64 = 2.0;

/// Prints the tables and, unless told not to, writes the measurement down.
pub(crate) fn report(
    mut record: Record,
    options: &Options,
    sizes: Sizes,
    measured: &Measurements,
) -> Result<(), BenchError> {
    let settings = serde_json::json!({
        "seconds": options.seconds,
        "rounds": options.rounds,
        "warm_up": options.warm_up,
        "in_flight": options.in_flight,
        "threads": options.threads,
        "bytes": BYTES,
        "window": WINDOW,
        "sizes": sizes,
    });
    record.figures("settings", settings)?;
    record.figures("series", &measured.series)?;
    record.figures("routing", &measured.routing)?;
    record.figures("idle", &measured.idle)?;
    let (rounds, seconds) = (options.rounds, options.seconds);
    record.text(format!(
        "Both brokers in processes of their own with their defaults, in memory; RabbitMQ without statistics. All \
         clients are ours. Medians of {rounds} rounds of {seconds} s, the brokers taking turns. Nothing is persistent."
    ));
    for &in_flight in &options.in_flight {
        record.text(format!(
            "## RPC calls of {BYTES} bytes, {in_flight} in flight"
        ));
        record.text(table(&measured.series, "call", in_flight));
    }
    record.text(format!(
        "## One-way messages of {BYTES} bytes, at most {WINDOW} on their way\n\nOne process publishes and consumes by \
         raw AMQP. `{}`: neither confirmed nor acknowledged. `{}`: both.",
        one_way::PLAIN,
        one_way::CONFIRMED
    ));
    for mode in one_way::MODES {
        record.text(format!("### {mode}"));
        record.text(table(&measured.series, mode, WINDOW));
    }
    record.text(format!(
        "## Routing among {} queues with {} bindings each\n\nTo one topic exchange, each key to one queue, confirmed.",
        sizes.routed_queues, sizes.bindings
    ));
    record.text(routing(measured));
    record.text("## Memory of what does nothing");
    record.text(idle(measured));
    record.text("## Budgets");
    record.text(budget(&measured.series));
    println!("\n{}", record.markdown());
    if !options.no_write {
        println!("Written to {}", record.write()?.display());
    }
    Ok(())
}

fn table(series: &Series, mode: &str, in_flight: usize) -> Table {
    let mut table = Table::new([
        "broker",
        "per s",
        "to RabbitMQ's",
        "p50 µs",
        "p99 µs",
        "broker µs CPU",
        "to RabbitMQ's",
        "client µs CPU",
        "failed",
    ]);
    for name in NAMES {
        let median = |of: fn(&Round) -> f64| series.median(name, mode, in_flight, of);
        let base = |of: fn(&Round) -> f64| series.median(RABBITMQ, mode, in_flight, of);
        let rate = median(|round| round.rate);
        if rate.is_none() {
            continue;
        }
        let is_call = mode == "call";
        let cpu = median(|round| round.broker_cpu_us);
        let clients: fn(&Round) -> f64 = if is_call {
            Round::both_cpu_us
        } else {
            |round| round.client_cpu_us
        };
        table.row([
            name.to_owned(),
            figure(rate),
            ratio(rate, base(|round| round.rate)),
            figure(median(|round| round.p50_us).filter(|_| is_call)),
            figure(median(|round| round.p99_us).filter(|_| is_call)),
            figure(cpu),
            ratio(cpu, base(|round| round.broker_cpu_us)),
            figure(median(clients)),
            figure(median(failures)),
        ]);
    }
    table
}

fn failures(round: &Round) -> f64 {
    f64::from(u32::try_from(round.failed).unwrap_or(u32::MAX))
}

fn routing(measured: &Measurements) -> Table {
    let base = measured
        .routing
        .iter()
        .find(|routing| routing.broker == RABBITMQ);
    let mut table = Table::new([
        "broker",
        "binds/s",
        "messages/s",
        "to RabbitMQ's",
        "broker µs CPU",
    ]);
    for routing in &measured.routing {
        table.row([
            routing.broker.to_owned(),
            figure(Some(routing.binds)),
            figure(Some(routing.rate)),
            ratio(Some(routing.rate), base.map(|base| base.rate)),
            figure(Some(routing.broker_cpu_us)),
        ]);
    }
    table
}

fn idle(measured: &Measurements) -> Table {
    let mut table = Table::new([
        "broker",
        "process before, MiB",
        "a queue, bytes",
        "a connection with a channel, bytes",
    ]);
    for idle in &measured.idle {
        let mib = f64::from(u32::try_from(idle.before >> 10).unwrap_or(u32::MAX)) / 1024.0;
        table.row([
            idle.broker.to_owned(),
            figure(Some(mib)),
            figure(Some(idle.queue)),
            figure(Some(idle.connection)),
        ]);
    }
    table
}

fn budget(series: &Series) -> Table {
    let rate = |name| series.median(name, "call", BUSY, |round| round.rate);
    let times = rate(OURS)
        .zip(rate(RABBITMQ))
        .map(|(ours, theirs)| ours / theirs);
    let verdict = match times {
        Some(times) if times >= BUDGET => "met",
        Some(_) => "short",
        None => "not measured",
    };
    let mut table = Table::new(["budget", "at least", "measured", ""]);
    table.row([
        format!("calls/s to RabbitMQ's, {BUSY} in flight, times"),
        figure(Some(BUDGET)),
        figure(times),
        verdict.to_owned(),
    ]);
    table
}
