//! Launching services: in this process, or in workers.

pub(crate) mod control;
mod drain;
mod error;
pub(crate) mod handle;
mod host;
mod life;
pub(crate) mod reload;
mod spec;
pub(crate) mod status;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bergen_config::Configuration;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

pub(crate) use drain::{DrainClock, Tick};
pub use error::LaunchError;
pub use handle::{LauncherHandle, Role, WorkerAnswer};
pub use reload::RestartMethod;
pub use spec::{ServiceContext, ServiceSpec, default_worker_count};
pub use status::{LauncherStatus, Phase, ServiceStatus};

use crate::ServiceError;
use crate::supervisor::Supervisor;
use crate::worker::{self, Identity};
use control::{Control, Hooks};
use host::Host;
use status::StatusBoard;

/// Runs services until the process is told to stop: oslo.service's `launch` and `wait`.
///
/// If each service has one worker, they run in this process. Otherwise the process becomes a supervisor, which runs no
/// service and keeps the workers alive: each is this program, started again with the same arguments and environment, and
/// reads the configuration itself.
///
/// | signal | effect |
/// |---|---|
/// | SIGTERM | no new work; what runs is finished; exit 0, or 1 when `graceful_shutdown_timeout` is over first |
/// | SIGINT | exit 1 at once |
/// | SIGHUP | in a daemon: [`RestartMethod`]; in a terminal's foreground as SIGTERM |
/// | SIGUSR2 | [`on_report`](Self::on_report) |
///
/// They are handled on the thread that launches, where no service runs, and so at once, whatever the services do.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use bergen_config::Configuration;
/// use bergen_service::{Launcher, RestartMethod, Service, ServiceError, ServiceSpec};
///
/// # struct Conductor;
/// # impl Service for Conductor {
/// #     async fn start(&self) -> Result<(), ServiceError> { Ok(()) }
/// #     async fn stop(&self) {}
/// #     async fn wait(&self) {}
/// # }
/// fn main() -> ExitCode {
///     let configuration = Configuration::builder()
///         .declare(bergen_service::OPTIONS)
///         .file("/etc/nova/nova.conf")
///         .load();
///     let Ok(configuration) = configuration else {
///         return ExitCode::FAILURE;
///     };
///     Launcher::new(configuration)
///         .service(ServiceSpec::new("conductor", |_context| async { Ok(Conductor) }).workers(2))
///         .restart(RestartMethod::Mutate)
///         .run()
/// }
/// ```
#[derive(Debug)]
pub struct Launcher {
    pub(crate) configuration: Configuration,
    services: Vec<ServiceSpec>,
    restart: RestartMethod,
    supervised: bool,
    threads: Option<usize>,
    hooks: Hooks,
}

impl Launcher {
    /// A launcher without services yet.
    pub fn new(configuration: Configuration) -> Self {
        Self {
            configuration,
            services: Vec::new(),
            restart: RestartMethod::default(),
            supervised: false,
            threads: None,
            hooks: Hooks::default(),
        }
    }

    /// Adds a service. They are started, stopped and waited for in the order in which they are added.
    #[must_use]
    pub fn service(mut self, service: ServiceSpec) -> Self {
        self.services.push(service);
        self
    }

    /// What SIGHUP does in a daemon. Default: [`RestartMethod::Reload`].
    #[must_use]
    pub fn restart(mut self, method: RestartMethod) -> Self {
        self.restart = method;
        self
    }

    /// Makes the process a supervisor even if each service has one worker.
    #[must_use]
    pub fn supervised(mut self) -> Self {
        self.supervised = true;
        self
    }

    /// How many threads run the services of a process. Default: one for each processor.
    #[must_use]
    pub fn worker_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// What SIGUSR2 runs: a report of what the process is at. It gets a thread of its own, so it runs even if every
    /// service is stuck.
    #[must_use]
    pub fn on_report(mut self, report: impl Fn() + Send + Sync + 'static) -> Self {
        self.hooks.report = Some(Arc::new(report));
        self
    }

    /// What answers questions of the program's own, as [`LauncherHandle::ask`] puts them to each worker. It does not run
    /// on the services' threads, so it answers even if every service is stuck.
    #[must_use]
    pub fn on_question<F, A>(mut self, answer: F) -> Self
    where
        F: Fn(Value) -> A + Send + Sync + 'static,
        A: Future<Output = Value> + Send + 'static,
    {
        self.hooks.answer = Some(Arc::new(move |question| Box::pin(answer(question))));
        self
    }

