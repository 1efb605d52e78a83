//! The program under test: this test binary once more, as a scenario tells it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bergen_config::{self as config, Configuration, OptionDef};
use bergen_service::{
    BackdoorPort, Launcher, LauncherHandle, OPTIONS, Phase, RestartMethod, Service, ServiceContext,
    ServiceError, ServiceSpec,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The environment variable that holds the scenario.
pub(crate) const SCENARIO: &str = "BERGEN_TEST_SCENARIO";

/// What the program does.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Scenario {
    /// Names and numbers of workers.
    pub(crate) services: Vec<(String, usize)>,
    pub(crate) supervised: bool,
    pub(crate) mutate: bool,
    pub(crate) file: Option<PathBuf>,
    /// Options of group DEFAULT.
    pub(crate) options: Vec<(String, String)>,
    /// How long a start takes, longer for each worker, in milliseconds.
    pub(crate) start: u64,
    /// The service fails so long after its start.
    pub(crate) fails_after: Option<u64>,
    /// The process exits with status 3 so long after the start.
    pub(crate) crashes_after: Option<u64>,
    /// How long what runs goes on after the stop.
    pub(crate) drain: u64,
    pub(crate) kind: Kind,
}

/// What is special about a program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[default]
    Plain,
    StartFails,
    StartPanics,
    CompanionFails,
    /// The only thread of the services sleeps for ever once they have started.
    Blocks,
    LaunchesTwice,
    /// The companion asks the workers, shows the status, reloads and stops the program.
    Asks,
}

impl Scenario {
    pub(crate) fn new(services: &[(&str, usize)]) -> Self {
        let services = services
            .iter()
            .map(|(name, workers)| ((*name).to_owned(), *workers));
        Self {
            services: services.collect(),
            ..Self::default()
        }
    }

    pub(crate) fn option(mut self, name: &str, value: &str) -> Self {
        self.options.push((name.to_owned(), value.to_owned()));
        self
    }
}

static TEST_OPTIONS: &[OptionDef] = &[
    OptionDef::new("DEFAULT", "greeting", config::Kind::Text)
        .default("hello")
        .mutable(),
    OptionDef::new("DEFAULT", "color", config::Kind::Text).default("red"),
    OptionDef::new("DEFAULT", "test_password", config::Kind::Text)
        .default("geheim")
        .secret(),
];

/// Started with a scenario it is the program; as a test it shows that without one it does nothing.
#[test]
fn the_program() {
    let Ok(scenario) = std::env::var(SCENARIO) else {
        return;
    };
    let status = run(&serde_json::from_str(&scenario).unwrap());
    std::process::exit(i32::from(status != ExitCode::SUCCESS));
}

fn run(scenario: &Scenario) -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let status = launcher(scenario).run();
    if scenario.kind == Kind::LaunchesTwice {
        say(&format!(
            "second launch: {}",
            launcher(scenario).launch().unwrap_err()
        ));
    }
    status
}

fn launcher(scenario: &Scenario) -> Launcher {
    let mut builder = Configuration::builder()
        .declare(OPTIONS)
        .declare(TEST_OPTIONS);
    if let Some(file) = &scenario.file {
        builder = builder.file(file);
    }
    for (name, value) in &scenario.options {
        builder = builder.set("DEFAULT", name, value);
    }
    let mut launcher = Launcher::new(builder.load().unwrap())
        .worker_threads(if scenario.kind == Kind::Blocks { 1 } else { 2 })
        .on_report(|| say("report"))
        .on_question(|question| async move {
            json!({ "pid": std::process::id(), "question": question })
        });
    if scenario.mutate {
        launcher = launcher.restart(RestartMethod::Mutate);
    }
    if scenario.supervised {
        launcher = launcher.supervised();
    }
    for (name, workers) in &scenario.services {
        let scenario = scenario.clone();
        let spec = ServiceSpec::new(name, move |context| {
            let work = Work::new(scenario.clone(), context);
            async { Ok(work) }
        });
        launcher = launcher.service(spec.workers(*workers));
    }
    let scenario = scenario.clone();
    launcher.companion(move |handle| {
        let scenario = scenario.clone();
        async move {
            if scenario.kind == Kind::CompanionFails {
                return Err(ServiceError::new("the companion is out of order"));
            }
            say(&format!("companion of {:?}", handle.role()));
            handle.set_backdoor_port(4711);
            if scenario.kind == Kind::Asks
                && !matches!(handle.role(), bergen_service::Role::Worker { .. })
            {
                tokio::spawn(ask(handle));
            }
            Ok(())
        }
    })
}

async fn ask(handle: LauncherHandle) {
    let mut status = handle.watch();
    status
        .wait_for(|status| status.phase == Phase::Running)
        .await
        .unwrap();
    let answers = handle
        .ask(Value::from("who"), Duration::from_secs(10))
        .await;
    say(&format!(
        "answers {}",
        serde_json::to_string(&answers).unwrap()
    ));
    say(&format!(
        "status {}",
        serde_json::to_string(&handle.status()).unwrap()
    ));
    let reloaded = handle.reload().await;
    say(&format!(
        "reloaded {}",
        serde_json::to_string(&reloaded).unwrap()
    ));
    handle.stop();
    status
        .wait_for(|status| status.phase == Phase::Draining)
        .await
        .unwrap();
    say("draining");
}

/// The service of the program.
struct Work {
    scenario: Scenario,
    context: ServiceContext,
    stop: CancellationToken,
}

impl Work {
    fn new(scenario: Scenario, context: ServiceContext) -> Self {
        let work = Self {
            scenario,
            context,
            stop: CancellationToken::new(),
        };
        work.say("made");
        work
    }

    fn say(&self, what: &str) {
        let (service, index) = (self.context.service(), self.context.index());
        say(&format!("{service} {index} {what}"));
    }

    fn values(&self) -> String {
        let options = self.context.configuration().options();
        let value = |name| options.get::<String>("DEFAULT", name).unwrap();
        format!("{} {}", value("greeting"), value("color"))
    }
}

impl Service for Work {
    async fn start(&self) -> Result<(), ServiceError> {
        let scenario = &self.scenario;
        let pause = scenario.start * (self.context.index() as u64 + 1);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if scenario.kind == Kind::StartFails {
            return Err(ServiceError::new("no start today"));
        }
        assert!(scenario.kind != Kind::StartPanics, "no start today");
        if let Some(after) = scenario.crashes_after {
            after_milliseconds(after, || std::process::exit(3));
        }
        if let Some(after) = scenario.fails_after {
            let context = self.context.clone();
            after_milliseconds(after, move || {
                context.fail(ServiceError::new("the disk is gone"));
            });
        }
        if scenario.kind == Kind::Blocks {
            after_milliseconds(100, || {
                say("blocked");
                std::thread::sleep(Duration::from_mins(10));
            });
        }
        let Some(BackdoorPort::Port(port)) = self.context.backdoor_port() else {
            panic!("no port");
        };
        self.say(&format!("started {} port {port}", self.values()));
        Ok(())
    }

    async fn stop(&self) {
        self.say("stop");
        self.stop.cancel();
    }

    async fn wait(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(Duration::from_millis(self.scenario.drain)).await;
        self.say("ended");
    }

    async fn reset(&self) {
        self.say(&format!("reset {}", self.values()));
    }
}

fn after_milliseconds(milliseconds: u64, act: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        act();
    });
}

/// A line in one write, so that those of several processes do not mix.
fn say(what: &str) {
    let line = format!("{} {what}\n", std::process::id());
    // A test that is over does not listen any more.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
