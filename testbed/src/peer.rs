use std::collections::HashMap;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};

use crate::TestbedError;
use crate::guard::Guarded;
use crate::lines::Lines;

/// How long a peer may take to start (Python reads some hundred files) or to answer, unless said
/// otherwise.
const LIMIT: Duration = Duration::from_mins(1);

/// A program that is spoken to in lines of JSON.
///
/// It prints `{"ready": true, …}` when it can be used. A command is one line
/// `{"id": n, "op": …}`, its answer one line with the same `id`; answers may overtake each other,
/// so commands can be sent concurrently. Lines without `id` are events. Dropping the peer kills it.
#[derive(Debug)]
pub struct Peer {
    who: String,
    process: Guarded,
    commands: mpsc::UnboundedSender<(Value, oneshot::Sender<Value>)>,
    events: mpsc::UnboundedReceiver<Value>,
    output: Lines,
    ready: Value,
}

impl Peer {
    /// Starts a program under a name for messages, and waits until it is ready.
    pub async fn start(who: impl Into<String>, mut command: Command) -> Result<Self, TestbedError> {
        let who = who.into();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Guarded::spawn(who.clone(), &mut command, None)?;
        let output = Lines::default();
        let child = process.child();
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(TestbedError::missing(who));
        };
        let stdin = ChildStdin::from_std(stdin).map_err(TestbedError::io("a peer's input"))?;
        let stdout = ChildStdout::from_std(stdout).map_err(TestbedError::io("a peer's output"))?;
        let stderr = ChildStderr::from_std(stderr).map_err(TestbedError::io("a peer's errors"))?;
        tokio::spawn(output.clone().collect(stderr));
        let (commands, queue) = mpsc::unbounded_channel();
        let (event, events) = mpsc::unbounded_channel();
        tokio::spawn(converse(stdin, stdout, queue, event, output.clone()));
        let mut peer = Self {
            who,
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

    /// The lines that are no answers, from now on for the caller alone: [`event`](Self::event) sees
    /// none any more. They end when the program has ended.
    pub fn take_events(&mut self) -> mpsc::UnboundedReceiver<Value> {
        std::mem::replace(&mut self.events, mpsc::unbounded_channel().1)
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
