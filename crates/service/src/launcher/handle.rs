//! A grip on the launcher of the process.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::reload::ENDED;
use super::status::{LauncherStatus, StatusBoard};
use crate::worker::channel::Request;
use crate::{BackdoorPort, ProcessAnswer, ServiceError};

/// A grip on the launcher of the process, for what stands beside the services: a control socket, a backdoor, tests.
///
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct LauncherHandle {
    shared: Arc<Shared>,
}

impl LauncherHandle {
    pub(crate) fn new(
        role: Role,
        board: Arc<StatusBoard>,
        ending: Ending,
        commander: Commander,
    ) -> Self {
        let shared = Arc::new(Shared {
            role,
            board,
            ending,
            commander,
            backdoor_port: OnceLock::new(),
        });
        Self { shared }
    }

    /// What this process is to the program.
    pub fn role(&self) -> &Role {
        &self.shared.role
    }

    /// Begins the graceful stop, as SIGTERM does. Does not wait.
    pub fn stop(&self) {
        self.shared.ending.begin();
    }

    /// Takes over the configuration as it is now, as SIGHUP does in a daemon, and waits until that is done. Calls that
    /// come while one is at work are served together after it.
    ///
    /// Answers for this process and, with [`RestartMethod::Mutate`](crate::RestartMethod::Mutate), for each worker: the
    /// configuration can't be read, and everything there stays as it was; or the process ended meanwhile.
    #[must_use = "a configuration that can not be read is told here"]
    pub async fn reload(&self) -> Vec<ProcessAnswer<()>> {
        let answers = self.shared.commander.give(Request::Reload, None).await;
        if answers.is_empty() {
            let ended = WorkerAnswer::own(&self.shared.role, None);
            return vec![reloaded(ended)];
        }
        answers.into_iter().map(reloaded).collect()
    }

    /// Asks each worker a question for its [`Launcher::on_question`](crate::Launcher::on_question), and waits `patience`
    /// long for the answers. In a process without workers it answers itself.
    pub async fn ask(&self, question: Value, patience: Duration) -> Vec<WorkerAnswer> {
        let question = Request::Question(question);
        self.shared.commander.give(question, Some(patience)).await
    }

    /// What the launcher is at.
    pub fn status(&self) -> LauncherStatus {
        self.watch().borrow().clone()
    }

    /// What the launcher is at, as it changes.
    pub fn watch(&self) -> watch::Receiver<LauncherStatus> {
        self.shared.board.watch()
    }

    /// Where the process's backdoor is, if it has one.
    pub fn backdoor_port(&self) -> Option<BackdoorPort> {
        self.shared.backdoor_port.get().cloned()
    }

    /// Notes where the backdoor is, for the services that are started afterwards. Only the first counts.
    pub fn set_backdoor_port(&self, port: impl Into<BackdoorPort>) {
        let _ = self.shared.backdoor_port.set(port.into());
    }

    pub(crate) fn ending(&self) -> &Ending {
        &self.shared.ending
    }

    /// Done when this process, and each worker, has shown that it is alive.
    pub(crate) async fn ping(&self) {
        self.shared.commander.give(Request::Ping, None).await;
    }
}

#[derive(Debug)]
struct Shared {
    role: Role,
    board: Arc<StatusBoard>,
    ending: Ending,
    commander: Commander,
    backdoor_port: OnceLock<BackdoorPort>,
}

/// What a process is to its program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// It runs the services itself.
    InProcess,
    /// It runs no service, and keeps the workers alive.
    Supervisor,
    /// It runs one service for a supervisor.
    Worker {
        /// The service's name.
        service: String,
        /// Which of its workers, from 0. One that replaces another has the other's.
        index: usize,
    },
}

/// What a worker answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WorkerAnswer {
    /// The name of its service.
    pub service: String,
    /// Which worker, from 0.
    pub index: usize,
    /// Its process.
    pub pid: u32,
    /// `None` if it did not answer in time, or ended.
    pub answer: Option<Value>,
}

impl WorkerAnswer {
    /// Of this process, which is `role`.
    pub(crate) fn own(role: &Role, answer: Option<Value>) -> Self {
        let (service, index) = match role {
            Role::Worker { service, index } => (service.clone(), *index),
            _ => (String::new(), 0),
        };
        Self {
            service,
            index,
            pid: std::process::id(),
            answer,
        }
    }
}

/// Whether and why the process is to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    begun: CancellationToken,
    failure: Arc<OnceLock<ServiceError>>,
}

impl Ending {
    pub(crate) fn begin(&self) {
        self.begun.cancel();
    }

    /// The process ends gracefully, with status 1.
    pub(crate) fn fail(&self, error: ServiceError) {
        let _ = self.failure.set(error);
        self.begin();
    }

    pub(crate) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }
}

/// Something that the launcher's own thread is to do.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) request: Request,
    /// How long to wait for each worker's answer; `None`: until it is there.
    pub(crate) patience: Option<Duration>,
    pub(crate) reply: Reply,
}

pub(crate) type Reply = oneshot::Sender<Vec<WorkerAnswer>>;

/// Where commands are given.
#[derive(Debug, Clone)]
pub(crate) struct Commander(mpsc::Sender<Command>);

impl Commander {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel(16);
        (Self(sender), receiver)
    }

    /// Gives a command, and waits until it is done. No answers if the launcher has ended.
    pub(crate) async fn give(
        &self,
        request: Request,
        patience: Option<Duration>,
    ) -> Vec<WorkerAnswer> {
        let (reply, answers) = oneshot::channel();
        let command = Command {
            request,
            patience,
            reply,
        };
        if self.0.send(command).await.is_err() {
            return Vec::new();
        }
        answers.await.unwrap_or_default()
    }
}

/// What a process answered to a request to reload: its [`Outcome`](super::reload::Outcome).
fn reloaded(answer: WorkerAnswer) -> ProcessAnswer<()> {
    let outcome = match answer.answer {
        Some(outcome) => serde_json::from_value(outcome)
            .unwrap_or_else(|error| Err(format!("an answer of another kind: {error}"))),
        None => Err(ENDED.to_owned()),
    };
    ProcessAnswer {
        service: answer.service,
        index: answer.index,
        pid: answer.pid,
        answer: outcome,
    }
}
