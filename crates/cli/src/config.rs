//! `bergen config`: what can be configured, and what is wrong with configuration files.

use bergen::config::{OptionDef, markdown, sample};
use bergen::{options, service};
use clap::{Args, Subcommand};

use crate::exit::Failed;
use crate::output;

mod check;

/// `bergen config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    command: Config,
}

#[derive(Debug, Subcommand)]
enum Config {
    /// Print a sample file: every option with its help and default
    Sample(Sample),
    /// Say what is wrong with configuration files, and what has no effect
    Check(check::Check),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen config sample > bergen.conf.sample
  bergen config sample --group oslo_messaging_rabbit --markdown")]
struct Sample {
    /// Only the options of this group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Print Markdown tables instead
    #[arg(long)]
    markdown: bool,
}

impl ConfigCommand {
    /// Does what was asked. Nothing connects.
    pub(crate) fn run(self) -> Result<(), Failed> {
        match self.command {
            Config::Sample(sample) => sample.run(),
            Config::Check(check) => check.run(),
        }
    }
}

impl Sample {
    fn run(self) -> Result<(), Failed> {
        let wanted = |option: &&OptionDef| match &self.group {
            Some(group) => option.group == group,
            None => true,
        };
        let options: Vec<_> = declared().filter(wanted).collect();
        if options.is_empty() {
            return Err(Failed::Usage(format!(
                "--group: there are only {}",
                groups().join(", ")
            )));
        }
        let text = if self.markdown {
            markdown(options)
        } else {
            sample("bergen", options)
        };
        output::line(text.trim_end())
    }
}

/// What the library declares, room by room.
fn rooms() -> impl Iterator<Item = &'static [OptionDef]> {
    options::DECLARED.iter().chain(service::DECLARED).copied()
}

fn declared() -> impl Iterator<Item = &'static OptionDef> {
    rooms().flatten()
}

fn groups() -> Vec<&'static str> {
    let mut groups: Vec<_> = declared().map(|option| option.group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}
