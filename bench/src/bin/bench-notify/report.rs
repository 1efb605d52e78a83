//! From rounds to tables.

use bergen_bench::BenchError;
use bergen_bench::broker::Broker;
use bergen_bench::notify::{AT_ONCE, BATCH_SIZE};
use bergen_bench::options::Options;
use bergen_bench::peers::{self, PYTHON_CLIENT_THREADS, Peer};
use bergen_bench::record::Record;
use bergen_bench::series::{Round, Series};
use bergen_bench::table::{Table, figure, ratio};
use serde::Serialize;

use crate::{PEERS, TEXT_BYTES};

/// Prints the tables and, unless told not to, writes the measurement down.
pub(crate) fn report(
    mut record: Record,
    options: &Options,
    series: &Series,
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
        "text_bytes": TEXT_BYTES,
        "handled_at_once": AT_ONCE,
        "batch_size": BATCH_SIZE,
        "python_notifier_threads_at_most": PYTHON_CLIENT_THREADS,
    });
    record.figures("settings", settings)?;
    record.figures("series", series)?;
    let judged = judge(series);
    record.figures("budgets", &judged)?;
    record.text(format!(
        "Events with a text of {TEXT_BYTES} bytes in format 2.0 over a private RabbitMQ without \
         statistics, default options on both sides, one process of one library at a time. Medians of \
         {} rounds of about {} s, the libraries taking turns. bergen: {} thread(s). Python: a thread \
         for each event in flight, never more than {PYTHON_CLIENT_THREADS}; the threading executor. \
         CPU is that of the whole process, an event.",
        options.rounds, options.seconds, options.threads,
    ));
    for &in_flight in &options.in_flight {
        record.text(format!("## Published and confirmed, {in_flight} in flight"));
        record.text(table(series, "event", in_flight));
    }
    record.text(format!(
        "## Handled one by one, at most {AT_ONCE} at once, from the first of those that wait to the last"
    ));
    record.text(table(series, "single", AT_ONCE));
    record.text(format!("## Handled in batches of {BATCH_SIZE}"));
    record.text(table(series, "batch", AT_ONCE));
    record.text("## Budgets");
    record.text(budgets(&judged));

    println!("\n{}", record.markdown());
    if !options.no_write {
        println!("Written to {}", record.write()?.display());
    }
    Ok(())
}

fn table(series: &Series, mode: &str, in_flight: usize) -> Table {
    let mut table = Table::new([
        "library",
        "events/s",
        "to Python's",
        "p50 µs",
        "p99 µs",
        "µs CPU",
        "to Python's",
        "broker µs CPU",
        "switches",
        "failed",
    ]);
    for peer in PEERS {
        let of =
            |peer: Peer, of: fn(&Round) -> f64| series.median(peer.name(), mode, in_flight, of);
        let rate: fn(&Round) -> f64 = |round| round.rate;
        let cpu: fn(&Round) -> f64 = |round| round.client_cpu_us;
        if of(peer, rate).is_none() {
            continue;
        }
        // A listener measures no latencies.
        let latency = |latency| of(peer, latency).filter(|latency| *latency > 0.0);
        table.row([
            peer.to_string(),
            figure(of(peer, rate)),
            ratio(of(peer, rate), of(Peer::Python, rate)),
            figure(latency(|round| round.p50_us)),
            figure(latency(|round| round.p99_us)),
            figure(of(peer, cpu)),
            ratio(of(peer, cpu), of(Peer::Python, cpu)),
            figure(of(peer, |round| round.broker_cpu_us)),
            figure(of(peer, |round| round.switches)),
            series.failed(peer.name(), mode, in_flight).to_string(),
        ]);
    }
    table
}

/// One budget, held against a run. Missing one is a finding, not a failure.
#[derive(Debug, Serialize)]
struct Judged {
    what: &'static str,
    at_least: f64,
    measured: Option<f64>,
}

const BUDGETS: [(&str, &str, f64); 3] = [
    ("best confirmed events/s, to Python's best", "event", 10.0),
    ("events handled/s one by one, to Python's", "single", 20.0),
    ("events handled/s in batches, to Python's", "batch", 20.0),
];

fn judge(series: &Series) -> Vec<Judged> {
    let best = |peer: Peer, mode| {
        let levels = series.in_flight(peer.name(), mode).into_iter();
        let rates = levels.filter_map(|level| series.median(peer.name(), mode, level, |r| r.rate));
        rates.max_by(f64::total_cmp)
    };
    let judge = |(what, mode, at_least)| Judged {
        what,
        at_least,
        measured: best(Peer::Bergen, mode)
            .zip(best(Peer::Python, mode))
            .map(|(ours, theirs)| ours / theirs)
            .filter(|times| times.is_finite()),
    };
    BUDGETS.map(judge).into()
}

fn budgets(judged: &[Judged]) -> Table {
    let mut table = Table::new(["budget", "unit", "limit", "measured", "verdict"]);
    for budget in judged {
        let verdict = match budget.measured {
            Some(times) if times >= budget.at_least => "met",
            Some(_) => "short",
            None => "not measured",
        };
        table.row([
            budget.what.to_owned(),
            "times".to_owned(),
            format!("≥ {}", figure(Some(budget.at_least))),
            figure(budget.measured),
            verdict.to_owned(),
        ]);
    }
    table
}
