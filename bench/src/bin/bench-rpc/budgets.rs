//! The budgets that the design sets itself, as data. Missing one is a finding, not a failure.

use bergen_bench::series::{Round, Series};
use bergen_bench::table::{Table, figure};
use serde::Serialize;

use crate::extras::Extras;
use bergen_bench::peers::{Contestant, OURS, PYTHON, PYTHON_TO_OURS, Peer};

/// At how many calls in flight throughput and cost are judged.
const BUSY: usize = 64;

/// One budget, held against a run.
#[derive(Debug, Serialize)]
pub(crate) struct Judged {
    what: &'static str,
    unit: &'static str,
    limit: f64,
    measured: Option<f64>,
    met: Option<bool>,
}

struct Budget {
    what: &'static str,
    unit: &'static str,
    bound: Bound,
    figure: fn(&Series, &Extras) -> Option<f64>,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const BUDGETS: [Budget; 6] = [
    Budget {
        what: "CPU of client and server for a call, 64 in flight",
        unit: "µs",
        bound: Bound::AtMost(20.0),
        figure: |series, _| call(series, OURS, BUSY, Round::both_cpu_us),
    },
    Budget {
        what: "calls/s, 64 in flight, to Python's",
        unit: "times",
        bound: Bound::AtLeast(30.0),
        figure: |series, _| {
            let rate = |of| call(series, of, BUSY, |round| round.rate);
            Some(rate(OURS)? / rate(PYTHON)?)
        },
    },
    Budget {
        what: "p50 of one call at a time, to Python's",
        unit: "times",
        bound: Bound::AtMost(0.125),
        figure: |series, _| {
            let p50 = |of| call(series, of, 1, |round| round.p50_us);
            Some(p50(OURS)? / p50(PYTHON)?)
        },
    },
    Budget {
        what: "best confirmed casts/s, to Python's best",
        unit: "times",
        bound: Bound::AtLeast(10.0),
        figure: |series, _| Some(best_casts(series, OURS)? / best_casts(series, PYTHON_TO_OURS)?),
    },
    Budget {
        what: "memory of an idle server",
        unit: "MiB",
        bound: Bound::AtMost(12.0),
        figure: |_, extras| extras.idle_mib(Peer::Bergen),
    },
    Budget {
        what: "start of a client to its first answered call",
        unit: "ms",
        bound: Bound::AtMost(50.0),
        figure: |_, extras| extras.start_ms(Peer::Bergen),
    },
];

/// Holds all budgets against a run.
pub(crate) fn judge(series: &Series, extras: &Extras) -> Vec<Judged> {
    let judge = |budget: &Budget| {
        let measured = (budget.figure)(series, extras).filter(|figure| figure.is_finite());
        let (limit, met) = match budget.bound {
            Bound::AtMost(limit) => (limit, measured.map(|figure| figure <= limit)),
            Bound::AtLeast(limit) => (limit, measured.map(|figure| figure >= limit)),
        };
        Judged {
            what: budget.what,
            unit: budget.unit,
            limit,
            measured,
            met,
        }
    };
    BUDGETS.iter().map(judge).collect()
}

/// The budgets as a table.
pub(crate) fn table(judged: &[Judged]) -> Table {
    let mut table = Table::new(["budget", "unit", "limit", "measured", "verdict"]);
    for (budget, judged) in BUDGETS.iter().zip(judged) {
        let sign = match budget.bound {
            Bound::AtMost(_) => "≤",
            Bound::AtLeast(_) => "≥",
        };
        let verdict = match judged.met {
            Some(true) => "met",
            Some(false) => "short",
            None => "not measured",
        };
        table.row([
            judged.what.to_owned(),
            judged.unit.to_owned(),
            format!("{sign} {}", figure(Some(judged.limit))),
            figure(judged.measured),
            verdict.to_owned(),
        ]);
    }
    table
}

fn call(
    series: &Series,
    of: Contestant,
    in_flight: usize,
    figure: fn(&Round) -> f64,
) -> Option<f64> {
    series.median(of.name, "call", in_flight, figure)
}

fn best_casts(series: &Series, of: Contestant) -> Option<f64> {
    let rates = series.in_flight(of.name, "cast").into_iter();
    let rates = rates.filter_map(|level| series.median(of.name, "cast", level, |round| round.rate));
    rates.max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests;
