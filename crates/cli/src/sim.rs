//! `bergen sim`: one side of oslo.messaging's load simulator.

mod client;
mod measured;
mod message;
mod notify_client;
mod notify_server;
mod report;
mod server;

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::connection::ConnectionOptions;
use crate::exit::Failed;
use crate::output;
use report::Series;

/// `bergen sim`.
#[derive(Debug, Args)]
pub(crate) struct Sim {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Answer the simulator's messages
    RpcServer(server::Server),
    /// Send the simulator's messages
    RpcClient(client::Client),
    /// Take the simulator's events
    NotifyServer(notify_server::NotifyServer),
    /// Take the simulator's events in batches
    BatchNotifyServer(notify_server::BatchNotifyServer),
    /// Publish the simulator's events
    NotifyClient(notify_client::NotifyClient),
}

impl Sim {
    /// Whether it runs until it is told to end.
    pub(crate) fn serves(&self) -> bool {
        !matches!(self.mode, Mode::RpcClient(_) | Mode::NotifyClient(_))
    }

    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        match self.mode {
            Mode::RpcServer(server) => server.run(connection).await,
            Mode::RpcClient(client) => client.run(connection).await,
            Mode::NotifyServer(server) => server.run(connection).await,
            Mode::BatchNotifyServer(server) => server.run(connection).await,
            Mode::NotifyClient(client) => client.run(connection).await,
        }
    }
}

/// Where the words for people go: stdout, but stderr if `--json -` takes stdout for itself.
fn say(text: &str, json: Option<&Path>) -> Result<(), Failed> {
    if json == Some(Path::new("-")) {
        output::detail(text);
        Ok(())
    } else {
        output::line(text)
    }
}

/// Prints what was measured of a series.
fn describe(name: &str, series: &Series, json: Option<&Path>) -> Result<(), Failed> {
    let mut lines = series.describe(name).into_iter();
    lines.try_for_each(|line| say(&line, json))
}

/// Writes the upstream simulator's JSON where asked to.
fn write(all: &[(String, &Series)], summary: &Value, json: Option<&Path>) -> Result<(), Failed> {
    let Some(path) = json else {
        return Ok(());
    };
    let series: BTreeMap<&str, _> = all
        .iter()
        .map(|(name, series)| (name.as_str(), series.rows()))
        .collect();
    let text = json!({"series": series, "summary": summary}).to_string();
    if path == Path::new("-") {
        return output::line(&text);
    }
    std::fs::write(path, text + "\n")
        .map_err(|error| Failed::System(format!("cannot write {}: {error}", path.display())))
}
