//! How soon signals are handled.

use std::cell::RefCell;
use std::time::Duration;

use rustix::process::Signal;

use super::process::{Process, takes_at_most, wait_until_gone};
use super::program::{Kind, Scenario};

const AT_ONCE: Duration = Duration::from_millis(200);

/// P9
fn handles_signals_at_once(process: Process) {
    let process = RefCell::new(process);
    takes_at_most(Duration::from_millis(50), || {
        let mut process = process.borrow_mut();
        let sent = process.signal(Signal::USR2);
        process.wait_for("report").at.duration_since(sent)
    });
}

#[test]
fn an_idle_process_handles_a_signal_at_once() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 1)]));
    process.wait_for("started");
    std::thread::sleep(Duration::from_millis(300));
    handles_signals_at_once(process);
}

#[test]
fn an_idle_process_ends_at_once() {
    takes_at_most(AT_ONCE, || {
        let mut process = Process::start(&Scenario::new(&[("conductor", 1)]));
        process.wait_for("started");
        let told = process.signal(Signal::TERM);
        assert_eq!(process.end(), 0);
        told.elapsed()
    });
}

#[test]
fn a_process_whose_services_hang_handles_a_signal_at_once() {
    let mut scenario = Scenario::new(&[("conductor", 1)]);
    scenario.kind = Kind::Blocks;
    let mut process = Process::start(&scenario);
    process.wait_for("blocked");
    handles_signals_at_once(process);
}

#[test]
fn a_supervisor_handles_a_signal_at_once() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 2)]));
    process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    handles_signals_at_once(process);
}

/// P5
#[test]
fn an_interrupt_ends_everything_at_once() {
    for workers in [1, 2] {
        takes_at_most(AT_ONCE, || {
            let mut scenario = Scenario::new(&[("conductor", workers)]);
            scenario.drain = 60_000;
            let mut process = Process::start(&scenario);
            let pids: Vec<_> = (0..workers)
                .map(|_| process.wait_for(" started").pid())
                .collect();
            let told = process.signal(Signal::INT);
            assert_eq!(process.end(), 1);
            for pid in pids {
                wait_until_gone(pid);
            }
            let time = told.elapsed();
            assert!(process.count("Caught SIGINT signal, instantaneous exiting") >= 1);
            assert_eq!(process.count(" stop"), 0, "nothing is cleaned up");
            time
        });
    }
}

#[test]
fn an_interrupt_ends_even_services_that_hang() {
    takes_at_most(AT_ONCE, || {
        let mut scenario = Scenario::new(&[("conductor", 1)]);
        scenario.kind = Kind::Blocks;
        let mut process = Process::start(&scenario);
        process.wait_for("blocked");
        let told = process.signal(Signal::INT);
        assert_eq!(process.end(), 1);
        told.elapsed()
    });
}

#[test]
fn an_interrupt_during_the_graceful_stop_ends_it() {
    let mut scenario = Scenario::new(&[("conductor", 2)]);
    scenario.drain = 60_000;
    let mut process = Process::start(&scenario);
    process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    process.signal(Signal::TERM);
    process.wait_for_all(&["conductor 0 stop", "conductor 1 stop"]);
    process.signal(Signal::INT);
    assert_eq!(process.end(), 1);
}

#[test]
fn a_broken_pipe_ends_nobody() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 1)]));
    process.wait_for("started");
    process.signal(Signal::PIPE);
    handles_signals_at_once(process);
}
