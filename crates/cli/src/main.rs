//! The `bergen` program: host, call and measure services on the OpenStack bus, and publish and hear notifications.

mod arguments;
mod broker;
mod call;
mod config;
mod connection;
mod demo;
mod exit;
mod listen;
mod notify;
mod output;
mod ping;
mod serve;
mod service;
mod sim;
mod start;
mod stop;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::connection::ConnectionOptions;
use crate::exit::Failed;

/// A request and its answer are some forty small allocations; measured, this one makes them cheaper.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// RPC and notifications on the OpenStack bus: serve, call, cast, ping, notify, listen and measure,
/// side by side with Python's oslo.messaging.
#[derive(Debug, Parser)]
#[command(name = "bergen", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Program {
    #[command(subcommand)]
    command: Command,
    // Not a doc comment: it would want marks that are not for terminals.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help = VERBOSE,
        display_order = 900)]
    verbose: u8,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Host a service with echo, add, sleep, fail and whoami, to try calls against
    Serve(serve::Serve),
    /// Call a method and print its result as JSON
    Call(call::Call),
    /// Send a request without waiting for an answer
    Cast(call::Cast),
    /// Ask the servers of a topic whether they live
    Ping(ping::Ping),
    /// Publish a notification
    Notify(notify::Notify),
    /// Show notifications as they come
    Listen(listen::Listen),
    /// Play one side of oslo.messaging's load simulator
    Sim(sim::Sim),
    /// Run an AMQP broker of our own, for one machine
    Broker(broker::BrokerCommand),
    /// Print a sample configuration, or check configuration files
    Config(config::ConfigCommand),
    /// Show what a running service is at
    Status(service::Status),
    /// Stop a running service when what it runs is finished, and watch it
    Drain(service::Drain),
    /// Have a running service take over its changed configuration
    Reload(service::Reload),
    /// Show or change the log level of a running service
    Loglevel(service::LogLevel),
    /// Print the Guru Meditation report of a running service
    Report(service::Report),
    /// Show it all in seconds: a broker, a service and its callers, with nothing installed
    Demo(demo::Demo),
}

const VERBOSE: &str = "Say more on stderr: remote tracebacks and connections with -v, \
    requests received with -vv, everything with -vvv; RUST_LOG has the last word";

const AFTER_HELP: &str = "\
Examples:
  bergen serve --topic demo --server one
  bergen call demo add a:=1 b:=2
  bergen ping compute --server host-1 --exchange nova --config-file /etc/nova/nova.conf

The broker is that of --url, else of the environment variable TRANSPORT_URL, else transport_url of
--config-file, else rabbit://guest:guest@localhost:5672/.

Exit codes: 0 done, 1 the remote method or the service failed, 2 wrong usage, 3 no answer in time,
4 no such server or service, 5 broker unreachable or refused, 70 this machine failed,
130 interrupted, 143 terminated.";

fn main() -> ExitCode {
    let program = Program::parse();
    log_to_stderr(program.verbose, program.command.serves());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(program.command.run(&program.connection)),
        Err(error) => Err(Failed::System(format!("no event loop: {error}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(program.verbose),
    }
}

impl Command {
    /// Whether it runs until it is told to end.
    fn serves(&self) -> bool {
        match self {
            Self::Serve(_) | Self::Listen(_) => true,
            Self::Sim(sim) => sim.serves(),
            Self::Broker(broker) => broker.serves(),
            _ => false,
        }
    }

    async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        match self {
            Self::Serve(serve) => serve.run(connection).await,
            Self::Call(call) => call.run(connection).await,
            Self::Cast(cast) => cast.run(connection).await,
            Self::Ping(ping) => ping.run(connection).await,
            Self::Notify(notify) => notify.run(connection).await,
            Self::Listen(listen) => listen.run(connection).await,
            Self::Sim(sim) => sim.run(connection).await,
            Self::Broker(broker) => broker.run().await,
            Self::Config(config) => config.run(),
            Self::Status(status) => status.run().await,
            Self::Drain(drain) => drain.run().await,
            Self::Reload(reload) => reload.run().await,
            Self::Loglevel(level) => level.run().await,
            Self::Report(report) => report.run().await,
            Self::Demo(demo) => demo.run().await,
        }
    }
}

fn log_to_stderr(verbose: u8, serves: bool) {
    let default = match verbose {
        // What goes wrong with one request is said once, at the end.
        0 if !serves => "off",
        0 => "bergen=warn,bergen_messaging=warn,bergen_amqp=warn,bergen_broker=warn",
        1 => "bergen=info,bergen_messaging=info,bergen_amqp=info,bergen_broker=info",
        2 => "bergen=debug,bergen_messaging=debug,bergen_amqp=debug,bergen_broker=debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Program::command().debug_assert();
    }
}
