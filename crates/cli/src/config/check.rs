//! `bergen config check`.

use std::path::PathBuf;

use bergen::config::{ConfigError, Configuration, ConfigurationBuilder, Options, Unknown};
use clap::Args;
use serde::Serialize;

use super::rooms;
use crate::exit::Failed;
use crate::output;

/// `bergen config check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen config check /etc/nova/nova.conf
  bergen config check /etc/neutron/neutron.conf --config-dir /etc/neutron/conf.d --json

Looks at the options of messaging; those of other groups are other programs' and left alone. Ends
with 0 if the files can be used, whatever else there is to say of them, and with 2 if not.")]
pub(super) struct Check {
    /// Files, the later of which win
    #[arg(required_unless_present = "config_dir", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A directory of files that end in .conf, read after the files; may be repeated
    #[arg(long, value_name = "DIR")]
    config_dir: Vec<PathBuf>,
    // Not a doc comment: it would want marks that are not for terminals.
    #[arg(
        long,
        help = "Check what OS_<GROUP>__<OPTION> in the environment says, too"
    )]
    environment: bool,
    /// Print a JSON object for each finding, and one with their numbers at the end
    #[arg(long)]
    json: bool,
}

/// Something to say of the files.
#[derive(Serialize)]
struct Finding {
    kind: Kind,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Error,
    Unknown,
    Deprecated,
    Overridden,
}

/// What `--json` prints at the end.
#[derive(Serialize)]
struct Summary {
    errors: usize,
    findings: usize,
    /// Options that are nobody's mistake, since other programs have more groups and options.
    others: usize,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failed> {
        let builder = rooms().fold(Configuration::builder(), ConfigurationBuilder::declare);
        let builder = self.files.iter().fold(builder, ConfigurationBuilder::file);
        let mut builder = self
            .config_dir
            .iter()
            .fold(builder, ConfigurationBuilder::dir);
        if self.environment {
            builder = builder.environment();
        }
        let (options, errors) = builder.check();
        let findings = findings(&options, &errors);
        for finding in &findings {
            if self.json {
                output::json_line(finding)?;
            } else {
                let kind = finding.kind.word();
                output::line(&output::escaped(&format!("{kind}: {}", finding.message)))?;
            }
        }
        let unknown = findings
            .iter()
            .filter(|finding| finding.kind == Kind::Unknown)
            .count();
        let others = options.unknown().len() - unknown;
        if self.json {
            output::json_line(&Summary {
                errors: errors.len(),
                findings: findings.len(),
                others,
            })?;
        } else if others > 0 {
            output::line(&format!(
                "{others} options of other programs are left alone"
            ))?;
        }
        match errors.len() {
            0 => Ok(()),
            1 => Err(Failed::Usage(
                "these files can't be used: 1 error".to_owned(),
            )),
            errors => Err(Failed::Usage(format!(
                "these files can't be used: {errors} errors"
            ))),
        }
    }
}

fn findings(options: &Options, errors: &[ConfigError]) -> Vec<Finding> {
    let mut findings: Vec<_> = errors
        .iter()
        .map(|error| Finding::new(Kind::Error, error.to_string(), error.place()))
        .collect();
    let unknown = options.unknown().iter();
    findings.extend(unknown.filter_map(|unknown| mistyped(options, unknown)));
    findings.extend(
        options.notices().iter().map(|notice| {
            Finding::new(Kind::Deprecated, notice.to_string(), notice.source.place())
        }),
    );
    for option in options.definitions() {
        let (group, name) = (option.group, option.name);
        let wins = options.source(group, name);
        for loses in options.overridden(group, name) {
            let message = format!("[{group}] {name} is set in {loses}, overridden in {wins}");
            findings.push(Finding::new(Kind::Overridden, message, loses.place()));
        }
    }
    findings
}

/// An unknown option that looks like one of ours. What stands in `DEFAULT` may be anybody's.
fn mistyped(options: &Options, unknown: &Unknown) -> Option<Finding> {
    let ours = unknown.group != "DEFAULT"
        && super::groups()
            .iter()
            .any(|group| group.eq_ignore_ascii_case(&unknown.group));
    let similar = options.similar(&unknown.group, &unknown.name);
    let message = match similar {
        Some(option) => format!(
            "{unknown}; did you mean [{}] {}?",
            option.group, option.name
        ),
        None if ours => unknown.to_string(),
        None => return None,
    };
    Some(Finding::new(Kind::Unknown, message, unknown.source.place()))
}

impl Finding {
    fn new(kind: Kind, message: String, place: Option<(&str, usize, u32)>) -> Self {
        Self {
            kind,
            message,
            file: place.map(|(file, ..)| file.to_owned()),
            line: place.map(|(_, line, _)| line),
            column: place.map(|(.., column)| column),
        }
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Unknown => "unknown",
            Self::Deprecated => "deprecated",
            Self::Overridden => "overridden",
        }
    }
}
