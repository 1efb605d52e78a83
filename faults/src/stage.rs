//! A broker, six processes around it, and the log of what they tell.
//!
//! Two servers and one client are of Python, two servers and one client of bergen. Both clients call the other
//! library's servers; bergen's calls its own, too. What fails on the network fails between bergen and the broker: the
//! peers' connections go straight there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bergen_testbed::{FaultProxy, Management, Peer, PythonPeer, RabbitCluster, RabbitNode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::FaultsError;
use crate::log::Log;
use crate::worker::{ClientRole, Role, Sabotage, ServerRole};

/// The virtual host of every stage: its broker is its own.
pub const VHOST: &str = "/";

/// Every `client → topic` with calls in it.
pub const DIRECTIONS: [&str; 3] = ["python → rust", "rust → python", "rust → rust"];

/// The clients of a stage.
pub const CLIENTS: [&str; 2] = ["python-client", "rust-client"];

/// The servers of a stage. The part before the dash is their library and their topic.
pub const SERVERS: [&str; 4] = ["python-a", "python-b", "rust-a", "rust-b"];

/// Heartbeats of bergen's connections, in seconds, so that a black hole is noticed while one watches.
const HEARTBEAT: u32 = 6;

/// Seconds that a method takes: enough that some run whenever the fault comes.
pub(crate) const PAUSE: f64 = 0.2;

/// How long a command to a peer may take, apart from what it is to wait for.
const ANSWER: Duration = Duration::from_mins(1);

/// What a stage is built of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// This program, which is its own worker.
    pub worker: PathBuf,
    /// Seconds that a call may take.
    pub timeout: u64,
}

/// Which broker a row needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// One node, with the peer's default options.
    Node,
    /// Three nodes that pause in a minority; quorum queues and quorum fanout queues.
    Quorum,
    /// The same with one stream instead of the fanout queues.
    Streams,
}

/// A broker with its peers.
#[derive(Debug)]
pub struct Stage {
    /// What failed on it, and how, is the business of the fault.
    pub broker: Broker,
    /// Between bergen and a single node.
    pub link: Option<FaultProxy>,
    /// The node of a cluster that a fault has taken away.
    pub away: Option<usize>,
    plan: Plan,
    query: String,
    log: Arc<Log>,
    running: BTreeMap<String, Running>,
    rounds: u32,
}

/// The broker of a stage.
#[derive(Debug)]
pub enum Broker {
    /// One node.
    Node(Box<RabbitNode>),
    /// Three nodes.
    Cluster(RabbitCluster),
}

/// A process of a stage.
#[derive(Debug)]
struct Running {
    peer: Peer,
    /// Its name in the log: another one for each process.
    process: String,
    following: JoinHandle<()>,
}

impl Stage {
    /// Starts the broker and everybody else.
    pub async fn start(place: Place, plan: &Plan) -> Result<Self, FaultsError> {
        let (broker, query) = match place {
            Place::Node => {
                let node = RabbitNode::start_default().await?;
                (Broker::Node(Box::new(node)), String::new())
            }
            Place::Quorum | Place::Streams => {
                let builder =
                    RabbitNode::builder().config("cluster_partition_handling = pause_minority");
                let cluster = RabbitCluster::start(builder).await?;
                let streams = match place {
                    Place::Streams => "&rabbit_stream_fanout=true&rabbit_qos_prefetch_count=20",
                    _ => "",
                };
                let quorum = "&rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true";
                (Broker::Cluster(cluster), format!("{quorum}{streams}"))
            }
        };
        let link = match &broker {
            Broker::Node(node) => Some(FaultProxy::to_port(node.port()).await?),
            Broker::Cluster(_) => None,
        };
        let mut stage = Self {
            broker,
            link,
            away: None,
            plan: plan.clone(),
            query,
            log: Arc::default(),
            running: BTreeMap::new(),
            rounds: 0,
        };
        // Servers first: the calls of a round find them there.
        for name in SERVERS.into_iter().chain(CLIENTS) {
            stage.replace(name, None).await?;
        }
        Ok(stage)
    }

