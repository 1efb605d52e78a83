use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot, watch};

use crate::guard::Guarded;
use crate::tools::project_folder;
use crate::{TestbedError, Tools};

/// How long a peer may take to start (Python reads some hundred files) or to answer, unless said
/// otherwise.
const LIMIT: Duration = Duration::from_mins(1);

/// How many of a program's last lines are kept to be shown when something fails.
const TAIL: usize = 400;

/// A Python program of `interop/peers`, spoken to in lines of JSON.
///
/// It gets its options as a JSON object in its first argument and prints `{"ready": true, …}`.
/// A command is one line `{"id": n, "op": …}`, its answer one line with the same `id`; answers
/// may overtake each other, so commands can be sent concurrently. Lines without `id` are events.
/// Dropping the peer kills it.
#[derive(Debug)]
pub struct PythonPeer {
    who: String,
    process: Guarded,
    commands: mpsc::UnboundedSender<(Value, oneshot::Sender<Value>)>,
    events: mpsc::UnboundedReceiver<Value>,
    output: Lines,
    ready: Value,
}

impl PythonPeer {
    /// Starts `interop/peers/<script>` and waits until it is ready.
    pub async fn start(script: &str, options: &Value) -> Result<Self, TestbedError> {
        let file = peers_folder().join(script);
        let mut command = python(&file)?;
        command.arg(options.to_string()).stdin(Stdio::piped());
        let mut process = Guarded::spawn(script, &mut command, None)?;
        let output = Lines::default();
        let child = process.child();
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(TestbedError::missing(file));
        };
        let stdin = ChildStdin::from_std(stdin).map_err(TestbedError::io("a peer's input"))?;
        let stdout = ChildStdout::from_std(stdout).map_err(TestbedError::io("a peer's output"))?;
        let stderr = ChildStderr::from_std(stderr).map_err(TestbedError::io("a peer's errors"))?;
        tokio::spawn(output.clone().collect(stderr));
        let (commands, queue) = mpsc::unbounded_channel();
        let (event, events) = mpsc::unbounded_channel();
        tokio::spawn(converse(stdin, stdout, queue, event, output.clone()));
        let mut peer = Self {
            who: script.to_owned(),
            process,
            commands,
            events,
            output,
            ready: Value::Null,
        };
        peer.ready = peer.event(LIMIT).await?;
        if peer.ready.get("ready") != Some(&Value::Bool(true)) {
            return Err(TestbedError::NotJson {
                who: peer.who.clone(),
                line: peer.ready.to_string(),
                output: peer.output.tail(),
            });
        }
        Ok(peer)
    }

    /// The line with which it said that it was ready.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// Sends a command (an object) and waits for its answer, at most a minute.
    pub async fn request(&self, command: Value) -> Result<Value, TestbedError> {
        self.request_within(command, LIMIT).await
    }

    /// Sends a command (an object) and waits for its answer.
    pub async fn request_within(
        &self,
        command: Value,
        limit: Duration,
    ) -> Result<Value, TestbedError> {
        let what = format!("answer {command}");
        let (sender, answer) = oneshot::channel();
        if self.commands.send((command, sender)).is_err() {
            return Err(self.ended());
        }
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(self.ended()),
            Err(_) => Err(self.late(what, limit)),
        }
    }

    /// The next line that is no answer.
    pub async fn event(&mut self, limit: Duration) -> Result<Value, TestbedError> {
        match tokio::time::timeout(limit, self.events.recv()).await {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(self.ended()),
            Err(_) => Err(self.late("say anything".to_owned(), limit)),
        }
    }

    /// Tells the peer to stop in order, and waits for its end.
    pub async fn stop(mut self) -> Result<ExitStatus, TestbedError> {
        let stopped = self.request_within(json!({"op": "stop"}), Duration::from_secs(20));
        if let Err(error) = stopped.await {
            self.process.kill().await?;
            return Err(error);
        }
        let ended = self.process.wait(Duration::from_secs(20)).await;
        ended.map_err(|_| {
            self.late(
                "end after it had stopped".to_owned(),
                Duration::from_secs(20),
            )
        })
    }

    /// Kills the peer, as a crash would.
    pub async fn kill(mut self) -> Result<(), TestbedError> {
        self.process.kill().await.map(|_| ())
    }

    /// The process itself: its number, signals.
    pub fn process(&mut self) -> &mut Guarded {
        &mut self.process
    }

    /// The end of what it printed on its standard error.
    pub fn output(&self) -> String {
        self.output.tail()
    }

    fn ended(&self) -> TestbedError {
        TestbedError::Ended {
            who: self.who.clone(),
            status: "its output ended".to_owned(),
            output: self.output.tail(),
        }
    }

    fn late(&self, what: String, limit: Duration) -> TestbedError {
        TestbedError::Late {
            who: self.who.clone(),
            what,
            limit,
            output: self.output.tail(),
        }
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

/// The last lines of a program's output.
#[derive(Clone, Debug, Default)]
struct Lines {
    kept: Arc<Mutex<VecDeque<String>>>,
    /// Goes up with every line and at the end.
    count: Arc<watch::Sender<u64>>,
    readers: Arc<watch::Sender<usize>>,
}

impl Lines {
    async fn collect(self, from: impl AsyncRead + Unpin) {
        self.readers.send_modify(|readers| *readers += 1);
        let mut from = BufReader::new(from).lines();
        while let Ok(Some(line)) = from.next_line().await {
            self.push(line);
        }
        self.readers.send_modify(|readers| *readers -= 1);
    }

    /// Waits until the program's pipes are closed, not for long: a grandchild may hold them.
    async fn closed(&self) {
        let mut readers = self.readers.subscribe();
        let closed = readers.wait_for(|readers| *readers == 0);
        let _ = tokio::time::timeout(Duration::from_secs(2), closed).await;
    }

    fn push(&self, line: String) {
        let mut lines = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL {
            lines.pop_front();
        }
        lines.push_back(line);
        drop(lines);
        self.count.send_modify(|count| *count += 1);
    }

    fn find(&self, text: &str) -> Option<String> {
        let lines = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().find(|line| line.contains(text)).cloned()
    }

    fn tail(&self) -> String {
        let mut lines = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        lines.make_contiguous().join("\n")
    }
}

/// Numbers commands, writes them, and hands answers to those who wait for them.
async fn converse(
    mut stdin: ChildStdin,
    stdout: ChildStdout,
    mut queue: mpsc::UnboundedReceiver<(Value, oneshot::Sender<Value>)>,
    events: mpsc::UnboundedSender<Value>,
    output: Lines,
) {
    let mut waiting = HashMap::new();
    let mut next_id = 0_u64;
    let mut lines = BufReader::new(stdout).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Ok(Some(line)) = line else { return };
                let Ok(value) = serde_json::from_str::<Value>(&line) else {
                    output.push(format!("(not JSON) {line}"));
                    continue;
                };
                let waiter = value.get("id").and_then(Value::as_u64).and_then(|id| waiting.remove(&id));
                let _ = match waiter {
                    Some(waiter) => oneshot::Sender::send(waiter, value),
                    None => events.send(value).map_err(|error| error.0),
                };
            }
            command = queue.recv() => {
                let Some((mut command, waiter)) = command else { return };
                next_id += 1;
                waiting.insert(next_id, waiter);
                if let Some(command) = command.as_object_mut() {
                    command.insert("id".to_owned(), json!(next_id));
                }
                if stdin.write_all(format!("{command}\n").as_bytes()).await.is_err() {
                    return;
                }
            }
        }
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
