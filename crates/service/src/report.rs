//! The Guru Meditation report: what a process is at, for people, as oslo.reports lays it out.

pub(crate) mod text;
mod trigger;
mod utc;
mod write;

#[cfg(test)]
mod tests;

use crate::introspect::{Observer, procfs};
use text::{Lines, plain};
pub(crate) use trigger::{on_signal, watch_file};

/// The whole report. Reads files, so it is not for a thread that others wait for.
pub(crate) fn text(observer: &Observer) -> String {
    let snapshot = observer.snapshot();
    let package = observer.introspection.package();
    let mut report = Report::default();
    report.section("Guru Meditation", &format!("{}\n\n", "|".repeat(WIDTH)));
    report.section(
        "Package",
        &format!(
            "product = {}\nvendor = {}\nversion = {}\n",
            package.product, package.vendor, package.version
        ),
    );
    report.section("Threads", &threads(&procfs::threads()));
    let mut tasks = text::tasks(&snapshot);
    tasks.push_str(&text::timers(&snapshot));
    report.section("Tasks", &tasks);
    report.section("Processes", &processes(&procfs::processes()));
    report.section(
        "Configuration",
        &text::configuration(&observer.configuration),
    );
    let mut messaging = text::connections(&snapshot);
    messaging.push_str(&text::servers(&snapshot));
    report.section("Messaging", &messaging);
    for (title, value) in observer.introspection.sections() {
        report.section(&title, &text::value(&value));
    }
    report.0
}

/// Of the lines that set sections apart.
const WIDTH: usize = 72;

#[derive(Default)]
struct Report(String);

impl Report {
    fn section(&mut self, title: &str, body: &str) {
        let line = "=".repeat(WIDTH);
        self.0.line(&line);
        self.0.line(&format!("===={:^64}====", plain(title)));
        self.0.line(&line);
        self.0.line(body);
    }
}

fn threads(threads: &[procfs::Thread]) -> String {
    let mut out = String::new();
    for thread in threads {
        let title = format!(" Thread #{} ", thread.id);
        out.line(&format!("------{title:^60}------"));
        out.line(&format!("name = {}", plain(&thread.name)));
        out.line(&format!("state = {}", thread.state));
        if let Some(function) = &thread.waits_in {
            out.line(&format!("waits in = {}", plain(function)));
        }
        out.line("");
    }
    out
}

fn processes(processes: &[procfs::Process]) -> String {
    let mut out = String::new();
    for process in processes {
        let procfs::Process {
            pid,
            parent,
            uid,
            user,
            state,
            depth,
        } = process;
        let indent = " ".repeat(4 * depth);
        out.line(&format!(
            "{indent}Process {pid} (under {parent}) [ run by: {} ({uid}), state: {state} ]",
            plain(user)
        ));
    }
    out
}