    /// Kills the process of that name, if there is one, and starts another.
    pub async fn replace(
        &mut self,
        name: &str,
        sabotage: Option<Sabotage>,
    ) -> Result<(), FaultsError> {
        self.kill(name).await?;
        let mut peer = match name.split_once('-') {
            Some(("python", "client")) => {
                let options = json!({
                    "url": self.url("python"), "name": "python", "topics": ["rust"],
                    "timeout": self.plan.timeout, "pause": PAUSE,
                });
                PythonPeer::start("fault_client.py", &options)
                    .await?
                    .into_peer()
            }
            Some(("python", _)) => {
                let options = json!({"url": self.url("python"), "topic": "python", "server": name});
                PythonPeer::start("fault_server.py", &options)
                    .await?
                    .into_peer()
            }
            Some((_, "client")) => {
                let role = ClientRole {
                    url: self.url("rust"),
                    name: "rust".to_owned(),
                    topics: vec!["python".to_owned(), "rust".to_owned()],
                    timeout: self.plan.timeout,
                    pause: PAUSE,
                    sabotage,
                };
                self.worker(name, &Role::Client(role)).await?
            }
            _ => {
                let role = ServerRole {
                    url: self.url("rust"),
                    topic: "rust".to_owned(),
                    server: name.to_owned(),
                    sabotage,
                };
                self.worker(name, &Role::Server(role)).await?
            }
        };
        let process = format!("{name}.{}", peer.process().id());
        let following = self.log.follow(&process, peer.take_events());
        let running = Running {
            peer,
            process,
            following,
        };
        self.running.insert(name.to_owned(), running);
        Ok(())
    }

    /// Kills a process as a crash would, and waits until all is read that it had told.
    pub async fn kill(&mut self, name: &str) -> Result<(), FaultsError> {
        if let Some(running) = self.running.remove(name) {
            running.peer.kill().await?;
            let _ = tokio::time::timeout(ANSWER, running.following).await;
        }
        Ok(())
    }

    /// Forgets what was told, and lets the clients make load.
    pub async fn begin(&mut self) -> Result<(), FaultsError> {
        self.rounds += 1;
        self.log.begin(&self.round());
        for client in CLIENTS {
            self.load(client).await?;
        }
        Ok(())
    }

    /// Lets one client make load for the present round.
    pub async fn load(&self, client: &str) -> Result<(), FaultsError> {
        let command = json!({"op": "start", "round": self.round()});
        self.tell(client, command, ANSWER).await
    }

    /// Ends the load and waits until nothing is in flight, or should not be any more.
    pub async fn drain(&self) -> Result<(), FaultsError> {
        for client in CLIENTS {
            self.tell(client, json!({"op": "quiet"}), ANSWER).await?;
        }
        // Beyond the deadline: what is still there then is hung.
        let seconds = self.plan.timeout + 15;
        for client in CLIENTS {
            let command = json!({"op": "drain", "seconds": seconds});
            let limit = ANSWER + Duration::from_secs(seconds);
            self.tell(client, command, limit).await?;
        }
        Ok(())
    }

    /// What was told in this round.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The process that goes by that name now.
    pub fn process(&self, name: &str) -> Option<&str> {
        Some(self.running.get(name)?.process.as_str())
    }

    /// The present servers of each topic, as the log names them.
    pub fn servers(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut servers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for name in SERVERS {
            let topic = name.split('-').next().unwrap_or_default();
            let process = self.process(name).map(str::to_owned);
            servers.entry(topic.to_owned()).or_default().extend(process);
        }
        servers
    }

    /// Seconds that a call may take.
    pub fn timeout(&self) -> u64 {
        self.plan.timeout
    }

    /// The management interface of the node, or of the one that a fault leaves alone.
    pub fn management(&self) -> Option<Management> {
        match &self.broker {
            Broker::Node(node) => Some(node.management()),
            Broker::Cluster(cluster) => {
                let mut nodes = cluster.nodes().iter().enumerate();
                let there = nodes.find(|(index, _)| Some(*index) != self.away);
                there.map(|(_, node)| node.management())
            }
        }
    }

    fn round(&self) -> String {
        format!("r{}", self.rounds)
    }

    fn url(&self, library: &str) -> String {
        let query = &self.query;
        match (&self.broker, &self.link) {
            (Broker::Node(_), Some(link)) if library == "rust" => {
                let port = link.port();
                format!(
                    "rabbit://guest:guest@127.0.0.1:{port}/?heartbeat_timeout_threshold={HEARTBEAT}{query}"
                )
            }
            (Broker::Node(node), _) => format!("{}?{query}", node.url("")),
            (Broker::Cluster(cluster), _) => {
                let url = cluster.url("");
                format!("{url}?heartbeat_timeout_threshold=60{query}")
            }
        }
    }

    async fn worker(&self, name: &str, role: &Role) -> Result<Peer, FaultsError> {
        let mut command = Command::new(&self.plan.worker);
        command.arg("worker").arg(serde_json::to_string(role)?);
        Ok(Peer::start(name, command).await?)
    }

    async fn tell(&self, name: &str, command: Value, limit: Duration) -> Result<(), FaultsError> {
        let running = self.running.get(name);
        let running = running.ok_or_else(|| FaultsError::Worker(format!("{name} is not there")))?;
        running.peer.request_within(command, limit).await?;
        Ok(())
    }
}
