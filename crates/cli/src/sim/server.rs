//! `bergen sim rpc-server`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bergen::rpc::{Call, DynamicEndpoint, MethodError, Parameter, RpcServer};
use bergen::target::{EndpointTarget, ServerTarget};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Notify;

use super::message::Message;
use super::report::Series;
use crate::connection::{ConnectionOptions, seconds};
use crate::exit::Failed;
use crate::start::StartOptions;
use crate::stop::Signals;

/// `bergen sim rpc-server`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bergen sim rpc-server
  bergen sim rpc-server --server two -l 60 --json measured.json

Answers info, sync_start and sync_done as upstream's tools/simulator.py does, and reports how long
requests were under way (needs one clock). --json - prints JSON only.")]
pub(crate) struct Server {
    /// Topic to listen on
    #[arg(long, default_value = "profiler_topic")]
    topic: String,
    /// Name of this server
    #[arg(long, default_value = "profiler_server")]
    #[expect(clippy::struct_field_names, reason = "the option's name")]
    server: String,
    /// Seconds to sleep before answering
    #[arg(short = 'w', long, value_parser = seconds, value_name = "SECONDS")]
    wait: Option<Duration>,
    /// Seconds to run; without it until SIGTERM, or until the last synchronised client is done
    #[arg(short = 'l', long, value_parser = seconds, value_name = "SECONDS")]
    duration: Option<Duration>,
    /// Write what was measured to this file, as the upstream simulator does; - is stdout
    #[arg(short = 'j', long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    start: StartOptions,
}

/// What the methods share.
struct Running {
    wait: Option<Duration>,
    received: Mutex<Series>,
    clients: Mutex<HashSet<String>>,
    all_done: Notify,
}

/// How long after the last client is done the server goes on, as upstream.
const AFTER_LAST_CLIENT: Duration = Duration::from_secs(1);
/// Clients that may announce themselves.
const MOST_CLIENTS: usize = 100_000;

impl Server {
    pub(crate) async fn run(self, connection: &ConnectionOptions) -> Result<(), Failed> {
        // Before the line that says ready: from then on we are to stop in order.
        let mut signals = Signals::watch()?;
        let transport = self.start.rpc_transport(connection)?;
        let running = Arc::new(Running {
            wait: self.wait,
            received: Mutex::new(Series::new()),
            clients: Mutex::default(),
            all_done: Notify::new(),
        });
        let target = ServerTarget::new(&self.topic, &self.server);
        let server = RpcServer::builder(&transport, target)
            .endpoint(endpoint(&running))
            .build();
        self.start.start(&server, &transport, &mut signals).await?;
        let ready = format!("ready: topic {}, server {}", self.topic, self.server);
        super::say(&ready, self.json.as_deref())?;
        self.until_end(&running, &mut signals).await;
        let stop = async {
            server.stop().await?;
            server.wait().await?;
            Ok(())
        };
        signals.unless(stop).await?;
        connection.close(transport).await;
        let received = lock(&running.received);
        let summary = json!({"server": received.summary()});
        let all = [("server".to_owned(), &*received)];
        super::describe("server", &received, self.json.as_deref())?;
        super::write(&all, &summary, self.json.as_deref())
    }

    async fn until_end(&self, running: &Running, signals: &mut Signals) {
        let time_is_up = async {
            match self.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        let clients_are_done = async {
            running.all_done.notified().await;
            tokio::time::sleep(AFTER_LAST_CLIENT).await;
        };
        tokio::select! {
            _ = signals.next() => {}
            () = time_is_up => {}
            () = clients_are_done => {}
        }
    }
}

fn endpoint(running: &Arc<Running>) -> DynamicEndpoint {
    let with = |running: &Arc<Running>| Arc::clone(running);
    let (info, start, done) = (with(running), with(running), with(running));
    DynamicEndpoint::new(EndpointTarget::new())
        .method("info", move |call| Arc::clone(&info).info(call))
        .method("sync_start", move |call: Call| {
            let started = start.sync_start(&call);
            async move { started }
        })
        .method("sync_done", move |call: Call| {
            let ended = done.sync_done(&call);
            async move { ended }
        })
}

/// The argument of every method of the simulator.
const MESSAGE: &[Parameter] = &[Parameter::required("message")];

/// What a client announces itself with.
#[derive(Deserialize)]
struct Announcement {
    id: String,
}

impl Running {
    async fn info(self: Arc<Self>, call: Call) -> Result<Message, MethodError> {
        let message: Message = call.bind("info", MESSAGE)?.take("message")?;
        let message = message.received();
        let latency = Duration::try_from_secs_f64(message.3 - message.2).ok();
        lock(&self.received).record(message.1.len(), latency);
        if let Some(wait) = self.wait {
            tokio::time::sleep(wait).await;
        }
        Ok(message)
    }

    fn sync_start(&self, call: &Call) -> Result<(), MethodError> {
        let client: Announcement = call.bind("sync_start", MESSAGE)?.take("message")?;
        let mut clients = lock(&self.clients);
        if clients.len() >= MOST_CLIENTS {
            return Err(MethodError::value_error("too many clients"));
        }
        clients.insert(client.id);
        Ok(())
    }

    fn sync_done(&self, call: &Call) -> Result<(), MethodError> {
        let client: Announcement = call.bind("sync_done", MESSAGE)?.take("message")?;
        let mut clients = lock(&self.clients);
        if clients.remove(&client.id) && clients.is_empty() {
            self.all_done.notify_one();
        }
        Ok(())
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
