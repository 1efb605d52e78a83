use std::process::Command;
use std::time::Instant;

use clap::ValueEnum;

use crate::broker::{Broker, Environment, OwnBroker};
use crate::command::{cargo, shown, shown_and_kept};
use crate::{Error, setup, tidy};

mod rabbitmq_only;
mod report;
mod targets;

use report::{On, Report};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Runs these steps only (and the set-up they need).
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Step>,

    /// Runs only what needs neither RabbitMQ nor Python: a minute instead of many.
    #[arg(long)]
    quick: bool,
}

/// The steps, in the order in which they run: what fails fastest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Rules about the files themselves.
    Tidy,
    /// rustfmt.
    Fmt,
    /// clippy, every warning an error.
    Clippy,
    /// rustdoc, every warning an error.
    Doc,
    /// Unit and property tests.
    Unit,
    /// The examples in the documentation.
    Doctest,
    /// The fuzz bodies over their corpus.
    Fuzz,
    /// Integration and compile-fail tests, with RabbitMQ.
    Integration,
    /// oslo.messaging and its simulator against bergen, in both directions, on RabbitMQ and on our broker.
    Interop,
    /// Every fault under load, briefly; it starts brokers of its own.
    Faults,
}

/// Runs the steps, all of them also after a failure, and prints what came out.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let steps = chosen(options);
    let mut report = Report::default();
    let mut broker = None;
    if steps.iter().any(|step| step.needs_peers()) {
        let start = Instant::now();
        println!("\n── setup");
        setup::run()?;
        let broker = broker.insert(Broker::start()?);
        report.step("setup", start.elapsed(), &Ok(()));
        println!("xtask: the tests use {}", without_password(&broker.url()));
    }
    for step in steps {
        println!("\n── {}", step.name());
        let start = Instant::now();
        let done = step.run(broker.as_ref(), &mut report);
        if let Err(error) = &done {
            println!("xtask: {error}");
        }
        report.step(step.name(), start.elapsed(), &done);
    }
    // Stopped before the summary, so that the summary is the last word.
    drop(broker);
    report.print();
    report.verdict()
}

