//! Who plays: ours and the Python library, and how their processes are started.

use std::fmt;
use std::path::Path;
use std::process::Command;

use bergen_testbed::Tools;
use serde::Serialize;

use crate::BenchError;
use crate::machine::output_of;
use crate::record::Record;
use crate::worker::Worker;

/// More threads than this tell nothing of the Python client but how threads fight for one lock.
pub const PYTHON_CLIENT_THREADS: usize = 64;

/// Threads of the Python server's executor.
pub const PYTHON_SERVER_THREADS: usize = 32;

/// A client of one peer against a server of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contestant {
    /// What the tables call it.
    pub name: &'static str,
    /// Who calls.
    pub client: Peer,
    /// Who answers.
    pub server: Peer,
}

/// Ours alone.
pub const OURS: Contestant = Contestant {
    name: "bergen-bergen",
    client: Peer::Bergen,
    server: Peer::Bergen,
};
/// The Python library alone.
pub const PYTHON: Contestant = Contestant {
    name: "python-python",
    client: Peer::Python,
    server: Peer::Python,
};
/// Its client and our server.
pub const PYTHON_TO_OURS: Contestant = Contestant {
    name: "python-bergen",
    client: Peer::Python,
    server: Peer::Bergen,
};
/// Our client and its server.
pub const OURS_TO_PYTHON: Contestant = Contestant {
    name: "bergen-python",
    client: Peer::Bergen,
    server: Peer::Python,
};

/// All pairs, ours first.
pub const CONTESTANTS: [Contestant; 4] = [OURS, OURS_TO_PYTHON, PYTHON_TO_OURS, PYTHON];

/// One of the two libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// This library.
    Bergen,
    /// oslo.messaging.
    Python,
}

impl Peer {
    /// What the tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bergen => "bergen",
            Self::Python => "python",
        }
    }

    /// The topic of its server.
    pub fn topic(self) -> &'static str {
        match self {
            Self::Bergen => "bench-bergen",
            Self::Python => "bench-python",
        }
    }

    /// Whether its client can keep so many calls in flight.
    pub fn can_have(self, in_flight: usize) -> bool {
        self == Self::Bergen || in_flight <= PYTHON_CLIENT_THREADS
    }

    /// Starts a process with so many servers.
    pub async fn server(
        self,
        url: &str,
        topic: &str,
        threads: usize,
        servers: usize,
    ) -> Result<Worker, BenchError> {
        let servers = servers.to_string();
        let command = match self {
            Self::Bergen => {
                let mut command = ours("server", url, topic, threads)?;
                command.args(["--servers", &servers]);
                command
            }
            Self::Python => {
                let mut command = python("rpc_server.py", url, topic)?;
                command.args([&PYTHON_SERVER_THREADS.to_string(), &servers]);
                command
            }
        };
        Worker::start(format!("the {self} server"), command).await
    }

    /// Starts a client of the server of `topic`.
    pub async fn client(
        self,
        url: &str,
        topic: &str,
        threads: usize,
    ) -> Result<Worker, BenchError> {
        let command = match self {
            Self::Bergen => ours("client", url, topic, threads)?,
            Self::Python => python("rpc_client.py", url, topic)?,
        };
        Worker::start(format!("the {self} client"), command).await
    }

    /// Starts a notifier for a topic.
    pub async fn notifier(
        self,
        url: &str,
        topic: &str,
        threads: usize,
    ) -> Result<Worker, BenchError> {
        let command = match self {
            Self::Bergen => ours("notifier", url, topic, threads)?,
            Self::Python => python("notifier.py", url, topic)?,
        };
        Worker::start(format!("the {self} notifier"), command).await
    }

    /// Starts a process that listens on a topic when it is told to.
    pub async fn listener(
        self,
        url: &str,
        topic: &str,
        threads: usize,
    ) -> Result<Worker, BenchError> {
        let command = match self {
            Self::Bergen => ours("listener", url, topic, threads)?,
            Self::Python => python("listener.py", url, topic)?,
        };
        Worker::start(format!("the {self} listener"), command).await
    }

    /// A program that makes one call, says so and ends.
    pub fn once(self, url: &str, topic: &str, threads: usize) -> Result<Command, BenchError> {
        match self {
            Self::Bergen => ours("once", url, topic, threads),
            Self::Python => {
                let mut command = python("rpc_client.py", url, topic)?;
                command.arg("once");
                Ok(command)
            }
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// This program again, as a worker.
fn ours(role: &str, url: &str, topic: &str, threads: usize) -> Result<Command, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let mut command = Command::new(program);
    let threads = threads.to_string();
    command.args(["worker", "--threads", &threads, role, url, topic]);
    Ok(command)
}

fn python(script: &str, url: &str, topic: &str) -> Result<Command, BenchError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("peers")
        .join(script);
    let mut command = Command::new(Tools::locate()?.python);
    command.arg(script).args([url, topic]);
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Its dependencies warn of each other at every start.
        .env("PYTHONWARNINGS", "ignore")
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME");
    Ok(command)
}

/// Notes the versions of Python and of its libraries.
pub fn versions(record: &mut Record) -> Result<(), BenchError> {
    let python = Tools::locate()?.python;
    let python = python.to_string_lossy();
    let ask = "import platform, importlib.metadata as m; \
               print(platform.python_version(), m.version('oslo.messaging'), m.version('amqp'))";
    let answer = output_of(&python, &["-c", ask]);
    let mut words = answer.split(' ');
    for name in ["Python", "oslo.messaging", "amqp (Python)"] {
        record.version(name, words.next().unwrap_or("?"));
    }
    Ok(())
}
