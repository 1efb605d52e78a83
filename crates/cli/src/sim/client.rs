//! `bergen sim rpc-client`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bergen::driver::Retry;
use bergen::rpc::{CallError, PreparedClient, RpcClient};
use bergen::target::ClientTarget;
use bergen::transport::RpcTransport;
use bergen::wire::Context;
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde_json::json;
use tokio::task::JoinSet;

use super::measured::{self, Measured};
use super::message::{Cargo, Message};
use crate::connection::{ConnectionOptions, monitor_seconds, positive_seconds, seconds};
use crate::exit::Failed;
use crate::stop::Signals;

/// `bergen sim rpc-client`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen sim rpc-client -p 8 -m 200 --sync call
  bergen sim rpc-client --targets profiler_topic.one profiler_topic.two -p 16 -m 1000
  bergen sim rpc-client --targets profiler_topic --is-cast --is-fanout -m 100 --json -

The other side is bergen sim rpc-server, or upstream's tools/simulator.py rpc-server. Failed
messages are counted; the first one says the exit code. A client whose first message finds no
broker or no server gives up. --json - prints JSON only.")]
pub(crate) struct Client {
    /// Targets as TOPIC.SERVER, or TOPIC for any server; each client takes one in turn
    #[arg(long = "targets", default_value = "profiler_topic.profiler_server", num_args = 1.., value_name = "TARGET")]
    targets: Vec<String>,
    /// Clients that send at the same time, each one message after the other
    #[arg(short = 'p', long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Messages that each client sends
    #[arg(short = 'm', long, default_value_t = 1)]
    messages: u64,
    /// Seconds to pause between two messages of a client
    #[arg(short = 'w', long, value_parser = seconds, value_name = "SECONDS")]
    wait: Option<Duration>,
    /// Seconds until a call is given up
    #[arg(long, default_value = "3", value_parser = positive_seconds, value_name = "SECONDS")]
    timeout: Duration,
    /// Ask servers for signs of life, and give up after this many seconds without one (2 or more)
    #[arg(long, value_parser = monitor_seconds, value_name = "SECONDS")]
    monitor: Option<Duration>,
    /// Cast instead of calling
    #[arg(long)]
    is_cast: bool,
    /// Cast to every server of the topic
    #[arg(long, requires = "is_cast")]
    is_fanout: bool,
    /// Tell the servers, by a call or by a fanout, when clients begin and are done, so that they end
    /// after the last one
    #[arg(long, value_name = "call|fanout", hide_possible_values = true)]
    sync: Option<Sync>,
    /// Seconds to send for at the most
    #[arg(short = 'l', long, value_parser = seconds, value_name = "SECONDS")]
    duration: Option<Duration>,
    /// Seconds to keep the connections open at the end
    #[arg(long, default_value = "0", value_parser = seconds, value_name = "SECONDS")]
    exit_wait: Duration,
    /// Write what was measured to this file, as the upstream simulator does; - is stdout
    #[arg(short = 'j', long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// How servers are told about clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sync {
    /// By calls to the target.
    Call,
    /// By fanout casts.
    Fanout,
}

impl Client {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let mut signals = Signals::watch()?;
        let transport = connection.rpc_transport()?;
        let measured = Arc::new(Measured::of(self.clients));
        let progress = measured::progress(u64::from(self.clients) * self.messages);
        let ran = signals
            .unless(self.send_all(&transport, &measured, &progress))
            .await;
        progress.finish_and_clear();
        if ran.is_ok() {
            tokio::time::sleep(self.exit_wait).await;
        }
        connection.close(transport).await;
        let kind = if self.is_cast { "casts" } else { "calls" };
        measured.report(kind, self.json.as_deref())?;
        ran?;
        measured.first_failure().map_or(Ok(()), Err)
    }

    async fn send_all(
        &self,
        transport: &RpcTransport,
        measured: &Arc<Measured>,
        progress: &ProgressBar,
    ) -> Result<(), Failed> {
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let Some(target) = self
                .targets
                .get(number as usize % self.targets.len().max(1))
            else {
                continue;
            };
            let sender = Sender {
                number: number as usize,
                id: format!("{number} {:x}@bergen", std::process::id()),
                client: self.client(transport, target),
                cargo: Cargo::new(u64::from(number) + 1),
                is_cast: self.is_cast,
                wait: self.wait,
                sync: self.sync,
                measured: Arc::clone(measured),
                progress: progress.clone(),
            };
            let until = self.duration.map(|duration| Instant::now() + duration);
            clients.spawn(sender.run(self.messages, until));
        }
        while let Some(ended) = clients.join_next().await {
            ended.map_err(|error| Failed::System(format!("a client ended early: {error}")))?;
        }
        Ok(())
    }

    fn client(&self, transport: &RpcTransport, target: &str) -> PreparedClient {
        // As upstream: the topic ends at the first dot.
        let (topic, server) = target.split_once('.').unwrap_or((target, ""));
        let client = RpcClient::new(transport, ClientTarget::new(topic))
            .prepare()
            .timeout(self.timeout)
            .call_monitor_timeout(self.monitor)
            .fanout(self.is_fanout);
        if server.is_empty() || self.is_fanout {
            client
        } else {
            client.server(server)
        }
    }
}

/// One client: sends its messages one after another.
struct Sender {
    number: usize,
    id: String,
    client: PreparedClient,
    cargo: Cargo,
    is_cast: bool,
    wait: Option<Duration>,
    sync: Option<Sync>,
    measured: Arc<Measured>,
    progress: ProgressBar,
}

impl Sender {
    async fn run(mut self, messages: u64, until: Option<Instant>) {
        let announced = self.sync("sync_start").await;
        for seq in 0..messages {
            if until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            let sent = self.send(seq).await;
            self.progress.inc(1);
            // The rest would wait as long, each, for the same.
            if seq == 0 && !sent {
                break;
            }
            if let Some(wait) = self.wait {
                tokio::time::sleep(wait).await;
            }
        }
        if announced {
            self.sync("sync_done").await;
        }
    }

    /// Sends one message; whether another may fare better.
    async fn send(&mut self, seq: u64) -> bool {
        let message = Message::new(seq, self.cargo.next());
        let size = message.1.len();
        let (context, arguments) = (Context::default(), json!({"message": message}));
        let mut client = self.client.clone();
        if seq == 0 {
            client = client.retry(Retry::Times(0));
        }
        let started = Instant::now();
        let ended = if self.is_cast {
            client.cast(&context, "info", &arguments).await
        } else {
            let answer: Result<Message, CallError> =
                client.call(&context, "info", &arguments).await;
            answer.map(|_| {
                let took = Some(started.elapsed());
                self.measured.round_trip(self.number, size, took);
            })
        };
        self.measured.sent(self.number, size);
        ended.map_or_else(|error| self.measured.failed(error.into()), |()| true)
    }

    /// Tells the servers; whether they were told.
    async fn sync(&self, method: &'static str) -> bool {
        let (context, arguments) = (Context::default(), json!({"message": {"id": self.id}}));
        match self.sync {
            None => false,
            Some(Sync::Call) => self
                .client
                .call::<()>(&context, method, &arguments)
                .await
                .is_ok(),
            Some(Sync::Fanout) => {
                let everyone = self.client.prepare().fanout(true);
                everyone.cast(&context, method, &arguments).await.is_ok()
            }
        }
    }
}
