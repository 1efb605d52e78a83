//! What the launcher's own thread has, whatever the process is.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bergen_config::Configuration;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::handle::{Command, Commander, Ending, LauncherHandle, Role};
use super::reload::RestartMethod;
use super::spec::BoxFuture;
use super::status::StatusBoard;
use crate::options::Settings;
use crate::signals::Signals;
use crate::systemd::Systemd;
use crate::{LaunchError, ServiceError};

/// What the launcher's own thread has. Services never run there, so nothing that they do delays it.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) signals: Signals,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) commander: Commander,
    pub(crate) handle: LauncherHandle,
    pub(crate) board: Arc<StatusBoard>,
    pub(crate) ending: Ending,
    pub(crate) systemd: Arc<Systemd>,
    pub(crate) configuration: Configuration,
    pub(crate) restart: RestartMethod,
    pub(crate) hooks: Hooks,
    /// Where companions run, and the program's hooks.
    pub(crate) beside: Handle,
}

impl Control {
    /// Called on the launcher's runtime; from then on signals end the process in order.
    pub(crate) fn new(
        role: Role,
        board: StatusBoard,
        configuration: Configuration,
        restart: RestartMethod,
        hooks: Hooks,
        beside: Handle,
    ) -> Result<Self, LaunchError> {
        let signals =
            Signals::install().map_err(LaunchError::system("the signals can not be handled"))?;
        let systemd = match role {
            Role::Worker { .. } => Systemd::default(),
            _ => Systemd::from_environment(),
        };
        let (commander, commands) = Commander::new();
        let ending = Ending::default();
        let board = Arc::new(board);
        let handle =
            LauncherHandle::new(role, Arc::clone(&board), ending.clone(), commander.clone());
        Ok(Self {
            signals,
            commands,
            commander,
            handle,
            board,
            ending,
            systemd: Arc::new(systemd),
            configuration,
            restart,
            hooks,
            beside,
        })
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(&self.configuration.options())
    }

    /// Runs the companions' beginnings, one after the other. The first that fails begins the end.
    pub(crate) fn start_companions(&self) -> JoinHandle<()> {
        let companions = self.hooks.companions.clone();
        let (handle, ending) = (self.handle.clone(), self.ending.clone());
        self.beside.spawn(async move {
            for companion in companions {
                if let Err(error) = companion(handle.clone()).await {
                    tracing::error!(%error, "Error starting what runs beside the services");
                    return ending.fail(error);
                }
            }
        })
    }

    /// The options, once, as oslo.service logs them.
    pub(crate) fn log_options(&self) {
        if self.settings().log_options {
            self.configuration.log_options();
        }
    }

    /// Everything has started: tells systemd, now and as often as it wants to know.
    pub(crate) fn ready(&self) {
        self.systemd.ready();
        let Some(pause) = self.systemd.watchdog() else {
            return;
        };
        let (systemd, handle) = (Arc::clone(&self.systemd), self.handle.clone());
        tokio::spawn(async move {
            let mut ticks = interval(pause);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // Without an answer this waits, and systemd hears nothing more.
                handle.ping().await;
                systemd.alive();
            }
        });
    }

    /// SIGUSR2.
    pub(crate) fn report(&self) {
        if let Some(report) = self.hooks.report.clone() {
            self.beside.spawn_blocking(move || report());
        } else {
            tracing::info!("Caught SIGUSR2: the program has no report");
        }
    }

    /// What the program answers to a question of its own; null if it answers none.
    pub(crate) fn answer(&self, question: Value) -> oneshot::Receiver<Value> {
        let (sender, answer) = oneshot::channel();
        let answerer = self.hooks.answer.clone();
        self.beside.spawn(async move {
            let answer = match answerer {
                Some(answerer) => answerer(question).await,
                None => Value::Null,
            };
            let _ = sender.send(answer);
        });
        answer
    }
}

/// Ends the process at once, with status 1, and nothing cleaned up.
pub(crate) fn exit_at_once() -> ! {
    std::process::exit(1)
}

/// What the program does beside its services.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) report: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(crate) answer: Option<Arc<dyn Fn(Value) -> BoxFuture<'static, Value> + Send + Sync>>,
    pub(crate) companions: Vec<Companion>,
}

pub(crate) type Companion =
    Arc<dyn Fn(LauncherHandle) -> BoxFuture<'static, Result<(), ServiceError>> + Send + Sync>;

impl Hooks {
    pub(crate) fn add_companion<F, C>(&mut self, companion: F)
    where
        F: Fn(LauncherHandle) -> C + Send + Sync + 'static,
        C: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        self.companions
            .push(Arc::new(move |handle| Box::pin(companion(handle))));
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("report", &self.report.is_some())
            .field("answer", &self.answer.is_some())
            .field("companions", &self.companions.len())
            .finish()
    }
}
