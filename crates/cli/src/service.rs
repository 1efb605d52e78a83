//! `bergen status`, `drain`, `reload`, `loglevel` and `report`: what an operator asks of a running service, at its control
//! socket.

mod show;

use std::path::PathBuf;
use std::time::Duration;

use bergen::service::{ControlClient, ControlError, DrainEnd};
use clap::Args;

use crate::exit::Failed;
use crate::output;
use crate::stop::Signals;

/// Which service.
#[derive(Debug, Args)]
struct RunningService {
    // Not a doc comment: it would want marks that are not for terminals.
    #[arg(value_name = "NAME", required_unless_present = "socket", conflicts_with = "socket", help = NAME)]
    name: Option<String>,
    /// The path of its control socket
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const NAME: &str =
    "The program, if its option bergen_control_socket is {runtime_dir}/bergen/{name}.sock";

/// `bergen status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen status nova-compute
  bergen status --socket /run/nova/control.sock --json")]
pub(crate) struct Status {
    #[command(flatten)]
    service: RunningService,
}

/// `bergen drain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen drain nova-compute

It ends when the service has: with 0 if everything was finished, with 1 if its
graceful_shutdown_timeout was over first. Ctrl-C ends the watching, not the drain.")]
pub(crate) struct Drain {
    #[command(flatten)]
    service: RunningService,
}

/// `bergen reload`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen reload nova-compute

It ends when all processes have the new configuration: with 0, or with 1 if one could not read it,
which then goes on with the old one.")]
pub(crate) struct Reload {
    #[command(flatten)]
    service: RunningService,
}

/// `bergen loglevel`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen loglevel nova-compute
  bergen loglevel nova-compute --set debug")]
pub(crate) struct LogLevel {
    #[command(flatten)]
    service: RunningService,
    /// Change it to this level, or filter, as the program understands it
    #[arg(long, value_name = "LEVEL")]
    set: Option<String>,
}

/// `bergen report`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen report nova-compute > report.txt")]
pub(crate) struct Report {
    #[command(flatten)]
    service: RunningService,
}

/// How long a service may take to say what it is at: its processes have 2 s each.
const PATIENCE: Duration = Duration::from_secs(15);

impl Status {
    pub(crate) async fn run(self) -> Result<(), Failed> {
        let mut service = self.service.connect().await?;
        let status = in_time(service.status()).await?;
        if self.service.json {
            return output::json_line(&status);
        }
        show::status(&status).iter().try_for_each(|text| line(text))
    }
}

impl Drain {
    pub(crate) async fn run(self) -> Result<(), Failed> {
        let mut signals = Signals::watch()?;
        let service = self.service.connect().await?;
        let json = self.service.json;
        let mut shown = Ok(());
        let drain = service.drain(|progress| {
            let show = || {
                if json {
                    return output::json_line(progress);
                }
                let lines = show::progress(progress);
                lines.iter().try_for_each(|text| line(text))
            };
            if shown.is_ok() {
                shown = show();
            }
        });
        let end = signals
            .unless(async { drain.await.map_err(Failed::from) })
            .await;
        shown?;
        match end? {
            DrainEnd::CutOff(last) => Err(Failed::Service(show::cut_off(&last))),
            _ if json => Ok(()),
            _ => line("ended"),
        }
    }
}

impl Reload {
    pub(crate) async fn run(self) -> Result<(), Failed> {
        let mut signals = Signals::watch()?;
        let mut service = self.service.connect().await?;
        // It takes as long as the services need to finish what they run.
        let reload = async { service.reload().await.map_err(Failed::from) };
        let answers = signals.unless(reload).await?;
        if self.service.json {
            output::json_line(&answers)?;
        }
        match show::not_reloaded(&answers) {
            Some(reasons) => Err(Failed::Service(reasons)),
            None if self.service.json => Ok(()),
            None => line("reloaded; the service's log says what has changed"),
        }
    }
}

impl LogLevel {
    pub(crate) async fn run(self) -> Result<(), Failed> {
        let mut service = self.service.connect().await?;
        let answers = in_time(service.log_level(self.set.as_deref())).await?;
        if self.service.json {
            return output::json_line(&answers);
        }
        show::log_levels(&answers)
            .iter()
            .try_for_each(|text| line(text))
    }
}

impl Report {
    pub(crate) async fn run(self) -> Result<(), Failed> {
        let mut service = self.service.connect().await?;
        let answers = in_time(service.report()).await?;
        if self.service.json {
            return output::json_line(&answers);
        }
        show::reports(&answers)
            .iter()
            .try_for_each(|text| line(text))
    }
}

impl RunningService {
    async fn connect(&self) -> Result<ControlClient, Failed> {
        let path = match (&self.socket, &self.name) {
            (Some(path), _) => path.clone(),
            (None, name) => ControlClient::path_of(name.as_deref().unwrap_or_default()),
        };
        in_time(ControlClient::connect(path)).await
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, ControlError>>) -> Result<T, Failed> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map_err(Failed::from),
        Err(_) => Err(Failed::Service(format!(
            "the service did not answer within {} s",
            PATIENCE.as_secs()
        ))),
    }
}

impl From<ControlError> for Failed {
    fn from(error: ControlError) -> Self {
        let text = error.to_string();
        match error {
            ControlError::NobodyListens { .. } => Self::NoService(text),
            _ => Self::Service(text),
        }
    }
}

/// Names in it may be a peer's.
fn line(text: &str) -> Result<(), Failed> {
    output::line(&output::escaped(text))
}
