//! `bergen sim`: one side of oslo.messaging's load simulator.

mod client;
mod message;
mod report;
mod server;

use std::path::Path;

use clap::Args;
use clap::Subcommand;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

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
}

impl Sim {
    /// Whether it runs until it is told to end.
    pub(crate) fn serves(&self) -> bool {
        matches!(self.mode, Mode::RpcServer(_))
    }

    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        match self.mode {
            Mode::RpcServer(server) => server.run(connection).await,
            Mode::RpcClient(client) => client.run(connection).await,
        }
    }
}

/// Prints what was measured, and writes the upstream simulator's JSON where asked to.
fn report(all: &[(String, &Series)], summary: Value, json: Option<&Path>) -> Result<(), Failed> {
    for (name, series) in all {
        let total = series.summary();
        let rate = per_second(total.count, total.duration);
        output::line(&format!("{name}: {} messages in {:.2} s, {rate:.0}/s", total.count, total.duration));
        if let Some(latency) = total.latency {
            let milliseconds = |seconds: f64| seconds * 1e3;
            output::line(&format!(
                "  latency ms: mean {:.3}, min {:.3}, p50 {:.3}, p90 {:.3}, p99 {:.3}, max {:.3}",
                milliseconds(latency.mean),
                milliseconds(latency.min),
                milliseconds(latency.p50),
                milliseconds(latency.p90),
                milliseconds(latency.p99),
                milliseconds(latency.max),
            ));
            for bar in series.chart() {
                output::line(&bar);
            }
        }
    }
    let Some(path) = json else {
        return Ok(());
    };
    let series: Map<String, Value> = all
        .iter()
        .map(|(name, series)| (name.clone(), json!(series.rows())))
        .collect();
    let text = json!({"series": series, "summary": summary}).to_string();
    if path == Path::new("-") {
        output::line(&text);
        return Ok(());
    }
    std::fs::write(path, text).map_err(|error| Failed::System(format!("cannot write {}: {error}", path.display())))
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(1e-9)
}
