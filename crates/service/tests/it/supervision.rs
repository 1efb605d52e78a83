//! Workers and their supervisor.

use std::time::Duration;

use rustix::process::Signal;

use super::process::{Line, Process, is_alive, signal_to, wait_until_gone};
use super::program::Scenario;

/// P1
#[test]
fn a_killed_worker_is_replaced_in_its_place_and_the_others_stay() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 2)]));
    let started = process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    let [first, second] = [started[0].pid(), started[1].pid()];
    let killed = signal_to(second, Signal::KILL);
    let replaced = process.wait_for("conductor 1 started");
    assert_ne!(replaced.pid(), second);
    assert!(replaced.at.duration_since(killed) < Duration::from_secs(1));
    assert!(is_alive(first));
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 0);
    assert_eq!(
        process.count(&format!("Child {second} killed by signal 9")),
        1
    );
    assert_eq!(process.count("conductor 0 started"), 1);
    assert!(!is_alive(first) && !is_alive(replaced.pid()));
}

/// A worker that ends with status 0 is replaced as well.
#[test]
fn a_worker_that_was_told_to_end_by_somebody_else_is_replaced() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 2)]));
    let started = process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    signal_to(started[0].pid(), Signal::TERM);
    process.wait_for(&format!("Child {} exited with status 0", started[0].pid()));
    process.wait_for("conductor 0 started");
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 0);
}

/// P2
#[test]
fn workers_that_end_at_once_are_not_started_too_fast_and_a_pause_delays_no_signal() {
    let mut scenario = Scenario::new(&[("conductor", 2)]);
    scenario.crashes_after = Some(100);
    let mut process = Process::start(&scenario);
    let starts: Vec<_> = (0..6)
        .map(|_| process.wait_for("Started child").at)
        .collect();
    for (place, start) in starts.iter().enumerate().skip(3) {
        let since = |other: usize| start.duration_since(starts[other]).as_secs_f64();
        let allowed = since(place - 1) > 0.9 || since(place - 3) > 1.9;
        assert!(allowed, "start {place} is too early: {starts:?}");
    }
    assert!(process.count("exited with status 3") >= 3);
    assert!(process.count("Forking too fast, sleeping") >= 2);

    process.wait_for("Forking too fast, sleeping");
    let told = process.signal(Signal::TERM);
    // The workers may crash while they stop, too: with which status it ends is open.
    process.end();
    assert!(told.elapsed() < Duration::from_secs(1));
}

/// P7
#[test]
fn workers_end_when_their_supervisor_is_killed() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 2)]));
    let started = process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    process.wait_for("All workers are running");
    let killed = process.signal(Signal::KILL);
    process.wait_for_all(&[
        "Parent process has died unexpectedly, exiting",
        "Parent process has died unexpectedly, exiting",
        "conductor 0 ended",
        "conductor 1 ended",
    ]);
    for line in started {
        wait_until_gone(line.pid());
    }
    assert!(killed.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_worker_that_has_not_started_yet_ends_at_once_with_its_supervisor() {
    let mut scenario = Scenario::new(&[("conductor", 2)]);
    scenario.start = 60_000;
    let mut process = Process::start(&scenario);
    let made = process.wait_for_all(&["conductor 0 made", "conductor 1 made"]);
    let killed = process.signal(Signal::KILL);
    for line in made {
        wait_until_gone(line.pid());
    }
    assert!(killed.elapsed() < Duration::from_secs(1));
}

#[test]
fn several_services_have_workers_of_their_own() {
    let mut process = Process::start(&Scenario::new(&[("rpc", 2), ("reports", 1)]));
    let all = ["rpc 0 started", "rpc 1 started", "reports 0 started"];
    let mut pids: Vec<_> = process.wait_for_all(&all).iter().map(Line::pid).collect();
    let reports = pids[2];
    pids.push(process.pid());
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 4, "each in a process of its own");
    signal_to(reports, Signal::KILL);
    process.wait_for("reports 0 started");
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 0);
    for service in ["rpc 0", "rpc 1", "reports 0"] {
        assert_eq!(process.count(&format!("{service} ended")), 1);
    }
    assert_eq!(process.count("rpc 0 made") + process.count("rpc 1 made"), 2);
}

#[test]
fn a_workers_title_names_service_and_index() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 2)]));
    let started = process.wait_for("conductor 1 started");
    let line = std::fs::read(format!("/proc/{}/cmdline", started.pid())).unwrap();
    let mut arguments = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let title = arguments.next().unwrap();
    assert!(title.ends_with(": conductor worker(1)"), "{title}");
    // The arguments are those of the supervisor.
    assert_eq!(arguments.next().unwrap(), "--exact");
    assert_eq!(arguments.next().unwrap(), "program::the_program");
}

#[test]
fn nothing_is_made_in_the_supervisor() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 2)]));
    let made = process.wait_for_all(&["conductor 0 made", "conductor 1 made"]);
    assert!(made.iter().all(|line| line.pid() != process.pid()));
}

/// The descriptor by which the supervisor is known to live does not reach the children of a worker.
#[test]
fn a_workers_standard_input_is_empty() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 2)]));
    let started = process.wait_for("conductor 1 started");
    let input = std::fs::read_link(format!("/proc/{}/fd/0", started.pid())).unwrap();
    assert_eq!(input.to_str(), Some("/dev/null"));
}
