//! From rounds to tables.

use bergen_bench::BenchError;
use bergen_bench::broker::Broker;
use bergen_bench::io::Batching;
use bergen_bench::options::Options;
use bergen_bench::peers::{
    self, CONTESTANTS, OURS, PYTHON, PYTHON_CLIENT_THREADS, PYTHON_SERVER_THREADS, PYTHON_TO_OURS,
    Peer,
};
use bergen_bench::record::Record;
use bergen_bench::series::{Round, Series};
use bergen_bench::table::{self, Table, figure, ratio};

use crate::extras::Extras;
use crate::paced::Paced;
use crate::{VALUE_BYTES, budgets, paced};

/// Prints the tables and, unless told not to, writes the measurement down.
pub(crate) fn report(
    mut record: Record,
    options: &Options,
    series: &Series,
    paced: &[Paced],
    extras: &Extras,
    broker: &Broker,
) -> Result<(), BenchError> {
    for (name, version) in broker.versions() {
        record.version(name, version);
    }
    peers::versions(&mut record)?;
    let settings = serde_json::json!({
        "seconds": options.seconds,
        "rounds": options.rounds,
        "warm_up": options.warm_up,
        "in_flight": options.in_flight,
        "threads": options.threads,
        "value_bytes": VALUE_BYTES,
        "python_server_threads": PYTHON_SERVER_THREADS,
        "python_client_threads_at_most": PYTHON_CLIENT_THREADS,
    });
    record.figures("settings", settings)?;
    record.figures("series", series)?;
    record.figures("paced", paced)?;
    record.figures("start_and_memory", extras)?;
    let judged = budgets::judge(series, extras);
    record.figures("budgets", &judged)?;

    record.text(format!(
        "`echo` of a text of {VALUE_BYTES} bytes between two processes over a private RabbitMQ \
         without statistics, default options on both sides. A contestant is `client-server`. Medians \
         of {} rounds of {} s, the contestants taking turns. bergen: {} thread(s) in each process. \
         Python: a server with {} threads, a client with one thread for each call in flight and never \
         more than {}. CPU is that of the whole process, a call or cast.",
        options.rounds,
        options.seconds,
        options.threads,
        PYTHON_SERVER_THREADS,
        PYTHON_CLIENT_THREADS,
    ));
    for &in_flight in &options.in_flight {
        record.text(format!("## Calls, {in_flight} in flight"));
        record.text(table(series, "call", in_flight, PYTHON.name));
    }
    for &in_flight in &options.in_flight {
        record.text(format!(
            "## Confirmed casts to the bergen server, {in_flight} in flight"
        ));
        record.text(table(series, "cast", in_flight, PYTHON_TO_OURS.name));
    }
    record.text("## How calls share system calls");
    record.text(
        "Of the bergen processes, warm-up included: frames that left with one write, messages that came \
         with one read, and reads and writes for each call.",
    );
    record.text(batching(series, options));
    paced::describe(&mut record, paced);
    record.text("## Start and memory");
    record.text(start_and_memory(extras));
    record.text("## Budgets");
    record.text(budgets::table(&judged));

    println!("\n{}", record.markdown());
    if !options.no_write {
        println!("Written to {}", record.write()?.display());
    }
    Ok(())
}

fn table(series: &Series, mode: &str, in_flight: usize, base: &str) -> Table {
    let mut table = Table::new([
        "client-server",
        &format!("{mode}s/s"),
        "to Python's",
        "p50 µs",
        "p99 µs",
        "client µs CPU",
        "server µs CPU",
        "both",
        "to Python's",
        "broker µs CPU",
        "switches",
        "failed",
    ]);
    for contestant in CONTESTANTS {
        let name = contestant.name;
        let median = |of: fn(&Round) -> f64| series.median(name, mode, in_flight, of);
        let base = |of: fn(&Round) -> f64| series.median(base, mode, in_flight, of);
        let rate = median(|round| round.rate);
        if rate.is_none() {
            continue;
        }
        let both = median(Round::both_cpu_us);
        table.row([
            name.to_owned(),
            figure(rate),
            ratio(rate, base(|round| round.rate)),
            figure(median(|round| round.p50_us)),
            figure(median(|round| round.p99_us)),
            figure(median(|round| round.client_cpu_us)),
            figure(median(|round| round.server_cpu_us)),
            figure(both),
            ratio(both, base(Round::both_cpu_us)),
            figure(median(|round| round.broker_cpu_us)),
            figure(median(|round| round.switches)),
            series.failed(name, mode, in_flight).to_string(),
        ]);
    }
    table
}

fn batching(series: &Series, options: &Options) -> Table {
    let mut table = Table::new([
        "bergen to bergen",
        "client frames/write",
        "messages/read",
        "syscalls/call",
        "server frames/write",
        "messages/read",
        "syscalls/call",
    ]);
    for mode in ["call", "cast"] {
        for &in_flight in &options.in_flight {
            let median = |of: fn(&Round) -> Option<Batching>, figure: fn(Batching) -> f64| {
                let of = |round: &Round| of(round).map_or(f64::NAN, figure);
                let median = series.median(OURS.name, mode, in_flight, of);
                table::figure(median.filter(|median| median.is_finite()))
            };
            let client: fn(&Round) -> _ = |round| round.client_io;
            let server: fn(&Round) -> _ = |round| round.server_io;
            table.row([
                format!("{mode}s, {in_flight} in flight"),
                median(client, |io| io.frames_per_write),
                median(client, |io| io.deliveries_per_read),
                median(client, |io| io.syscalls_per_call),
                median(server, |io| io.frames_per_write),
                median(server, |io| io.deliveries_per_read),
                median(server, |io| io.syscalls_per_call),
            ]);
        }
    }
    table
}

fn start_and_memory(extras: &Extras) -> Table {
    let mut table = Table::new([
        "peer",
        "client's start to its first answer, ms",
        "idle server, MiB",
    ]);
    for peer in [Peer::Bergen, Peer::Python] {
        table.row([
            peer.to_string(),
            figure(extras.start_ms(peer)),
            figure(extras.idle_mib(peer)),
        ]);
    }
    table
}
