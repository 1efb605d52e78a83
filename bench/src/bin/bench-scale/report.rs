//! From points to a table for each experiment, and to one picture.

use bergen_bench::BenchError;
use bergen_bench::peers::{self, PYTHON_SERVER_THREADS, Peer};
use bergen_bench::plot::{Line, Panel, Plot};
use bergen_bench::record::Record;
use bergen_bench::series::Round;
use bergen_bench::table::{Table, figure};

use crate::Options;
use crate::experiments::{EXPERIMENTS, Experiment, Point, Stage};

/// Prints the tables and, unless told not to, writes the measurement down.
pub(crate) fn report(
    mut record: Record,
    options: &Options,
    chosen: &[&str],
    stage: &Stage<'_>,
) -> Result<(), BenchError> {
    for (name, version) in stage.broker.versions() {
        record.version(name, version);
    }
    peers::versions(&mut record)?;
    record.figures("points", &stage.points)?;
    record.text(format!(
        "A client process and a server process over a private RabbitMQ without statistics, one round of {} s \
         for each point, more for the longest bodies and 10 000 calls in flight. A Python server has {PYTHON_SERVER_THREADS} \
         threads. CPU is that of the whole process, for each call or reception; MiB are resident at the end \
         of the point, after all points before it in the same process.",
        options.seconds
    ));
    let shown = EXPERIMENTS.iter();
    let shown: Vec<_> = shown.filter(|of| chosen.contains(&of.name)).collect();
    let plot = plot(&shown, &stage.points);
    record.picture("Rate, latency and memory", plot);
    for experiment in shown {
        record.text(format!("## More {}", experiment.x));
        record.text(experiment.about);
        record.text(table(experiment, &stage.points));
    }
    println!("\n{}", record.markdown());
    if !options.no_write {
        println!("Written to {}", record.write()?.display());
    }
    Ok(())
}

fn table(experiment: &Experiment, points: &[Point]) -> Table {
    let mut table = Table::new([
        experiment.x,
        "peer",
        experiment.unit,
        "p50 µs",
        "p99 µs",
        "client µs CPU",
        "server µs CPU",
        "broker µs CPU",
        "client MiB",
        "server MiB",
        "ready after ms",
        "failed",
        "",
    ]);
    let mut points: Vec<_> = points
        .iter()
        .filter(|point| point.experiment == experiment.name)
        .collect();
    points.sort_by_key(|point| point.x);
    for point in points {
        let of = |of: fn(&Round) -> f64| figure(point.round.as_ref().map(of));
        let failed = point.round.as_ref().map(|round| round.failed.to_string());
        table.row([
            point.x.to_string(),
            point.peer.to_string(),
            of(|round| round.rate),
            of(|round| round.p50_us),
            of(|round| round.p99_us),
            of(|round| round.client_cpu_us),
            of(|round| round.server_cpu_us),
            of(|round| round.broker_cpu_us),
            of(|round| round.client_mib),
            of(|round| round.server_mib),
            figure(point.start_ms),
            failed.unwrap_or_else(|| "–".to_owned()),
            point.remark.clone().unwrap_or_default(),
        ]);
    }
    table
}

const PEERS: [(Peer, &str); 2] = [(Peer::Bergen, "#0a7d6c"), (Peer::Python, "#c4572b")];

/// A row of panels for each experiment.
fn plot(experiments: &[&Experiment], points: &[Point]) -> Plot {
    let mut panels = Vec::new();
    for experiment in experiments {
        let line =
            |(peer, color): (Peer, &'static str), what: &str, dashed, of: fn(&Round) -> f64| {
                let points = points
                    .iter()
                    .filter(|point| point.experiment == experiment.name && point.peer == peer);
                Line {
                    name: format!("{peer}{what}"),
                    color,
                    dashed,
                    points: points
                        .filter_map(|point| Some((as_f64(point.x), of(point.round.as_ref()?))))
                        .collect(),
                }
            };
        let rates = PEERS.map(|peer| line(peer, "", false, |round| round.rate));
        let latencies = PEERS.map(|peer| {
            [
                line(peer, " p50", false, |round| round.p50_us),
                line(peer, " p99", true, |round| round.p99_us),
            ]
        });
        let memory = PEERS.map(|peer| {
            [
                line(peer, " server", false, |round| round.server_mib),
                line(peer, " client", true, |round| round.client_mib),
            ]
        });
        let named = [
            (experiment.unit, rates.to_vec()),
            ("latency, µs", latencies.concat()),
            ("memory, MiB", memory.concat()),
        ];
        panels.extend(named.map(|(title, lines)| Panel {
            title: title.to_owned(),
            x: experiment.x.to_owned(),
            lines,
        }));
    }
    Plot {
        title: "What it costs to scale".to_owned(),
        panels,
        columns: 3,
    }
}

#[allow(clippy::cast_precision_loss)]
fn as_f64(count: usize) -> f64 {
    // At most some ten million.
    count as f64
}
