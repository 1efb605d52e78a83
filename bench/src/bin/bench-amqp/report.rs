//! From rounds to tables.

use bergen_bench::BenchError;
use bergen_bench::broker::Broker;
use bergen_bench::options::Options;
use bergen_bench::record::Record;
use bergen_bench::series::{Round, Series};
use bergen_bench::table::{Table, figure, ratio};

use crate::{BODY_BYTES, clients};

/// Prints the tables and, unless told not to, writes the measurement down.
pub(crate) fn report(
    mut record: Record,
    options: &Options,
    names: &[&str],
    series: &Series,
    broker: &Broker,
) -> Result<(), BenchError> {
    for (name, version) in broker.versions() {
        record.version(name, version);
    }
    let settings = serde_json::json!({
        "seconds": options.seconds,
        "rounds": options.rounds,
        "warm_up": options.warm_up,
        "in_flight": options.in_flight,
        "threads": options.threads,
        "body_bytes": BODY_BYTES,
    });
    record.figures("settings", settings)?;
    record.figures("series", series)?;
    record.text(format!(
        "Echo calls of {BODY_BYTES} bytes between two processes over a private RabbitMQ without \
         statistics: confirmed publishes, manual acknowledgements, mandatory replies to a reply \
         queue. Medians of {} rounds of {} s, the clients taking turns; {} thread(s) in each process. \
         CPU and context switches are those of client and server process, a call.",
        options.rounds, options.seconds, options.threads,
    ));
    for &in_flight in &options.in_flight {
        record.text(format!("## {in_flight} in flight"));
        record.text(table(names, series, in_flight));
    }
    let remarks = clients::REMARKS
        .iter()
        .filter(|(name, _)| names.contains(name));
    let remarks: Vec<_> = remarks
        .map(|(name, remark)| format!("- {name}: {remark}."))
        .collect();
    record.text(remarks.join("\n"));
    record.text(gate(series, &options.in_flight));

    println!("\n{}", record.markdown());
    if !options.no_write {
        println!("Written to {}", record.write()?.display());
    }
    Ok(())
}

fn table(names: &[&str], series: &Series, in_flight: usize) -> Table {
    let mut table = Table::new([
        "client",
        "calls/s",
        "CPU µs a call",
        "of it client",
        "server",
        "broker µs",
        "p50 µs",
        "p99 µs",
        "switches",
        "CPU to lapin's",
        "failed",
    ]);
    let lapin = series.median("lapin", "call", in_flight, Round::both_cpu_us);
    for name in names {
        let median = |of: fn(&Round) -> f64| series.median(name, "call", in_flight, of);
        let both = median(Round::both_cpu_us);
        table.row([
            (*name).to_owned(),
            figure(median(|round| round.rate)),
            figure(both),
            figure(median(|round| round.client_cpu_us)),
            figure(median(|round| round.server_cpu_us)),
            figure(median(|round| round.broker_cpu_us)),
            figure(median(|round| round.p50_us)),
            figure(median(|round| round.p99_us)),
            figure(median(|round| round.switches)),
            ratio(both, lapin),
            series.failed(name, "call", in_flight).to_string(),
        ]);
    }
    table
}

/// The gate and the target of our own client, at 64 in flight.
fn gate(series: &Series, in_flight: &[usize]) -> String {
    const AT: usize = 64;
    let cpu = |name| series.median(name, "call", AT, Round::both_cpu_us);
    let others = clients::NAMES
        .iter()
        .skip(1)
        .filter_map(|name| Some((*name, cpu(name)?)));
    let best = others.min_by(|(_, a), (_, b)| a.total_cmp(b));
    let (Some(ours), Some(lapin), Some((best_name, best))) =
        (cpu("bergen-amqp"), cpu("lapin"), best)
    else {
        let run = if in_flight.contains(&AT) {
            "all clients"
        } else {
            "64 in flight"
        };
        return format!("Gate and target are judged in a run with {run}.");
    };
    let verdict = |good| if good { "met" } else { "missed" };
    format!(
        "Gate, at most half of lapin's CPU a call at 64 in flight: {} of {} µs, {}. Target, the best \
         of the others: {best_name} with {} µs, {}.",
        figure(Some(ours)),
        figure(Some(lapin)),
        verdict(ours <= lapin / 2.0),
        figure(Some(best)),
        verdict(ours <= best),
    )
}
