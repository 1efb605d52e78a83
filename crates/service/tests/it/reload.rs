//! SIGHUP.

use std::fs;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::process::{Process, Scratch, is_alive, signal_to};
use super::program::Scenario;

const BEFORE: &str = "[DEFAULT]\ngreeting = good morning\ncolor = green\n";
const AFTER: &str = "[DEFAULT]\ngreeting = good evening\ncolor = blue\n";
const BROKEN: &str = "[DEFAULT\ngreeting = good night\n";

/// A program that reads a file, in a state that a test is to change.
fn start(scratch: &Scratch, services: &[(&str, usize)], mutate: bool) -> Process {
    let file = scratch.0.join("service.conf");
    fs::write(&file, BEFORE).unwrap();
    let mut scenario = Scenario::new(services);
    scenario.file = Some(file);
    scenario.mutate = mutate;
    let mut process = Process::start(&scenario);
    for _ in services.iter().flat_map(|(_, workers)| 0..*workers) {
        process.wait_for("started good morning green");
    }
    process
}

fn write(scratch: &Scratch, text: &str) {
    fs::write(scratch.0.join("service.conf"), text).unwrap();
}

fn end(mut process: Process) {
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 0);
}

/// P6
#[test]
fn mutate_changes_mutable_options_and_resets_in_place() {
    let scratch = Scratch::new("mutate");
    let mut process = start(&scratch, &[("one", 1), ("two", 1)], true);
    write(&scratch, AFTER);
    process.signal(Signal::HUP);
    process.wait_for("Ignoring change to immutable option");
    process.wait_for("one 0 reset good evening green");
    process.wait_for("two 0 reset good evening green");
    assert_eq!(process.count(" stop"), 0);
    assert_eq!(process.count(" made"), 2);
    end(process);
}

/// P6
#[test]
fn mutate_reaches_every_worker_and_none_is_replaced() {
    let scratch = Scratch::new("mutate-workers");
    let mut process = start(&scratch, &[("conductor", 2)], true);
    write(&scratch, AFTER);
    process.signal(Signal::HUP);
    let reset = [
        "conductor 0 reset good evening green",
        "conductor 1 reset good evening green",
    ];
    let lines = process.wait_for_all(&reset);
    assert!(lines.iter().all(|line| is_alive(line.pid())));
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 0);
    assert_eq!(process.count(" started"), 2);
}

/// P6
#[test]
fn reload_makes_the_services_of_a_process_anew() {
    let scratch = Scratch::new("reload");
    let mut process = start(&scratch, &[("one", 1), ("two", 1)], false);
    write(&scratch, AFTER);
    process.signal(Signal::HUP);
    for what in ["one 0 stop", "two 0 stop", "one 0 ended", "two 0 ended"] {
        process.wait_for(what);
    }
    assert_eq!(
        process.wait_for("one 0 started good evening blue").pid(),
        process.pid()
    );
    process.wait_for("two 0 started good evening blue");
    end(process);
}

/// P6
#[test]
fn reload_replaces_every_worker() {
    let scratch = Scratch::new("reload-workers");
    let mut process = start(&scratch, &[("conductor", 2)], false);
    // The record of starts is forgotten each time, so that nobody waits.
    for text in [AFTER, BEFORE, AFTER] {
        write(&scratch, text);
        let told = process.signal(Signal::HUP);
        let greeting = if text == AFTER {
            "good evening blue"
        } else {
            "good morning green"
        };
        let started = [
            format!("conductor 0 started {greeting}"),
            format!("conductor 1 started {greeting}"),
        ];
        let lines = process.wait_for_all(&[&started[0], &started[1]]);
        assert!(lines[0].at.duration_since(told) < Duration::from_secs(1));
    }
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 0);
    assert_eq!(process.count("Forking too fast"), 0);
    assert_eq!(process.count(" started"), 8);
}

/// P6
#[test]
fn a_broken_file_leaves_everything_as_it_was() {
    for mutate in [false, true] {
        for services in [&[("one", 1)], &[("one", 2)]] {
            let scratch = Scratch::new("broken");
            let mut process = start(&scratch, services, mutate);
            write(&scratch, BROKEN);
            process.signal(Signal::HUP);
            process.wait_for("WARN");
            assert_eq!(process.count(" stop"), 0);
            // The next one works again.
            write(&scratch, AFTER);
            process.signal(Signal::HUP);
            process.wait_for(if mutate {
                "one 0 reset good evening green"
            } else {
                "one 0 started good evening blue"
            });
            end(process);
        }
    }
}

#[test]
fn several_hang_ups_are_one_pass() {
    let scratch = Scratch::new("several");
    let mut process = start(&scratch, &[("one", 1)], true);
    for _ in 0..50 {
        process.signal(Signal::HUP);
    }
    process.wait_for("one 0 reset");
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 0);
    let passes = process.count("one 0 reset");
    assert!(passes < 25, "{passes} passes");
}

/// As the peers' workers, which then are replaced.
#[test]
fn a_hang_up_for_one_worker_renews_or_resets_it_alone() {
    let scratch = Scratch::new("one-worker");
    let mut process = start(&scratch, &[("conductor", 2)], false);
    let worker = process.heard_from("conductor 1 started");
    signal_to(worker, Signal::HUP);
    process.wait_for(&format!("Child {worker} exited with status 0"));
    process.wait_for("conductor 1 started");
    process.signal(Signal::TERM);
    assert_eq!(process.end(), 0);
    assert_eq!(process.count("conductor 0 started"), 1);
}

/// With a terminal, as when somebody closes its window.
#[test]
fn in_the_foreground_of_a_terminal_a_hang_up_is_a_graceful_stop() {
    for workers in [1, 2] {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = fs::File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap());
        let terminal = OwnedFd::from(terminal.unwrap());
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .arg(std::env::current_exe().unwrap())
            .stdin(Stdio::from(terminal.try_clone().unwrap()))
            .stdout(Stdio::from(terminal));
        let mut process = Process::spawn(command, &Scenario::new(&[("one", workers)]));
        for _ in 0..workers {
            process.wait_for(" started");
        }
        process.signal(Signal::HUP);
        assert_eq!(process.end(), 0);
        assert_eq!(process.count(" ended"), workers);
    }
}
