//! Controls: somebody does wrong on purpose, and the account has to notice.

use crate::FaultsError;
use crate::account::Account;
use crate::fault::Pace;
use crate::round;
use crate::stage::Stage;
use crate::worker::Sabotage;

/// A wrong and who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is done wrong.
    pub about: &'static str,
    /// What the account has to say about some message, one of these.
    pub seen: &'static [&'static str],
    who: &'static str,
    sabotage: Sabotage,
}

impl Control {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self {
            name: "control-hung-calls",
            about: "a client swallows the answers of some calls",
            seen: &["never ended"],
            who: "rust-client",
            sabotage: Sabotage::SwallowsAnswers,
        },
        Self {
            name: "control-mixed-answers",
            about: "a client takes other calls' answers for its own",
            seen: &["got another call's answer"],
            who: "rust-client",
            sabotage: Sabotage::MixesAnswersUp,
        },
        Self {
            name: "control-runs-twice",
            about: "a server runs some requests twice",
            seen: &["ran twice in rust-a"],
            who: "rust-a",
            sabotage: Sabotage::RunsTwice,
        },
        Self {
            name: "control-runs-nothing",
            about: "a server answers some calls and drops some casts without running them",
            seen: &["was lost", "never ran"],
            who: "rust-a",
            sabotage: Sabotage::RunsNothing,
        },
    ];

    /// A round without a fault, in which only the saboteur does anything wrong.
    pub async fn run(&self, stage: &mut Stage) -> Result<Account, FaultsError> {
        stage.replace(self.who, Some(self.sabotage)).await?;
        let account = round::run(stage, None, Pace::Short).await?;
        stage.replace(self.who, None).await?;
        Ok(account)
    }

    /// Whether the account noticed.
    pub fn was_seen(&self, account: &Account) -> bool {
        let said = |seen: &&str| account.unexplained.iter().any(|it| it.contains(*seen));
        self.seen.iter().any(said)
    }
}
