//! A service with workers, a configuration file and a periodic task, until SIGTERM.
//!
//! ```text
//! bergen broker
//! cargo run -p bergen --features service --example service -- --config-file greeter.conf
//! bergen call greeter hello name=world
//! ```
//!
//! Every file is optional: without one the broker is RabbitMQ, or `bergen broker`, on this machine.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use bergen::config::{ConfigError, Configuration, Kind, OptionDef};
use bergen::options::{MESSAGING_OPTIONS, RABBIT_OPTIONS};
use bergen::prelude::*;
use bergen::service::{
    DynamicPasses, INTROSPECTION_OPTIONS, Introspection, Launcher, Package, PeriodicTask,
    PeriodicTasks, RpcServers, Service, ServiceContext, ServiceError, ServiceSpec, TaskGroup,
};

static GREETER_OPTIONS: &[OptionDef] = &[
    OptionDef::new("greeter", "workers", Kind::int_from(1))
        .default("2")
        .help("How many processes serve."),
    OptionDef::new("greeter", "greeting", Kind::Text)
        .default("Hello")
        .help("How callers are greeted."),
];

struct Greeter {
    greeting: String,
}

#[endpoint(version = "1.0")]
impl Greeter {
    /// Greets whoever calls.
    #[rpc]
    async fn hello(&self, name: String) -> String {
        format!("{}, {name}!", self.greeting)
    }
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    match launcher() {
        Ok(launcher) => launcher.run(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn launcher() -> Result<Launcher, Box<dyn Error>> {
    let configuration = configuration()?;
    let workers = configuration.options().get("greeter", "workers")?;
    let introspection = Introspection::new(Package::new("greeter", "1.0"));
    let seen = introspection.clone();
    let service = ServiceSpec::new("greeter", move |context| {
        let seen = seen.clone();
        async move {
            GreeterService::new(&context, &seen)
                .map_err(|error| ServiceError::from_error(error.as_ref()))
        }
    });
    Ok(Launcher::new(configuration)
        .service(service.workers(workers))
        .introspection(&introspection))
}

/// From the files after each `--config-file`; the environment wins over them.
fn configuration() -> Result<Configuration, ConfigError> {
    let mut builder = Configuration::builder()
        .declare(MESSAGING_OPTIONS)
        .declare(RABBIT_OPTIONS)
        .declare(bergen::service::OPTIONS)
        .declare(INTROSPECTION_OPTIONS)
        .declare(GREETER_OPTIONS);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--config-file"
            && let Some(file) = arguments.next()
        {
            builder = builder.file(file);
        }
    }
    builder.environment().load()
}

/// What a worker runs. Made anew in each, so that no two share a connection.
struct GreeterService {
    servers: RpcServers,
    tasks: TaskGroup,
}

impl GreeterService {
    fn new(context: &ServiceContext, seen: &Introspection) -> Result<Self, Box<dyn Error>> {
        let options = context.configuration().options();
        let transport =
            RpcTransport::new(TransportOptions::default().options(options.as_ref().clone()))?;
        let target = ServerTarget::new("greeter", transport.host());
        let greeting = options.get("greeter", "greeting")?;
        let server = RpcServer::builder(&transport, target).endpoint(Greeter { greeting });
        let service = Self {
            servers: server.build().into(),
            tasks: TaskGroup::new(),
        };
        service.servers.show_in("greeter", seen);
        seen.add_tasks("greeter", &service.tasks);
        Ok(service)
    }
}

impl Service for GreeterService {
    async fn start(&self) -> Result<(), ServiceError> {
        self.servers.start().await?;
        let mut periodic = PeriodicTasks::new("Greeter");
        let every = Duration::from_secs(30);
        periodic.add(
            PeriodicTask::new("yawn", |()| async {
                tracing::info!("nothing to do");
                Ok(())
            })
            .spacing(every),
        );
        periodic.drive_dynamic(&self.tasks, DynamicPasses::default(), || ());
        Ok(())
    }

    async fn stop(&self) {
        self.tasks.stop_timers(false).await;
        self.servers.stop().await;
    }

    async fn wait(&self) {
        self.servers.wait().await;
        self.tasks.wait().await;
    }
}
