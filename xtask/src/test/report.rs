use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::Error;

/// The modules of `interop`'s tests: each is a peer and a direction, and each must have tests.
const PEERS: [(&str, &str); 5] = [
    (
        "python_to_rust",
        "oslo.messaging's client → bergen's server",
    ),
    (
        "rust_to_python",
        "bergen's client → oslo.messaging's server",
    ),
    ("simulator", "oslo.messaging's load simulator, either side"),
    (
        "option_sets",
        "both on one broker, under each set of options",
    ),
    ("negative", "controls: a broken peer must be noticed"),
];

/// What a run of the steps has brought so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    steps: Vec<StepReport>,
    tests: BTreeMap<&'static str, Tests>,
    /// Passed tests of `interop` by the first part of their names.
    peers: BTreeMap<String, u32>,
}

#[derive(Debug)]
struct StepReport {
    name: &'static str,
    taken: Duration,
    failure: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tests {
    passed: u32,
    failed: u32,
    ignored: u32,
}

impl Report {
    /// A step is over.
    pub(super) fn step(&mut self, name: &'static str, taken: Duration, done: &Result<(), Error>) {
        self.steps.push(StepReport {
            name,
            taken,
            failure: done.as_ref().err().map(ToString::to_string),
        });
    }

    /// Reads a step's tests off its output; says how many ran.
    pub(super) fn tests(&mut self, step: &'static str, output: &[String]) -> u32 {
        let mut tests = Tests::default();
        for (name, outcome) in output.iter().filter_map(|line| outcome(line)) {
            match outcome {
                Outcome::Passed => tests.passed += 1,
                Outcome::Failed => tests.failed += 1,
                Outcome::Ignored => tests.ignored += 1,
            }
            if step == "interop" && outcome == Outcome::Passed {
                let peer = name.split("::").next().unwrap_or_default();
                *self.peers.entry(peer.to_owned()).or_default() += 1;
            }
        }
        self.tests.insert(step, tests);
        tests.passed + tests.failed
    }

    /// An error if a peer or a direction had no test that passed.
    pub(super) fn every_peer_was_there(&self) -> Result<(), Error> {
        let missing: Vec<_> = PEERS
            .iter()
            .map(|(peer, _)| *peer)
            .filter(|peer| !self.peers.contains_key(*peer))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::Wrong(format!(
            "no test ran for {}",
            missing.join(", ")
        )))
    }

    pub(super) fn print(&self) {
        println!("\n── summary");
        println!("{:<12} {:>8}  {:<7} tests", "step", "seconds", "outcome");
        for step in &self.steps {
            let outcome = if step.failure.is_some() {
                "FAILED"
            } else {
                "ok"
            };
            let tests = self
                .tests
                .get(step.name)
                .map(Tests::describe)
                .unwrap_or_default();
            let seconds = step.taken.as_secs_f64();
            println!("{:<12} {seconds:>8.1}  {outcome:<7} {tests}", step.name);
        }
        if self.tests.contains_key("interop") {
            println!("\n{:<16} {:>6}  peer and direction", "interop", "passed");
            for (peer, what) in PEERS {
                let passed = self.peers.get(peer).copied().unwrap_or_default();
                println!("{peer:<16} {passed:>6}  {what}");
            }
        }
        let all = self.tests.values().fold(Tests::default(), Tests::add);
        println!(
            "\n{} passed, {} failed, {} skipped",
            all.passed, all.failed, all.ignored
        );
    }

    /// An error that names the steps that failed.
    pub(super) fn verdict(&self) -> Result<(), Error> {
        let failed = self.steps.iter().filter(|step| step.failure.is_some());
        let failed: Vec<_> = failed.map(|step| step.name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Error::Wrong(format!("failed: {}", failed.join(", "))))
    }
}

impl Tests {
    fn describe(&self) -> String {
        let mut text = format!("{} passed", self.passed);
        for (count, what) in [(self.failed, "failed"), (self.ignored, "ignored")] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        text
    }

    fn add(self, other: &Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Ignored,
}

/// The test and its outcome, of a line `test a::b ... ok` as libtest prints it.
fn outcome(line: &str) -> Option<(&str, Outcome)> {
    let (name, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let outcome = match outcome.split([' ', ',']).next()? {
        "ok" => Outcome::Passed,
        "FAILED" => Outcome::Failed,
        "ignored" => Outcome::Ignored,
        _ => return None,
    };
    Some((name, outcome))
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Report, outcome};

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_of_libtest_is_understood() {
        assert_eq!(outcome("test a::b ... ok"), Some(("a::b", Outcome::Passed)));
        assert_eq!(outcome("test a ... FAILED"), Some(("a", Outcome::Failed)));
        assert_eq!(
            outcome("test a ... ignored, slow"),
            Some(("a", Outcome::Ignored))
        );
        assert_eq!(
            outcome("test a - should panic ... ok").map(|(_, o)| o),
            Some(Outcome::Passed)
        );
        assert_eq!(outcome("test result: ok. 3 passed; 0 failed"), None);
        assert_eq!(outcome("running 3 tests"), None);
    }

    #[test]
    fn a_direction_without_tests_is_a_failure() {
        let mut report = Report::default();
        let most = "test python_to_rust::a ... ok\ntest rust_to_python::a ... ok\n\
                    test negative::a ... ok\ntest option_sets::a ... ok\n\
                    test simulator::a ... FAILED";
        assert_eq!(report.tests("interop", &lines(most)), 5);
        let error = report.every_peer_was_there().unwrap_err().to_string();
        assert_eq!(error, "no test ran for simulator");
        report.tests("interop", &lines("test simulator::a ... ok"));
        assert!(report.every_peer_was_there().is_ok());
    }
}
