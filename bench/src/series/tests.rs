use std::time::Duration;

use super::*;
use crate::load::Outcome;
use crate::process::Usage;

fn measured(done: u64) -> Measured {
    let outcome = Outcome {
        done,
        seconds: 2.0,
        p50_us: 10.0,
        p99_us: 20.0,
        ..Outcome::default()
    };
    let usage = |milliseconds, context_switches| Usage {
        cpu: Duration::from_millis(milliseconds),
        context_switches,
    };
    Measured {
        outcome,
        usages: vec![usage(10, 5), usage(20, 15), usage(30, 99)],
        resident: vec![3 << 20, 1 << 19],
        server_io: None,
    }
}

fn near(figure: f64, expected: f64) {
    assert!(
        (figure - expected).abs() < 1e-9,
        "{figure} is not {expected}"
    );
}

#[test]
fn costs_are_divided_by_what_was_done() {
    let round = Round::new("x", "call", 8, 1, &measured(1000));
    near(round.rate, 500.0);
    near(round.client_cpu_us, 10.0);
    near(round.server_cpu_us, 20.0);
    near(round.broker_cpu_us, 30.0);
    near(round.both_cpu_us(), 30.0);
    near(round.switches, 0.02);
}

#[test]
fn nothing_done_costs_nothing_rather_than_infinitely_much() {
    let round = Round::new("x", "call", 8, 1, &measured(0));
    near(round.rate, 0.0);
    near(round.client_cpu_us, 0.0);
}

#[test]
fn medians_are_of_one_contestant_mode_and_number_in_flight() {
    let mut series = Series::default();
    for (contestant, mode, in_flight, done) in [
        ("x", "call", 8, 100),
        ("x", "call", 8, 900),
        ("x", "call", 8, 200),
        ("x", "cast", 8, 1),
        ("x", "call", 1, 1),
        ("y", "call", 8, 1),
    ] {
        series.push(Round::new(contestant, mode, in_flight, 1, &measured(done)));
    }
    assert_eq!(
        series.median("x", "call", 8, |round| round.rate),
        Some(100.0)
    );
    assert_eq!(series.median("z", "call", 8, |round| round.rate), None);
    assert_eq!(series.in_flight("x", "call"), [1, 8].into());
}

#[test]
fn an_even_number_of_values_has_a_median_between_them() {
    assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), Some(3.0));
    assert_eq!(median(vec![]), None);
}