fn chosen(options: &Options) -> Vec<Step> {
    let wanted = |step: &Step| {
        if options.only.is_empty() {
            !(options.quick && step.is_slow())
        } else {
            options.only.contains(step)
        }
    };
    Step::value_variants()
        .iter()
        .copied()
        .filter(wanted)
        .collect()
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Tidy => "tidy",
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Doc => "doc",
            Self::Unit => "unit",
            Self::Doctest => "doctest",
            Self::Fuzz => "fuzz",
            Self::Integration => "integration",
            Self::Interop => "interop",
            Self::Faults => "faults",
        }
    }

    fn needs_peers(self) -> bool {
        matches!(self, Self::Integration | Self::Interop | Self::Faults)
    }

    fn is_slow(self) -> bool {
        self.needs_peers() || matches!(self, Self::Doc)
    }

    fn run(self, broker: Option<&Broker>, report: &mut Report) -> Result<(), Error> {
        match self {
            Self::Tidy => tidy::run(),
            Self::Fmt => shown(cargo().args(["fmt", "--all", "--check"])),
            Self::Clippy => {
                let clippy = ["clippy", "--workspace", "--all-targets", "--locked"];
                shown(cargo().args(clippy).args(["--", "--deny", "warnings"]))
            }
            Self::Doc => {
                let doc = ["doc", "--workspace", "--no-deps", "--locked"];
                shown(cargo().args(doc).env("RUSTDOCFLAGS", "--deny warnings"))
            }
            Self::Unit => self.tests(report, test().args(["--lib", "--bins"])),
            Self::Doctest => self.tests(report, test().arg("--doc")),
            Self::Fuzz => self.tests(report, test().args(["--test", "fuzz"])),
            Self::Integration => {
                let mut command = test();
                for target in targets::all()? {
                    if !OWN_STEPS.contains(&target.as_str()) {
                        command.args(["--test", &target]);
                    }
                }
                command.args(["--", "--skip", BOUNDS]);
                command.envs(environment(broker));
                let together = self.tests(report, patient(&mut command));
                let mut command = test();
                command.args(["--test", "messaging", BOUNDS]);
                command.args(["--", "--test-threads", "1"]);
                let alone = self.tests(report, command.envs(environment(broker)));
                together.and(alone).and(self.driver_on_ours(report))
            }
            Self::Interop => {
                // The tests run the program, too.
                build_program()?;
                println!("\n── {} on RabbitMQ", self.name());
                let on_rabbitmq = self.interop(On::RabbitMq, &environment(broker), report);
                println!("\n── {} on bergen broker", self.name());
                let own = OwnBroker::start()?;
                let on_ours = self.interop(On::Bergen, &own.environment(), report);
                on_rabbitmq.and(on_ours)
            }
            Self::Faults => {
                let mut command = test();
                // One after the other: each has a broker, or three, and six processes.
                command.args(["--test", "faults", "--", "--test-threads", "1"]);
                self.tests(report, &mut command)
            }
        }
    }

    /// The peers on one of the brokers.
    fn interop(self, on: On, environment: &Environment, report: &mut Report) -> Result<(), Error> {
        let mut command = test();
        command
            .args(["--test", "interop"])
            .envs(environment.iter().cloned());
        if on == On::Bergen {
            skip(&mut command, &rabbitmq_only::INTEROP);
        }
        report.peers_are_on(on);
        let ran = self.tests(report, &mut command);
        let there = report.every_peer_was_there(on);
        ran.and(there)
    }

    /// The tests of the `rabbit` driver once more, with our broker in RabbitMQ's place.
    fn driver_on_ours(self, report: &mut Report) -> Result<(), Error> {
        println!("\n── {} of the rabbit driver on bergen broker", self.name());
        build_program()?;
        let own = OwnBroker::start()?;
        let mut command = test();
        command
            .args(["--test", "messaging", "rabbit::"])
            .envs(own.environment());
        skip(&mut command, &rabbitmq_only::DRIVER);
        self.tests(report, patient(&mut command))
    }

    fn tests(self, report: &mut Report, command: &mut Command) -> Result<(), Error> {
        let (passed, lines) = shown_and_kept(command)?;
        let count = report.tests(self.name(), &lines);
        if !passed {
            return Err(Error::Wrong("some tests failed".to_owned()));
        }
        if count == 0 {
            return Err(Error::Wrong("not one test ran".to_owned()));
        }
        Ok(())
    }
}

fn environment(broker: Option<&Broker>) -> Environment {
    broker.map(Broker::environment).unwrap_or_default()
}

/// Tests of the whole workspace, of which a step chooses targets by name: the features of the dependencies are the same
/// for every step then, and nothing is built twice.
fn test() -> Command {
    let mut command = cargo();
    command.args(["test", "--locked", "--no-fail-fast", "--workspace"]);
    command
}

/// The test targets that are steps of their own.
const OWN_STEPS: [&str; 3] = ["faults", "fuzz", "interop"];

/// Tests that measure the memory of their process, in which others would be counted.
const BOUNDS: &str = "rabbit::bounds";

/// Has twice as many tests of a binary run at the same time as there are cores: for those that wait most of the time.
fn patient(command: &mut Command) -> &mut Command {
    const THREADS: &str = "RUST_TEST_THREADS";
    if std::env::var_os(THREADS).is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        command.env(THREADS, (2 * cores).to_string());
    }
    command
}

/// The program `bergen`, as it is now. It comes with the tests of its command line, and so with the features that are
/// built already.
fn build_program() -> Result<(), Error> {
    shown(test().args(["--test", "cli", "--no-run"]))
}

/// Leaves these tests out, and says why.
fn skip(command: &mut Command, names: &[(&str, &str)]) {
    command.arg("--");
    for (name, reason) in names {
        println!("xtask: on RabbitMQ only: {name}: {reason}");
        command.args(["--skip", name]);
    }
}

fn without_password(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, host)| host)
}
