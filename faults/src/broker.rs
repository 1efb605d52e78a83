//! Faults of the embedded broker: deaths with data on disk, disks that end, clients that harm.
//!
//! Each row runs a broker in a process of its own, does something bad to it or through its clients, and says what was
//! seen. Meanwhile a bystander sends messages to itself, and must be [`Served`] throughout.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::FaultsError;
use crate::fault::Pace;

mod bystander;
mod crowds;
mod declares;
mod disk_full;
mod host;
mod kills;
mod ledger;
mod report;
mod strangers;
mod torn;

pub use bystander::Served;
pub use host::{HostOptions, be_host};
pub use report::{details, table};

use host::Stand;

/// A row of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, in a few words.
    pub about: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Kills,
    ControlKills,
    DiskFull,
    Torn,
    SlowConsumers,
    NeverReads,
    HalfOpen,
    Malformed,
    Declares,
}

/// All rows, in the order in which they are run.
pub const ITEMS: [Item; 9] = [
    Item {
        name: "control-forgets",
        about: "the same as `killed` with a broker that keeps nothing, which has to be noticed",
        kind: Kind::ControlKills,
    },
    Item {
        name: "killed",
        about: "the broker is killed again and again under confirmed load",
        kind: Kind::Kills,
    },
    Item {
        name: "disk-full",
        about: "its files may not grow any more, and later may again",
        kind: Kind::DiskFull,
    },
    Item {
        name: "torn-log",
        about: "the end of its log is cut off at any byte, and a byte in its middle is changed",
        kind: Kind::Torn,
    },
    Item {
        name: "slow-consumers",
        about: "thousands of consumers acknowledge nothing",
        kind: Kind::SlowConsumers,
    },
    Item {
        name: "never-reads",
        about: "a client consumes and does not read",
        kind: Kind::NeverReads,
    },
    Item {
        name: "half-open",
        about: "strangers connect, say nothing or stop in the middle of their login",
        kind: Kind::HalfOpen,
    },
    Item {
        name: "malformed",
        about: "clients whose bytes are changed on the way, and bytes that are no AMQP",
        kind: Kind::Malformed,
    },
    Item {
        name: "declares",
        about: "a client declares queues and bindings without end",
        kind: Kind::Declares,
    },
];

/// What came of a row.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What happened, in a few words.
    pub about: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// What was seen, in sentences with figures.
    pub seen: Vec<String>,
    /// What must not be. Empty when all is well.
    pub wrong: Vec<String>,
    /// How the bystander was served, where there was one.
    pub served: Option<Served>,
    /// The most memory that the broker's process had, in MiB.
    pub peak_mib: f64,
}

impl Row {
    /// Notes what must not be.
    fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(otherwise());
        }
    }

    fn saw(&mut self, what: impl Into<String>) {
        self.seen.push(what.into());
    }

    /// Takes the bystander's account, which must be a good one.
    fn served(&mut self, served: Served) {
        self.check(served.failed == 0, || {
            format!("the bystander lost {} messages", served.failed)
        });
        self.check(served.count > 0, || {
            "the bystander was not served".to_owned()
        });
        self.check(served.slowest < LONGEST_WAIT.as_secs_f64(), || {
            format!("the bystander waited {:.1} s", served.slowest)
        });
        self.served = Some(served);
    }

    /// Notes the memory of the broker, which must not be more than so many MiB.
    fn memory(&mut self, stand: &Stand, limit: f64) -> Result<(), FaultsError> {
        self.peak_mib = self.peak_mib.max(stand.peak_mib()?);
        let peak = self.peak_mib;
        self.check(peak <= limit, || {
            format!("the broker took {peak:.0} MiB, more than {limit:.0}")
        });
        Ok(())
    }
}

/// How long a bystander may wait for its own message. The machine may be busy with the harm itself.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

impl Item {
    /// Those of the given names, or all if there are none.
    pub fn named(names: &[String]) -> Result<Vec<Self>, FaultsError> {
        let is_known = |name: &&String| ITEMS.iter().all(|item| item.name != name.as_str());
        if let Some(unknown) = names.iter().find(is_known) {
            return Err(FaultsError::NoSuchRow(unknown.clone()));
        }
        let wanted = |item: &Self| names.is_empty() || names.iter().any(|name| name == item.name);
        Ok(ITEMS.into_iter().filter(wanted).collect())
    }

    /// Runs the row. `program` is one that calls [`be_host`] when told to be `host`.
    pub async fn run(self, program: &std::path::Path, pace: Pace) -> Row {
        let begin = Instant::now();
        let mut row = Row {
            name: self.name,
            about: self.about,
            ..Row::default()
        };
        let done = match self.kind {
            Kind::Kills => kills::run(program, pace, true, &mut row).await,
            Kind::ControlKills => control(program, pace, &mut row).await,
            Kind::DiskFull => disk_full::run(program, &mut row).await,
            Kind::Torn => torn::run(program, pace, &mut row).await,
            Kind::SlowConsumers => crowds::slow_consumers(program, &mut row).await,
            Kind::NeverReads => crowds::never_reads(program, &mut row).await,
            Kind::HalfOpen => strangers::half_open(program, &mut row).await,
            Kind::Malformed => strangers::malformed(program, pace, &mut row).await,
            Kind::Declares => declares::run(program, &mut row).await,
        };
        if let Err(error) = done {
            row.wrong.push(format!("not run to its end: {error}"));
        }
        row.seconds = begin.elapsed().as_secs_f64();
        row
    }
}

/// What is wrong there is what is to be seen.
async fn control(program: &std::path::Path, pace: Pace, row: &mut Row) -> Result<(), FaultsError> {
    let mut forgetful = Row::default();
    kills::run(program, pace, false, &mut forgetful).await?;
    let losses = forgetful
        .wrong
        .iter()
        .filter(|wrong| wrong.contains("were lost"));
    let losses = losses.count();
    row.check(losses > 0, || {
        "nobody noticed that messages were lost".to_owned()
    });
    row.saw(format!("noticed: losses in {losses} queues after kills"));
    Ok(())
}
