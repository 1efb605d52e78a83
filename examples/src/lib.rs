//! What the reference services share: their command line, and how they come to run.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use bergen::config::{ConfigError, Configuration, OptionDef};
use bergen::service::{Introspection, Launcher, Package, ServiceError};
use bergen::transport::{RpcTransport, TransportOptions};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, reload};

/// The command line of every service here. What it says wins over the configuration files.
#[derive(Debug, Clone, clap::Args)]
pub struct CommandLine {
    /// Name of this host, for the servers' names on their topics; option `host`.
    #[arg(long)]
    host: Option<String>,
    /// Where the broker is, as `rabbit://guest:guest@127.0.0.1:5672/`; option `transport_url`.
    #[arg(long)]
    url: Option<String>,
    /// A configuration file in oslo.config's format; may be given several times.
    #[arg(long)]
    config_file: Vec<PathBuf>,
}

impl CommandLine {
    /// Reads the configuration, and launches what `services` makes of it, until the process is told to end. What they
    /// register is shown to `bergen status` and to reports.
    pub fn launch(
        &self,
        program: &str,
        options: &[&'static [OptionDef]],
        services: impl FnOnce(Configuration, &Introspection) -> Launcher,
    ) -> ExitCode {
        let introspection = Introspection::new(Package::new(program, env!("CARGO_PKG_VERSION")));
        // A worker reads it all by itself, so each process logs.
        log(&introspection);
        match self.configuration(options) {
            Ok(configuration) => services(configuration, &introspection)
                .introspection(&introspection)
                .run(),
            Err(error) => {
                tracing::error!(%error, "the configuration can not be used");
                ExitCode::FAILURE
            }
        }
    }

    fn configuration(
        &self,
        options: &[&'static [OptionDef]],
    ) -> Result<Configuration, ConfigError> {
        let mut builder = Configuration::builder();
        let library = bergen::options::DECLARED.iter();
        for declared in library.chain(bergen::service::DECLARED).chain(options) {
            builder = builder.declare(declared);
        }
        for file in &self.config_file {
            builder = builder.file(file);
        }
        let said = [("host", &self.host), ("transport_url", &self.url)];
        for (name, value) in said {
            if let Some(value) = value {
                builder = builder.set("DEFAULT", name, value.replace('$', "$$"));
            }
        }
        builder.environment().load()
    }
}

/// A transport for RPC, as the configuration says.
///
/// # Errors
/// The configuration's URL or options do not make one.
pub fn transport(configuration: &Configuration) -> Result<RpcTransport, ServiceError> {
    let options = configuration.options().as_ref().clone();
    RpcTransport::new(TransportOptions::default().options(options)).map_err(failed)
}

/// An error as the reason why a service does not run.
pub fn failed(error: impl std::error::Error) -> ServiceError {
    ServiceError::from_error(&error)
}

/// Logs to standard error, as `RUST_LOG` says; without it, at level INFO. `bergen loglevel` changes that.
fn log(introspection: &Introspection) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let (filter, in_force) = reload::Layer::new(filter);
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    introspection.on_log_level(move |wanted| {
        if let Some(wanted) = wanted {
            let filter = EnvFilter::try_new(wanted).map_err(|error| error.to_string())?;
            in_force.reload(filter).map_err(|error| error.to_string())?;
        }
        let shown = in_force.with_current(ToString::to_string);
        shown.map_err(|error| error.to_string())
    });
}
