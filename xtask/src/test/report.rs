use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::Error;

/// The modules of `interop`'s tests: each is a peer and a direction, and each must have tests.
const PEERS: [(&str, &str); 6] = [
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
    ("foreign", "further AMQP clients in Python"),
    ("negative", "controls: a broken peer must be noticed"),
];

/// What a run of the steps has brought so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    steps: Vec<StepReport>,
    tests: BTreeMap<&'static str, Tests>,
    /// Passed tests of `interop` by the broker and the first part of their names.
    peers: BTreeMap<(On, String), u32>,
    /// The broker that the peers are on at the moment.
    on: Option<On>,
}

/// A broker that the peers of `interop` meet on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum On {
    RabbitMq,
    /// `bergen broker`
    Bergen,
}

impl On {
    fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "RabbitMQ",
            Self::Bergen => "bergen broker",
        }
    }
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
            if let Some(on) = self.on.filter(|_| outcome == Outcome::Passed) {
                let peer = name.split("::").next().unwrap_or_default();
                *self.peers.entry((on, peer.to_owned())).or_default() += 1;
            }
        }
        let all = self.tests.entry(step).or_default();
        *all = all.add(&tests);
        tests.passed + tests.failed
    }

    /// The tests that are read next are those of `interop` on this broker.
    pub(super) fn peers_are_on(&mut self, on: On) {
        self.on = Some(on);
    }

    /// An error if a peer or a direction had no test that passed on this broker.
    pub(super) fn every_peer_was_there(&mut self, on: On) -> Result<(), Error> {
        self.on = None;
        let missing: Vec<_> = PEERS
            .iter()
            .map(|(peer, _)| *peer)
            .filter(|peer| self.passed(on, peer) == 0)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::Wrong(format!(
            "no test ran for {} on {}",
            missing.join(", "),
            on.name()
        )))
    }

    fn passed(&self, on: On, peer: &str) -> u32 {
        let passed = self.peers.get(&(on, peer.to_owned()));
        passed.copied().unwrap_or_default()
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
            let brokers = [On::RabbitMq, On::Bergen];
            let [rabbitmq, bergen] = brokers.map(On::name);
            println!(
                "\n{:<16} {rabbitmq:>13} {bergen:>13}  peer and direction",
                "passed on"
            );
            for (peer, what) in PEERS {
                let [rabbitmq, bergen] = brokers.map(|on| self.passed(on, peer));
                println!("{peer:<16} {rabbitmq:>13} {bergen:>13}  {what}");
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
    use super::{On, Outcome, Report, outcome};

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
                    test foreign::a ... ok\ntest simulator::a ... FAILED";
        report.peers_are_on(On::Bergen);
        assert_eq!(report.tests("interop", &lines(most)), 6);
        let error = report.every_peer_was_there(On::Bergen).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no test ran for simulator on bergen broker"
        );
        report.peers_are_on(On::Bergen);
        report.tests("interop", &lines("test simulator::a ... ok"));
        assert!(report.every_peer_was_there(On::Bergen).is_ok());
        // What was there on one broker was not on the other.
        assert!(report.every_peer_was_there(On::RabbitMq).is_err());
        // Both runs count.
        assert_eq!(report.tests["interop"].passed, 6);
    }
}
