//! The graceful stop, and its limit.

use std::time::Duration;

use rustix::process::Signal;

use super::process::{Process, is_alive, signal_to, takes_at_most};
use super::program::{Kind, Scenario};

/// The process part of P3.
#[test]
fn what_runs_is_finished_before_the_end() {
    for workers in [1, 2] {
        let mut scenario = Scenario::new(&[("conductor", workers)]);
        scenario.drain = 500;
        let mut process = Process::start(&scenario);
        for _ in 0..workers {
            process.wait_for("started");
        }
        let told = process.signal(Signal::TERM);
        process.wait_for("stop");
        // Another one does not hurry it.
        process.signal(Signal::TERM);
        assert_eq!(process.end(), 0);
        assert!(told.elapsed() >= Duration::from_millis(500));
        assert_eq!(process.count("conductor 0 ended"), 1);
        assert_eq!(process.count(" ended"), workers);
    }
}

/// P4
#[test]
fn the_end_comes_in_time_whatever_still_runs() {
    for workers in [1, 2] {
        takes_at_most(Duration::from_millis(2300), || {
            let mut scenario =
                Scenario::new(&[("conductor", workers)]).option("graceful_shutdown_timeout", "2");
            scenario.drain = 60_000;
            let mut process = Process::start(&scenario);
            let pids: Vec<_> = (0..workers)
                .map(|_| process.wait_for(" started").pid())
                .collect();
            let told = process.signal(Signal::TERM);
            assert_eq!(process.end(), 1);
            let time = told.elapsed();
            assert!(time >= Duration::from_millis(1700), "{time:?}");
            assert!(process.count("Graceful shutdown timeout exceeded") >= 1);
            assert!(pids.iter().all(|pid| !is_alive(*pid)));
            assert_eq!(process.count(" ended"), 0);
            time
        });
    }
}

/// As P4, with services whose threads hang.
#[test]
fn the_end_comes_in_time_even_if_the_services_hang() {
    takes_at_most(Duration::from_millis(1300), || {
        let mut scenario =
            Scenario::new(&[("conductor", 1)]).option("graceful_shutdown_timeout", "1");
        scenario.kind = Kind::Blocks;
        let mut process = Process::start(&scenario);
        process.wait_for("blocked");
        let told = process.signal(Signal::TERM);
        assert_eq!(process.end(), 1);
        assert!(told.elapsed() >= Duration::from_millis(900));
        told.elapsed()
    });
}

#[test]
fn a_worker_that_hangs_is_killed_with_its_supervisor() {
    let mut process = Process::start(
        &Scenario::new(&[("conductor", 2)]).option("graceful_shutdown_timeout", "1"),
    );
    let started = process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    signal_to(started[1].pid(), Signal::STOP);
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 1);
    assert!(!is_alive(started[1].pid()));
}

#[test]
fn a_worker_that_fails_in_the_stop_shows_in_the_status() {
    let mut scenario = Scenario::new(&[("conductor", 2)]);
    scenario.drain = 60_000;
    scenario.crashes_after = Some(1_000);
    let mut process = Process::start(&scenario);
    process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 1);
    assert!(process.count("exited with status 3") >= 1);
}

#[test]
fn services_stop_in_launch_order_and_then_are_waited_for_in_it() {
    let mut process = Process::start(&Scenario::new(&[("one", 1), ("two", 1), ("three", 1)]));
    let order = [
        "one 0 made",
        "one 0 started",
        "two 0 made",
        "two 0 started",
        "three 0 made",
        "three 0 started",
    ];
    // Each line after the one before it.
    for what in order {
        process.wait_for(what);
    }
    process.signal(Signal::TERM);
    for what in [
        "one 0 stop",
        "two 0 stop",
        "three 0 stop",
        "one 0 ended",
        "two 0 ended",
        "three 0 ended",
    ] {
        process.wait_for(what);
    }
    assert_eq!(process.end(), 0);
}

#[test]
fn a_stop_during_the_start_gives_the_start_up() {
    for supervised in [false, true] {
        let mut scenario = Scenario::new(&[("conductor", 1)]);
        scenario.start = 60_000;
        scenario.supervised = supervised;
        let mut process = Process::start(&scenario);
        process.wait_for("conductor 0 made");
        process.signal(Signal::TERM);
        assert_eq!(process.end(), 0);
    }
}
