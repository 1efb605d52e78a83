//! `bergen sim rpc-client`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bergen::driver::Retry;
use bergen::rpc::{CallError, PreparedClient, RpcClient};
use bergen::target::ClientTarget;
use bergen::transport::RpcTransport;
use bergen::wire::Context;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::task::JoinSet;

use super::message::{Cargo, Message};
use super::report::Series;
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

/// What the clients measure, each for itself and all together.
struct Measured {
    clients: Vec<Mutex<Traffic>>,
    all: Mutex<Traffic>,
    errors: Mutex<Errors>,
}

/// What went out, and what came back.
struct Traffic {
    sent: Series,
    round_trips: Series,
}

#[derive(Default)]
struct Errors {
    count: u64,
    first: Option<CallError>,
}

impl Client {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        let mut signals = Signals::watch()?;
        let transport = connection.rpc_transport()?;
        let traffic = || Mutex::new(Traffic::new());
        let measured = Arc::new(Measured {
            clients: (0..self.clients).map(|_| traffic()).collect(),
            all: traffic(),
            errors: Mutex::default(),
        });
        let progress = self.progress();
        let ran = signals
            .unless(self.send_all(&transport, &measured, &progress))
            .await;
        progress.finish_and_clear();
        if ran.is_ok() {
            tokio::time::sleep(self.exit_wait).await;
        }
        connection.close(transport).await;
        self.report(&measured)?;
        ran?;
        let first = lock(&measured.errors).first.take();
        first.map_or(Ok(()), |error| Err(error.into()))
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

    fn progress(&self) -> ProgressBar {
        let progress = ProgressBar::new(u64::from(self.clients) * self.messages);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}") {
            progress.set_style(style);
        }
        progress
    }

    fn report(&self, measured: &Measured) -> Result<(), Failed> {
        let all = lock(&measured.all);
        let clients: Vec<_> = measured.clients.iter().map(lock).collect();
        let errors = lock(&measured.errors).count;
        let kind = if self.is_cast { "casts" } else { "calls" };
        let summary = json!({
            "client": all.sent.summary(),
            "round_trip": all.round_trips.summary(),
            "error": {"count": errors},
        });
        // A chart for each of many clients would hide what there is to see.
        let json = self.json.as_deref();
        super::describe("all clients", &all.sent, json)?;
        if all.round_trips.count() > 0 {
            super::describe("all round trips", &all.round_trips, json)?;
        }
        let mut series = Vec::new();
        for (number, client) in clients.iter().enumerate() {
            series.push((format!("client_{number}"), &client.sent));
            if client.round_trips.count() > 0 {
                series.push((format!("round_trip_{number}"), &client.round_trips));
            }
        }
        super::write(&series, &summary, json)?;
        let total = format!("{kind}: {} sent, {errors} failed", all.sent.count());
        super::say(&total, json)
    }
}

impl Traffic {
    fn new() -> Self {
        Self {
            sent: Series::new(),
            round_trips: Series::new(),
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
            if seq == 0 && sent.is_err_and(|error| is_in_vain(&error)) {
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

    async fn send(&mut self, seq: u64) -> Result<(), CallError> {
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
                self.record(|traffic| traffic.round_trips.record(size, took));
            })
        };
        self.record(|traffic| traffic.sent.record(size, None));
        if let Err(error) = &ended {
            let mut errors = lock(&self.measured.errors);
            errors.count += 1;
            errors.first.get_or_insert_with(|| error.clone());
        }
        ended
    }

    fn record(&self, record: impl Fn(&mut Traffic)) {
        let own = self.measured.clients.get(self.number);
        for traffic in own.into_iter().chain([&self.measured.all]) {
            record(&mut lock(traffic));
        }
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

/// Whether no server was there to take the message.
fn is_in_vain(error: &CallError) -> bool {
    let failed = Failed::from(error.clone());
    let nobody_listens = matches!(
        failed,
        Failed::Timeout {
            nobody_listens: true,
            ..
        }
    );
    nobody_listens || matches!(failed.code(), 4 | 5)
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
