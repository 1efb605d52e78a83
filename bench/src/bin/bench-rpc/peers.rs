//! Who plays: ours and the Python library, and how their processes are started.

use std::fmt;
use std::path::Path;
use std::process::Command;

use bergen_bench::BenchError;
use bergen_bench::worker::Worker;
use bergen_testbed::Tools;

use crate::PYTHON_CLIENT_THREADS;

/// Threads of the Python server's executor.
pub(crate) const PYTHON_SERVER_THREADS: usize = 32;

/// A client of one peer against a server of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) client: Peer,
    pub(crate) server: Peer,
}

pub(crate) const OURS: Contestant = Contestant {
    name: "bergen-bergen",
    client: Peer::Bergen,
    server: Peer::Bergen,
};
pub(crate) const PYTHON: Contestant = Contestant {
    name: "python-python",
    client: Peer::Python,
    server: Peer::Python,
};
pub(crate) const PYTHON_TO_OURS: Contestant = Contestant {
    name: "python-bergen",
    client: Peer::Python,
    server: Peer::Bergen,
};
pub(crate) const OURS_TO_PYTHON: Contestant = Contestant {
    name: "bergen-python",
    client: Peer::Bergen,
    server: Peer::Python,
};

/// All pairs, ours first.
pub(crate) const CONTESTANTS: [Contestant; 4] = [OURS, OURS_TO_PYTHON, PYTHON_TO_OURS, PYTHON];

/// One of the two libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Bergen,
    Python,
}

impl Peer {
    /// The topic of its server.
    pub(crate) fn topic(self) -> &'static str {
        match self {
            Self::Bergen => "bench-bergen",
            Self::Python => "bench-python",
        }
    }

    /// Whether its client can keep so many calls in flight.
    pub(crate) fn can_have(self, in_flight: usize) -> bool {
        self == Self::Bergen || in_flight <= PYTHON_CLIENT_THREADS
    }

    /// Starts a server.
    pub(crate) async fn server(
        self,
        url: &str,
        topic: &str,
        threads: usize,
    ) -> Result<Worker, BenchError> {
        let command = match self {
            Self::Bergen => ours("server", url, topic, threads)?,
            Self::Python => {
                let mut command = python("rpc_server.py", url, topic)?;
                command.arg(PYTHON_SERVER_THREADS.to_string());
                command
            }
        };
        Worker::start(format!("the {self} server"), command).await
    }

    /// Starts a client of the server of `topic`.
    pub(crate) async fn client(
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

    /// A program that makes one call, says so and ends.
    pub(crate) fn once(
        self,
        url: &str,
        topic: &str,
        threads: usize,
    ) -> Result<Command, BenchError> {
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
        f.write_str(match self {
            Self::Bergen => "bergen",
            Self::Python => "python",
        })
    }
}

/// This program again, as a worker.
fn ours(role: &str, url: &str, topic: &str, threads: usize) -> Result<Command, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let mut command = Command::new(program);
    command.args([
        "--threads",
        &threads.to_string(),
        "worker",
        role,
        url,
        topic,
    ]);
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