    /// Something that stands beside the services in each process of the program, the supervisor's included: a control
    /// socket, a backdoor. It runs on a thread apart from theirs, before any of them is made; what goes on longer it
    /// spawns. Several run in the order in which they are added.
    ///
    /// If it fails, the process ends with status 1.
    #[must_use]
    pub fn companion<F, C>(mut self, companion: F) -> Self
    where
        F: Fn(LauncherHandle) -> C + Send + Sync + 'static,
        C: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        self.hooks.add_companion(companion);
        self
    }

    /// [`launch`](Self::launch); an error is logged, and status 1.
    pub fn run(self) -> ExitCode {
        self.launch().unwrap_or_else(|error| {
            tracing::error!(%error, "the services could not be launched");
            ExitCode::FAILURE
        })
    }

    /// Launches the services and blocks until they have ended. The result is the status to exit with.
    ///
    /// Not every end comes back from here: SIGINT, and a `graceful_shutdown_timeout` that is over, end the process in
    /// place, with status 1.
    ///
    /// # Errors
    /// The services do not make sense, or the process can not run any; at most once in a process, as nova's `serve`.
    pub fn launch(self) -> Result<ExitCode, LaunchError> {
        self.check()?;
        if LAUNCHED.swap(true, Ordering::SeqCst) {
            return Err(LaunchError::AlreadyLaunched);
        }
        let worker = worker::take()?;
        let own = runtime(Builder::new_current_thread().thread_name("launcher"))?;
        let beside = runtime(
            Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("beside"),
        )?;
        let launch = Launch {
            launcher: self,
            own: &own,
            beside: &beside,
        };
        let status = match worker {
            Some((identity, channel)) => launch.worker(identity, channel),
            None if launch.launcher.is_supervisor() => launch.supervisor(),
            None => launch.in_process(),
        };
        // What is left there must not hold up the end.
        beside.shutdown_background();
        own.shutdown_background();
        status.map(ExitCode::from)
    }

    fn check(&self) -> Result<(), LaunchError> {
        if self.services.is_empty() {
            return Err(LaunchError::NoService);
        }
        let mut names = HashSet::new();
        for spec in &self.services {
            let service = spec.name.clone();
            if spec.workers == 0 {
                return Err(LaunchError::NoWorkers { service });
            }
            if !names.insert(&spec.name) {
                return Err(LaunchError::SameName { service });
            }
        }
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(LaunchError::InsideRuntime);
        }
        Ok(())
    }

    fn is_supervisor(&self) -> bool {
        self.supervised || self.services.iter().any(|spec| spec.workers > 1)
    }
}

/// Whether this process has launched.
static LAUNCHED: AtomicBool = AtomicBool::new(false);

/// A launch at work.
struct Launch<'a> {
    launcher: Launcher,
    /// The runtime of this very thread: signals, supervision, deadlines.
    own: &'a Runtime,
    /// One more thread, for companions and hooks.
    beside: &'a Runtime,
}

impl Launch<'_> {
    fn in_process(self) -> Result<u8, LaunchError> {
        let board = self
            .launcher
            .services
            .iter()
            .map(|spec| (spec.name.clone(), 0));
        let control = self.control(Role::InProcess, StatusBoard::new(board))?;
        let services = self.launcher.services.clone();
        self.host(control, None, services)
    }

    fn worker(
        self,
        identity: Identity,
        channel: std::os::unix::net::UnixStream,
    ) -> Result<u8, LaunchError> {
        let Identity { service, index } = identity;
        let spec = self
            .launcher
            .services
            .iter()
            .find(|spec| spec.name == service);
        let Some(spec) = spec.cloned() else {
            return Err(LaunchError::UnknownService { service });
        };
        let board = StatusBoard::new([(service.clone(), index)]);
        let control = self.control(Role::Worker { service, index }, board)?;
        let _context = self.own.enter();
        let link = worker::link::Link::open(channel, control.commander.clone())
            .map_err(LaunchError::system("the supervisor can not be reached"))?;
        self.host(control, Some(link), vec![spec])
    }

    fn host(
        self,
        control: Control,
        link: Option<worker::link::Link>,
        services: Vec<ServiceSpec>,
    ) -> Result<u8, LaunchError> {
        let mut builder = Builder::new_multi_thread();
        builder.thread_name("service");
        if let Some(threads) = self.launcher.threads {
            builder.worker_threads(threads);
        }
        let runtime = runtime(&mut builder)?;
        let host = Host::run(control, runtime.handle().clone(), link, services);
        let status = self.own.block_on(host);
        runtime.shutdown_background();
        Ok(status)
    }

    fn supervisor(self) -> Result<u8, LaunchError> {
        let workers = self.launcher.services.iter().flat_map(|spec| {
            let name = spec.name.clone();
            (0..spec.workers).map(move |index| (name.clone(), index))
        });
        let control = self.control(Role::Supervisor, StatusBoard::new(workers))?;
        let services = self.launcher.services.iter();
        let services = services.map(|spec| (spec.name.clone(), spec.workers));
        let supervisor = Supervisor::new(control, services.collect())?;
        Ok(self.own.block_on(supervisor.run()))
    }

    fn control(&self, role: Role, board: StatusBoard) -> Result<Control, LaunchError> {
        let _context = self.own.enter();
        Control::new(
            role,
            board,
            self.launcher.configuration.clone(),
            self.launcher.restart,
            self.launcher.hooks.clone(),
            self.beside.handle().clone(),
        )
    }
}

fn runtime(builder: &mut Builder) -> Result<Runtime, LaunchError> {
    let built = builder.enable_all().build();
    built.map_err(LaunchError::system(
        "the program's threads can not be started",
    ))
}
