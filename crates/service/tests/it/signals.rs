//! How soon signals are handled.

use std::time::Duration;

use rustix::process::Signal;

use super::process::{Process, is_alive, wait_until_gone};
use super::program::{Kind, Scenario};

/// P9: the best of some tries, since the machine may be busy with something else.
fn handles_signals_at_once(process: &mut Process) {
    let mut delays = (0..5).map(|_| {
        let sent = process.signal(Signal::USR2);
        process.wait_for("report").at.duration_since(sent)
    });
    let best = delays.by_ref().min().unwrap();
    assert!(best < Duration::from_millis(50), "{best:?}");
}

#[test]
fn an_idle_process_handles_a_signal_at_once() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 1)]));
    process.wait_for("started");
    std::thread::sleep(Duration::from_millis(300));
    handles_signals_at_once(&mut process);
    let told = process.signal(Signal::TERM);
    assert_eq!(process.end(), 0);
    assert!(told.elapsed() < Duration::from_millis(200));
}

#[test]
fn a_process_whose_services_hang_handles_a_signal_at_once() {
    let mut scenario = Scenario::new(&[("conductor", 1)]);
    scenario.kind = Kind::Blocks;
    let mut process = Process::start(&scenario);
    process.wait_for("blocked");
    handles_signals_at_once(&mut process);
    let told = process.signal(Signal::INT);
    assert_eq!(process.end(), 1);
    assert!(told.elapsed() < Duration::from_millis(200));
}

#[test]
fn a_supervisor_handles_a_signal_at_once() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 2)]));
    process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    handles_signals_at_once(&mut process);
}

/// P5
#[test]
fn an_interrupt_ends_everything_at_once() {
    for workers in [1, 2] {
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
        assert!(
            told.elapsed() < Duration::from_millis(200),
            "{:?}",
            told.elapsed()
        );
        assert!(process.count("Caught SIGINT signal, instantaneous exiting") >= 1);
        assert_eq!(process.count(" stop"), 0, "nothing is cleaned up");
    }
}

#[test]
fn an_interrupt_during_the_graceful_stop_ends_it() {
    let mut scenario = Scenario::new(&[("conductor", 2)]);
    scenario.drain = 60_000;
    let mut process = Process::start(&scenario);
    process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    process.signal(Signal::TERM);
    process.wait_for_all(&["conductor 0 stop", "conductor 1 stop"]);
    let told = process.signal(Signal::INT);
    assert_eq!(process.end(), 1);
    assert!(told.elapsed() < Duration::from_millis(200));
}

#[test]
fn a_broken_pipe_ends_nobody() {
    let mut process = Process::start(&Scenario::new(&[("conductor", 1)]));
    process.wait_for("started");
    process.signal(Signal::PIPE);
    handles_signals_at_once(&mut process);
    assert!(is_alive(process.pid()));
}
