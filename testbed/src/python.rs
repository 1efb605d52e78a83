use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::{ChildStderr, ChildStdout};

use crate::guard::Guarded;
use crate::lines::Lines;
use crate::tools::project_folder;
use crate::{Peer, TestbedError, Tools};

/// A Python program of `interop/peers`: a [`Peer`], which gets its options as a JSON object in its
/// first argument.
#[derive(Debug)]
pub struct PythonPeer(Peer);

impl PythonPeer {
    /// Starts `interop/peers/<script>` and waits until it is ready.
    pub async fn start(script: &str, options: &Value) -> Result<Self, TestbedError> {
        let file = peers_folder().join(script);
        let mut command = python(&file)?;
        command.arg(options.to_string());
        Peer::start(script, command).await.map(Self)
    }

    /// Tells the peer to stop in order, and waits for its end.
    pub async fn stop(self) -> Result<ExitStatus, TestbedError> {
        self.0.stop().await
    }

    /// Kills the peer, as a crash would.
    pub async fn kill(self) -> Result<(), TestbedError> {
        self.0.kill().await
    }

    /// The peer, whatever language it is written in.
    pub fn into_peer(self) -> Peer {
        self.0
    }
}

impl Deref for PythonPeer {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        &self.0
    }
}

impl DerefMut for PythonPeer {
    fn deref_mut(&mut self) -> &mut Peer {
        &mut self.0
    }
}

/// A Python program with plain output, such as oslo.messaging's load simulator. Dropping it kills
/// it.
#[derive(Debug)]
pub struct PythonProgram {
    who: String,
    process: Guarded,
    output: Lines,
}

impl PythonProgram {
    /// Starts oslo.messaging's load simulator with its arguments (global flags before the mode).
    pub fn simulator(arguments: &[&str]) -> Result<Self, TestbedError> {
        let simulator = Tools::locate()?.simulator;
        Self::start(&simulator, arguments)
    }

    /// Starts any script with the Python that has oslo.messaging.
    pub fn start(script: &Path, arguments: &[&str]) -> Result<Self, TestbedError> {
        let who = script
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut command = python(script)?;
        command.args(arguments).stdin(Stdio::null());
        let mut process = Guarded::spawn(who.clone(), &mut command, None)?;
        let output = Lines::default();
        let child = process.child();
        if let Some(stdout) = child.stdout.take() {
            let stdout = ChildStdout::from_std(stdout).map_err(TestbedError::io("its output"))?;
            tokio::spawn(output.clone().collect(stdout));
        }
        if let Some(stderr) = child.stderr.take() {
            let stderr = ChildStderr::from_std(stderr).map_err(TestbedError::io("its errors"))?;
            tokio::spawn(output.clone().collect(stderr));
        }
        Ok(Self {
            who,
            process,
            output,
        })
    }

    /// Waits until it has printed a line that contains `text`, and returns the line.
    pub async fn line_with(&self, text: &str, limit: Duration) -> Result<String, TestbedError> {
        let found = async {
            let mut count = self.output.count.subscribe();
            loop {
                if let Some(line) = self.output.find(text) {
                    return line;
                }
                // The sender is ours: it cannot be gone.
                let _ = count.changed().await;
            }
        };
        tokio::time::timeout(limit, found)
            .await
            .map_err(|_| TestbedError::Late {
                who: self.who.clone(),
                what: format!("print {text:?}"),
                limit,
                output: self.output.tail(),
            })
    }

    /// Waits for its end and returns its exit status with what it printed.
    pub async fn finish(mut self, limit: Duration) -> Result<(ExitStatus, String), TestbedError> {
        let ended = self.process.wait(limit).await;
        let status = ended.map_err(|_| TestbedError::Late {
            who: self.who.clone(),
            what: "end".to_owned(),
            limit,
            output: self.output.tail(),
        })?;
        self.output.closed().await;
        Ok((status, self.output.tail()))
    }

    /// Asks it to end (`SIGTERM`), then waits; afterwards it is killed.
    pub async fn stop(mut self, limit: Duration) -> Result<(ExitStatus, String), TestbedError> {
        let status = self.process.stop(limit).await?;
        self.output.closed().await;
        Ok((status, self.output.tail()))
    }

    /// What it has printed so far, at most the last lines.
    pub fn output(&self) -> String {
        self.output.tail()
    }
}

/// The Python of the virtual environment with a script, its output piped and unbuffered.
fn python(script: &Path) -> Result<Command, TestbedError> {
    let tools = Tools::locate()?;
    if !script.exists() {
        return Err(TestbedError::missing(script));
    }
    let mut command = Command::new(tools.python);
    command
        .arg(script)
        .env("PYTHONUNBUFFERED", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONWARNINGS", "ignore")
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

fn peers_folder() -> PathBuf {
    project_folder().join("interop/peers")
}
