//! The rules of a routing file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use glob::Pattern;
use serde::Deserialize;

use super::Priority;

/// Which drivers are to have which events.
///
/// A file has groups; a group has drivers, each with `accepted_events` and `accepted_priorities`, lists of shell
/// patterns (`*`, `?`, `[abc]`, `[!abc]`). A driver has an event if one of each of its lists matches; a list that is
/// not there always does. A driver that stands in several groups has what any of them accepts, once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoutingRules(BTreeMap<String, BTreeMap<String, Rule>>);

/// Why there are no rules.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// The file can't be read.
    #[error("the routing file {} can't be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not YAML, or not groups of drivers with lists of patterns.
    #[error("not a routing file: {0}")]
    Form(String),
    /// A pattern makes no sense.
    #[error("group {group:?}, driver {driver:?}: {pattern:?} is no shell pattern: {cause}")]
    Pattern {
        /// Where.
        group: String,
        /// Whose.
        driver: String,
        /// What stands there.
        pattern: String,
        /// What is wrong with it.
        cause: String,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rule {
    events: Option<Vec<Pattern>>,
    priorities: Option<Vec<Pattern>>,
}

/// A rule as it is written.
#[derive(Deserialize, Default)]
struct Written {
    accepted_events: Option<Vec<String>>,
    accepted_priorities: Option<Vec<String>>,
}

/// A file as it is written. What has nothing behind its colon is `null` in YAML.
type Groups = BTreeMap<String, Option<BTreeMap<String, Option<Written>>>>;

impl RoutingRules {
    /// Reads a file.
    ///
    /// # Errors
    /// It can't be read, or is no routing file.
    pub fn read(path: &Path) -> Result<Self, RoutingError> {
        let text = std::fs::read_to_string(path).map_err(|source| RoutingError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads the text of a file. An empty one has no rules, and no event goes anywhere.
    ///
    /// # Errors
    /// It is no routing file.
    pub fn parse(text: &str) -> Result<Self, RoutingError> {
        let groups: Option<Groups> =
            serde_saphyr::from_str(text).map_err(|error| RoutingError::Form(error.to_string()))?;
        let mut rules = BTreeMap::new();
        for (group, drivers) in groups.unwrap_or_default() {
            let mut compiled = BTreeMap::new();
            for (driver, written) in drivers.unwrap_or_default() {
                let rule = compile(&group, &driver, written.unwrap_or_default())?;
                compiled.insert(driver, rule);
            }
            rules.insert(group, compiled);
        }
        Ok(Self(rules))
    }

    /// The names of all drivers in them.
    pub fn drivers(&self) -> BTreeSet<&str> {
        let groups = self.0.values();
        groups
            .flat_map(BTreeMap::keys)
            .map(String::as_str)
            .collect()
    }

    /// The drivers that are to have an event; one of several groups may come several times.
    pub(super) fn accepting(
        &self,
        event_type: &str,
        priority: Priority,
    ) -> impl Iterator<Item = &str> {
        let rules = self.0.values().flatten();
        let accepting = rules.filter(move |(_, rule)| {
            any(rule.events.as_deref(), event_type)
                && any(rule.priorities.as_deref(), priority.lower())
        });
        accepting.map(|(driver, _)| driver.as_str())
    }
}

fn any(patterns: Option<&[Pattern]>, text: &str) -> bool {
    patterns.is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(text)))
}

fn compile(group: &str, driver: &str, written: Written) -> Result<Rule, RoutingError> {
    let pattern = |text: String| {
        Pattern::new(&without_repeated_stars(&text)).map_err(|error| RoutingError::Pattern {
            group: group.to_owned(),
            driver: driver.to_owned(),
            cause: error.msg.to_owned(),
            pattern: text,
        })
    };
    let list = |texts: Option<Vec<String>>| match texts {
        Some(texts) => texts
            .into_iter()
            .map(pattern)
            .collect::<Result<_, _>>()
            .map(Some),
        None => Ok(None),
    };
    let priorities = written.accepted_priorities;
    let lower = |texts: Vec<String>| texts.iter().map(|text| text.to_lowercase()).collect();
    Ok(Rule {
        events: list(written.accepted_events)?,
        priorities: list(priorities.map(lower))?,
    })
}

/// Two stars are one to Python, and something else to others.
fn without_repeated_stars(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '*' || !kept.ends_with('*') {
            kept.push(character);
        }
    }
    kept
}
