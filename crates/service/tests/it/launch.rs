//! Launches that fail, and what fails later.

use rustix::process::Signal;

use super::process::Process;
use super::program::{Kind, Scenario};

#[test]
fn a_service_that_can_not_start_ends_the_process_with_status_1() {
    let mut scenario = Scenario::new(&[("one", 1), ("two", 1)]);
    scenario.kind = Kind::StartFails;
    let mut process = Process::start(&scenario);
    assert_eq!(process.end(), 1);
    assert_eq!(process.count("no start today"), 1);
    assert_eq!(process.count("two 0 made"), 0);
}

#[test]
fn a_panic_in_a_start_ends_the_process_with_status_1() {
    let mut scenario = Scenario::new(&[("one", 1)]);
    scenario.kind = Kind::StartPanics;
    let mut process = Process::start(&scenario);
    assert_eq!(process.end(), 1);
    assert_eq!(process.count("a service has panicked"), 1);
}

#[test]
fn a_worker_that_can_not_start_is_replaced_by_the_rule() {
    let mut scenario = Scenario::new(&[("one", 2)]);
    scenario.kind = Kind::StartFails;
    let mut process = Process::start(&scenario);
    process.wait_for("exited with status 1");
    process.wait_for("Started child");
    process.wait_for("Forking too fast, sleeping");
    process.signal(Signal::TERM);
    process.end();
}

#[test]
fn a_service_that_can_not_go_on_stops_and_ends_the_process_with_status_1() {
    let mut scenario = Scenario::new(&[("one", 1), ("two", 1)]);
    scenario.fails_after = Some(50);
    let mut process = Process::start(&scenario);
    assert_eq!(process.end(), 1);
    assert!(process.count("the disk is gone") >= 1);
    assert_eq!(process.count("one 0 ended"), 1);
    assert_eq!(process.count("two 0 ended"), 1);
}

/// Service-table row B3.
#[test]
fn a_process_launches_once() {
    let mut scenario = Scenario::new(&[("one", 1)]);
    scenario.kind = Kind::LaunchesTwice;
    let mut process = Process::start(&scenario);
    process.wait_for("started");
    process.signal(Signal::TERM);
    process.wait_for("second launch: this process has launched its services already");
    assert_eq!(process.end(), 0);
}

#[test]
fn without_what_stands_beside_them_services_are_not_made() {
    for supervised in [false, true] {
        let mut scenario = Scenario::new(&[("one", 1)]);
        scenario.kind = Kind::CompanionFails;
        scenario.supervised = supervised;
        let mut process = Process::start(&scenario);
        assert_eq!(process.end(), 1);
        assert_eq!(process.count("the companion is out of order"), 1);
        assert_eq!(process.count("made"), 0);
    }
}

#[test]
fn options_are_logged_once_with_their_secrets_masked() {
    for workers in [1, 2] {
        let mut process = Process::start(&Scenario::new(&[("one", workers)]));
        for _ in 0..workers {
            process.wait_for(" started");
        }
        process.signal(Signal::TERM);
        assert_eq!(process.end(), 0);
        assert_eq!(process.count(&"*".repeat(80)), 2);
        assert_eq!(process.count("geheim"), 0);
        assert_eq!(process.count("test_password"), 1);
    }
    let mut quiet = Process::start(&Scenario::new(&[("one", 1)]).option("log_options", "false"));
    quiet.wait_for(" started");
    quiet.signal(Signal::TERM);
    assert_eq!(quiet.end(), 0);
    assert_eq!(quiet.count("****"), 0);
}
