//! The events of each message, put together.

use std::collections::{BTreeMap, BTreeSet};

use super::Facts;
use crate::log::{Event, What};

/// What is known of one message.
#[derive(Debug)]
pub(super) struct Life<'a> {
    pub(super) id: &'a str,
    /// `python` or `rust`, the library that it was sent with.
    pub(super) client: &'a str,
    pub(super) client_process: &'a str,
    pub(super) topic: &'a str,
    pub(super) kind: &'a str,
    pub(super) made: f64,
    pub(super) ended: Option<(f64, &'a str)>,
    runs: Vec<Run<'a>>,
}

#[derive(Debug)]
struct Run<'a> {
    process: &'a str,
    at: f64,
    redelivered: bool,
    /// How many requests its process had run before.
    position: usize,
}

/// The messages of a round. What nobody made (a request of a client that was killed before it could tell) is not one.
pub(super) fn lives(events: &[Event]) -> Vec<Life<'_>> {
    let mut lives: BTreeMap<&str, Life<'_>> = BTreeMap::new();
    let made = events.iter().filter(|event| event.what == What::Made);
    for event in made {
        let mut parts = event.id.split('/');
        let (Some(client), Some(topic), Some(kind)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let life = Life {
            id: &event.id,
            client,
            client_process: &event.process,
            topic,
            kind,
            made: event.at,
            ended: None,
            runs: Vec::new(),
        };
        lives.insert(&event.id, life);
    }
    let mut positions: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events {
        let Some(life) = lives.get_mut(event.id.as_str()) else {
            continue;
        };
        match &event.what {
            What::Made => {}
            What::Ended(outcome) => life.ended = Some((event.at, outcome)),
            What::Ran { redelivered } => {
                let position = positions.entry(&event.process).or_default();
                *position += 1;
                life.runs.push(Run {
                    process: &event.process,
                    at: event.at,
                    redelivered: *redelivered,
                    position: *position,
                });
            }
        }
    }
    let mut lives: Vec<_> = lives.into_values().collect();
    for life in &mut lives {
        life.runs.sort_by(|a, b| a.at.total_cmp(&b.at));
    }
    lives
}

impl Life<'_> {
    pub(super) fn direction(&self) -> String {
        format!("{} → {}", self.client, self.topic)
    }

    /// When it ended well.
    pub(super) fn answered(&self) -> Option<f64> {
        self.ended.filter(|(_, how)| *how == "ok").map(|(at, _)| at)
    }

    pub(super) fn is_of_peer(&self) -> bool {
        self.client == "python"
    }

    pub(super) fn processes(&self) -> BTreeSet<&str> {
        self.runs.iter().map(|run| run.process).collect()
    }

    /// Whether it ran wherever it had to.
    pub(super) fn arrived(&self, facts: &Facts) -> bool {
        let ran_on = self.processes();
        if self.kind != "fanout" {
            return !ran_on.is_empty();
        }
        let receivers = facts.receivers.get(self.topic);
        receivers.is_some_and(|all| all.iter().all(|one| ran_on.contains(one.as_str())))
    }

    pub(super) fn ran_on_several(&self) -> bool {
        self.processes().len() > 1
    }

    /// Whether the broker said of a later run that it had delivered the message before.
    pub(super) fn was_redelivered(&self) -> bool {
        self.runs.iter().skip(1).any(|run| run.redelivered)
    }

    /// Processes in which it ran again, and how many requests later.
    pub(super) fn repeats(&self) -> Vec<(&str, usize)> {
        let mut before: BTreeMap<&str, usize> = BTreeMap::new();
        let mut repeats = Vec::new();
        for run in &self.runs {
            if let Some(earlier) = before.insert(run.process, run.position) {
                repeats.push((run.process, run.position.abs_diff(earlier)));
            }
        }
        repeats
    }
}
