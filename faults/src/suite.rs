//! All rows, and how they are run one after the other.

use std::fmt::Display;
use std::time::Instant;

use serde::Serialize;

use crate::FaultsError;
use crate::account::Account;
use crate::control::Control;
use crate::fault::{Fault, Pace};
use crate::refusal::{Gate, Refusal};
use crate::round;
use crate::stage::{Place, Plan, Stage};

/// Something to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A fault under load.
    Fault(Fault),
    /// A refused connection.
    Refusal(Refusal),
    /// A wrong that has to be noticed.
    Control(Control),
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The item's name.
    pub name: &'static str,
    /// What happened, in a few words.
    pub about: &'static str,
    /// How long it took, start of a broker included.
    pub seconds: f64,
    /// Every message is explained, or, for a control, the wrong was noticed.
    pub explained: bool,
    /// What became of the messages.
    pub account: Account,
    /// Something to know.
    pub note: String,
}

impl Item {
    /// All of them, in the order in which they are run: what shares a broker is together.
    pub fn all() -> Vec<Self> {
        let mut faults: Vec<_> = Fault::ALL.to_vec();
        faults.sort_by_key(|fault| fault.place());
        let (node, clusters) = {
            let on_a_node = |fault: &Fault| fault.place() == Place::Node;
            faults.into_iter().partition::<Vec<_>, _>(on_a_node)
        };
        let refusals = Refusal::ALL.iter().copied().map(Self::Refusal);
        let controls = Control::ALL.iter().copied().map(Self::Control);
        refusals
            .chain(controls)
            .chain(node.into_iter().map(Self::Fault))
            .chain(clusters.into_iter().map(Self::Fault))
            .collect()
    }

    /// Those of the given names, or all if there are none.
    pub fn named(names: &[String]) -> Result<Vec<Self>, FaultsError> {
        let all = Self::all();
        if let Some(unknown) = names
            .iter()
            .find(|name| all.iter().all(|item| item.name() != name.as_str()))
        {
            return Err(FaultsError::NoSuchRow(unknown.clone()));
        }
        let wanted = |item: &Self| names.is_empty() || names.iter().any(|n| n == item.name());
        Ok(all.into_iter().filter(wanted).collect())
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.name(),
            Self::Refusal(refusal) => refusal.name(),
            Self::Control(control) => control.name,
        }
    }

    /// What happens, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.about(),
            Self::Refusal(refusal) => refusal.about(),
            Self::Control(control) => control.about,
        }
    }
}

/// Brokers and processes that rows share as long as nothing goes wrong on them.
#[derive(Debug)]
pub struct Suite {
    plan: Plan,
    pace: Pace,
    stage: Option<(Place, Stage)>,
    gate: Option<Gate>,
}

impl Suite {
    /// Nothing runs yet.
    pub fn new(plan: Plan, pace: Pace) -> Self {
        Self {
            plan,
            pace,
            stage: None,
            gate: None,
        }
    }

    /// Runs one item, and starts what it needs. After a row that is not explained, the next one gets a fresh stage.
    pub async fn run(&mut self, item: Item) -> Row {
        let start = Instant::now();
        let done = match item {
            Item::Fault(fault) => self.fault(fault).await,
            Item::Refusal(refusal) => self.refusal(refusal).await,
            Item::Control(control) => self.control(&control).await,
        };
        let (mut account, note) = done.unwrap_or_else(|error| failed(&error));
        let mut explained = account.unexplained.is_empty();
        if let Item::Control(control) = item {
            explained = control.was_seen(&account);
            if !explained {
                let sentence = format!("nobody noticed that {}", control.about);
                account.unexplained.push(sentence);
            }
        }
        if !explained {
            self.stage = None;
        }
        Row {
            name: item.name(),
            about: item.about(),
            seconds: start.elapsed().as_secs_f64(),
            explained,
            account,
            note,
        }
    }

    async fn fault(&mut self, fault: Fault) -> Result<(Account, String), FaultsError> {
        let pace = self.pace;
        let stage = self.stage(fault.place()).await?;
        let mut account = round::run(stage, Some(fault), pace).await?;
        account.unexplained.extend(fault.unfelt(&account));
        Ok((account, String::new()))
    }

    async fn control(&mut self, control: &Control) -> Result<(Account, String), FaultsError> {
        let stage = self.stage(Place::Node).await?;
        let account = control.run(stage).await?;
        Ok((account, format!("noticed: {}", control.seen.join(", "))))
    }

    async fn refusal(&mut self, refusal: Refusal) -> Result<(Account, String), FaultsError> {
        self.stage = None;
        let gate = match self.gate.take() {
            Some(gate) => gate,
            None => Gate::start().await?,
        };
        refusal.run(self.gate.insert(gate)).await
    }

    async fn stage(&mut self, place: Place) -> Result<&mut Stage, FaultsError> {
        self.gate = None;
        let stage = match self.stage.take() {
            Some((there, stage)) if there == place => stage,
            before => {
                // Its memory is needed.
                drop(before);
                Stage::start(place, &self.plan).await?
            }
        };
        Ok(&mut self.stage.insert((place, stage)).1)
    }
}

/// A row that the suite could not bring to its end is as red as one with a message missing.
fn failed(error: &impl Display) -> (Account, String) {
    let account = Account {
        unexplained: vec![format!("not run to its end: {error}")],
        ..Account::default()
    };
    (account, String::new())
}
