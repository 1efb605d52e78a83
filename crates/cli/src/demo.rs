//! `bergen demo`: a broker, a service and its callers in this process, told as a story.

mod scenes;
mod service;
mod stage;
mod teller;

use std::time::{Duration, Instant};

use bergen_broker::{Address, Broker};
use clap::Args;

use crate::exit::Failed;
use crate::output;
use crate::stop::Signals;
use stage::Stage;
use teller::{heading, tell, told};

/// `bergen demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen demo
  bergen demo --keep

Needs nothing else: the broker is in this process, on a free port of this machine. Ends by itself in
seconds, with exit code 0 if everything went as it tells.")]
pub(crate) struct Demo {
    /// Leave broker and service running at the end, and print what to try; Ctrl-C ends them
    #[arg(long)]
    keep: bool,
}

/// A demo that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(30);
/// How long goodbyes may take.
const GOODBYE: Duration = Duration::from_secs(3);

impl Demo {
    pub(crate) async fn run(self) -> Result<(), Failed> {
        let mut signals = Signals::watch()?;
        let start = Instant::now();
        let broker = broker(self.keep).await?;
        let address = broker.addresses().first().map(Address::to_string);
        let url = format!("rabbit://guest:guest@{}/", address.unwrap_or_default());
        heading("A broker starts in this process: AMQP 0-9-1, in memory");
        told(&url, start.elapsed())?;

        let scenes = async {
            let played = tokio::time::timeout(LIMIT, scenes::play(&url)).await;
            played.unwrap_or_else(|_| {
                Err(Failed::System(format!(
                    "the demo hung for {} s",
                    LIMIT.as_secs()
                )))
            })
        };
        let stage = signals.unless(scenes).await?;
        tell("")?;
        tell(&format!(
            "Everything went as told, in {:.1} s.",
            start.elapsed().as_secs_f64()
        ))?;
        if self.keep {
            self::keep(&url, &broker)?;
            signals.next().await;
            output::diagnose("stopping");
        } else {
            tell("bergen demo --keep leaves it running; bergen broker is the broker alone.")?;
        }
        signals.unless(end(stage, broker)).await
    }
}

async fn broker(keep: bool) -> Result<Broker, Failed> {
    let mut builder = Broker::builder();
    if keep {
        builder = builder.http("127.0.0.1:0");
    }
    builder
        .start()
        .await
        .map_err(|error| Failed::System(error.to_string()))
}

/// What to try while it runs.
fn keep(url: &str, broker: &Broker) -> Result<(), Failed> {
    tell("It runs on until Ctrl-C. In another terminal:")?;
    tell("")?;
    for line in [
        &format!("export TRANSPORT_URL={url}"),
        "bergen call compute boot instance=vm-7",
        "bergen call compute stop instance=vm-9999",
        "bergen call compute migrate instance=vm-7 seconds:=5 --timeout 1",
        "bergen cast compute refresh what=images --fanout",
        "bergen ping compute --server node-1 --server node-2",
    ] {
        tell(&format!("    {line}"))?;
    }
    if let Some(address) = broker.http_address() {
        tell(&format!(
            "    curl -u guest:guest http://{address}/api/queues"
        ))?;
    }
    Ok(())
}

async fn end(stage: Stage, broker: Broker) -> Result<(), Failed> {
    let goodbye = async {
        stage.close().await?;
        broker.stop().await;
        Ok(())
    };
    let ended = tokio::time::timeout(GOODBYE, goodbye).await;
    ended.unwrap_or_else(|_| Err(Failed::System("the broker did not stop in time".to_owned())))
}
