use std::time::Duration;

use bergen_bench::load::Outcome;
use bergen_bench::process::Usage;
use bergen_bench::worker::Measured;

use super::*;

fn add(series: &mut Series, of: Contestant, mode: &str, in_flight: usize, done: u64, p50_us: f64) {
    let outcome = Outcome {
        done,
        seconds: 1.0,
        p50_us,
        ..Outcome::default()
    };
    let usage = Usage {
        cpu: Duration::from_micros(8 * done),
        context_switches: 0,
    };
    let measured = Measured {
        outcome,
        usages: vec![usage; 3],
        resident: Vec::new(),
        server_io: None,
    };
    series.push(Round::new(of.name, mode, in_flight, 1, &measured));
}

#[test]
fn budgets_are_held_against_the_figures_of_the_same_run() {
    let mut series = Series::default();
    add(&mut series, OURS, "call", 64, 30_000, 1.0);
    add(&mut series, PYTHON, "call", 64, 1_000, 1.0);
    add(&mut series, OURS, "call", 1, 1, 300.0);
    add(&mut series, PYTHON, "call", 1, 1, 2_000.0);
    add(&mut series, OURS, "cast", 8, 15_000, 1.0);
    add(&mut series, OURS, "cast", 64, 20_000, 1.0);
    add(&mut series, PYTHON_TO_OURS, "cast", 8, 2_000, 1.0);
    add(&mut series, PYTHON_TO_OURS, "cast", 64, 1_000, 1.0);
    let judged = judge(&series, &Extras::default());
    let verdicts: Vec<_> = judged
        .iter()
        .map(|judged| (judged.measured, judged.met))
        .collect();
    assert_eq!(
        verdicts,
        [
            (Some(16.0), Some(true)),
            (Some(30.0), Some(true)),
            (Some(0.15), Some(false)),
            (Some(10.0), Some(true)),
            (None, None),
            (None, None),
        ]
    );
    let shown = table(&judged).to_string();
    for verdict in ["met", "short", "not measured"] {
        assert!(shown.contains(verdict), "{shown}");
    }
}
