//! What carries the commands out.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ControlCommand, ControlStatus, ProcessAnswer, ServiceLine};
use crate::introspect::{Observer, ProcessSnapshot, Question};
use crate::{LauncherHandle, LauncherStatus, Role, WorkerAnswer};

/// How long a process may take to answer. It does not need the services' threads for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A program, with all its processes, as the control socket has it.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub(crate) observer: Arc<Observer>,
    pub(crate) handle: LauncherHandle,
}

impl Operator {
    /// Carries out what has one answer. A drain is more: see [`super::drain`].
    pub(crate) async fn carry_out(&self, command: &ControlCommand) -> Result<Value, String> {
        let answer = match command {
            ControlCommand::Status => serde_json::to_value(self.status().await),
            ControlCommand::Drain => {
                self.handle.stop();
                Ok(Value::Null)
            }
            ControlCommand::Reload => serde_json::to_value(self.handle.reload().await),
            ControlCommand::Loglevel { level } => {
                let answers = self.log_level(level.clone()).await?;
                serde_json::to_value(answers)
            }
            ControlCommand::Report => {
                serde_json::to_value(self.ask_all::<String>(&Question::Report).await)
            }
        };
        answer.map_err(|error| error.to_string())
    }

    /// What each process that runs services is at.
    pub(crate) async fn snapshots(&self) -> Vec<ProcessAnswer<ProcessSnapshot>> {
        self.ask(&Question::Snapshot).await
    }

    async fn status(&self) -> ControlStatus {
        let status = self.handle.status();
        ControlStatus {
            program: self.observer.program.clone(),
            version: self.observer.introspection.package().version.clone(),
            pid: std::process::id(),
            phase: status.phase,
            since: age(status.since),
            services: service_lines(&status),
            processes: self.snapshots().await,
        }
    }

    /// Of all processes, or why the new one was refused.
    async fn log_level(&self, new: Option<String>) -> Result<Vec<ProcessAnswer<String>>, String> {
        // First where it is known whether there is such a level at all.
        self.observer.introspection.log_level(new.as_deref())?;
        let question = Question::LogLevel(new);
        let answers = self.ask_all::<Result<String, String>>(&question).await;
        let answers = answers.into_iter().map(|answer| ProcessAnswer {
            answer: answer.answer.flatten(),
            service: answer.service,
            index: answer.index,
            pid: answer.pid,
        });
        Ok(answers.collect())
    }

    /// Asks this process and all workers.
    async fn ask_all<T: DeserializeOwned>(&self, question: &Question) -> Vec<ProcessAnswer<T>> {
        let mut answers = Vec::new();
        if *self.handle.role() == Role::Supervisor {
            let question = serde_json::to_value(question).unwrap_or_default();
            let answer = self.observer.answer(question).await;
            answers.push(ProcessAnswer {
                service: String::new(),
                index: 0,
                pid: std::process::id(),
                answer: understand(Some(answer)),
            });
        }
        answers.extend(self.ask(question).await);
        answers
    }

    /// Asks each process that runs services.
    async fn ask<T: DeserializeOwned>(&self, question: &Question) -> Vec<ProcessAnswer<T>> {
        let question = serde_json::to_value(question).unwrap_or_default();
        let answers = self.handle.ask(question, PATIENCE).await;
        let answers = answers.into_iter().map(|answer| {
            let WorkerAnswer {
                service,
                index,
                pid,
                answer,
            } = answer;
            ProcessAnswer {
                service,
                index,
                pid,
                answer: understand(answer),
            }
        });
        answers.collect()
    }
}

/// The services of a status, as they are shown.
pub(crate) fn service_lines(status: &LauncherStatus) -> Vec<ServiceLine> {
    let lines = status.services.iter().map(|service| ServiceLine {
        service: service.service.clone(),
        index: service.index,
        pid: service.pid,
        phase: service.phase,
        since: age(service.since),
        starts: service.starts,
    });
    lines.collect()
}

fn understand<T: DeserializeOwned>(answer: Option<Value>) -> Result<T, String> {
    let answer = answer.ok_or_else(|| format!("no answer within {} s", PATIENCE.as_secs()))?;
    serde_json::from_value(answer).map_err(|error| format!("an answer of another kind: {error}"))
}

/// A clock that was set back gives zero.
pub(crate) fn age(since: SystemTime) -> Duration {
    since.elapsed().unwrap_or_default()
}
