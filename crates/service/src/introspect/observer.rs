//! A process, as those see it who ask.

use std::path::Path;

use bergen_config::Configuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Introspection, ProcessSnapshot, Settings};
use crate::report;

/// A process, as those see it who ask: its register and its configuration.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    pub(crate) introspection: Introspection,
    pub(crate) configuration: Configuration,
    /// The program's name, as it was started.
    pub(crate) program: String,
}

/// What one process of a program asks another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// Answered with a [`ProcessSnapshot`].
    Snapshot,
    /// Answered with the level, new or old, or with what is wrong with the new one: a `Result`.
    LogLevel(Option<String>),
    /// Answered with the text of the report.
    Report,
}

impl Observer {
    pub(crate) fn new(introspection: Introspection, configuration: Configuration) -> Self {
        Self {
            introspection,
            configuration,
            program: program_name(),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(&self.configuration.options(), &self.program)
    }

    pub(crate) fn snapshot(&self) -> ProcessSnapshot {
        self.introspection.snapshot()
    }

    /// The Guru Meditation report. Reads files.
    pub(crate) fn report(&self) -> String {
        report::text(self)
    }

    /// Answers a [`Question`]; null to anything else.
    pub(crate) async fn answer(&self, question: Value) -> Value {
        let Ok(question) = serde_json::from_value(question) else {
            return Value::Null;
        };
        let observer = self.clone();
        let answer = tokio::task::spawn_blocking(move || match question {
            Question::Snapshot => serde_json::to_value(observer.snapshot()),
            Question::LogLevel(new) => {
                serde_json::to_value(observer.introspection.log_level(new.as_deref()))
            }
            Question::Report => serde_json::to_value(observer.report()),
        });
        match answer.await {
            Ok(Ok(answer)) => answer,
            _ => Value::Null,
        }
    }
}

fn program_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
