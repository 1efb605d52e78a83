use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bergen_testbed::{Guarded, PythonPeer};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::mpsc;

use crate::Error;
use crate::command::built;

/// Nothing in the demo takes this long.
const LIMIT: Duration = Duration::from_secs(20);
/// What takes longer is worth a word.
const NOTABLE: Duration = Duration::from_millis(500);

/// Where the demo plays.
pub(super) struct Stage {
    url: String,
}

/// A `bergen serve`.
pub(super) struct Server {
    name: String,
    process: Guarded,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Stage {
    pub(super) fn new(url: String) -> Self {
        Self { url }
    }

    /// Starts a server of the topic and waits for the line with which it says that it is ready.
    pub(super) async fn serve(&self, name: &str) -> Result<Server, Error> {
        let arguments = format!("serve --topic compute --server {name}");
        typed(&arguments);
        let mut command = self.program(&arguments);
        // What arrives is shown from its log.
        command.env("RUST_LOG", "bergen_messaging::rpc=debug");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Guarded::spawn("bergen serve", &mut command, None)?;
        let lost = || Error::Wrong("bergen serve has no output".to_owned());
        let child = process.child();
        let (stdout, stderr) = child
            .stdout
            .take()
            .zip(child.stderr.take())
            .ok_or_else(lost)?;
        let stdout = ChildStdout::from_std(stdout).map_err(|_| lost())?;
        let stderr = ChildStderr::from_std(stderr).map_err(|_| lost())?;
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(forward(stdout, sender.clone()));
        tokio::spawn(forward(stderr, sender));
        let mut server = Server {
            name: name.to_owned(),
            process,
            lines,
        };
        println!("{}", server.line_with(&["ready: "]).await?);
        Ok(server)
    }

    /// Runs `bergen` as one would type it, shows what it says, and checks that: the exit code,
    /// and parts of the output.
    pub(super) async fn bergen(
        &self,
        arguments: &str,
        code: i32,
        parts: &[&str],
    ) -> Result<(), Error> {
        typed(arguments);
        let start = Instant::now();
        let mut command = tokio::process::Command::from(self.program(arguments));
        let output = command.kill_on_drop(true).output().await;
        let output = output.map_err(|source| Error::Start {
            program: "bergen".to_owned(),
            source,
        })?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        print!("{said}");
        if output.status.code() != Some(0) {
            comment(&output.status.to_string());
        }
        took(start);
        if output.status.code() != Some(code) {
            return Err(Error::Wrong(format!("expected exit code {code} here")));
        }
        holds(&said, parts)
    }

    /// Lets the Python client call a method, shows the answer, and checks that.
    ///
    /// `more` is what is special about the call: server, timeout, `call_monitor_timeout`.
    pub(super) async fn python(
        &self,
        client: &PythonPeer,
        more: Value,
        method: &str,
        arguments: Value,
        parts: &[&str],
    ) -> Result<(), Error> {
        let prepared = in_python(&more);
        let shown = in_python(&arguments);
        let comma = if shown.is_empty() { "" } else { ", " };
        println!(">>> client.prepare({prepared}).call({{}}, {method:?}{comma}{shown})");
        let mut command = json!({"op": "call", "method": method, "args": arguments,
            "target": {"topic": "compute", "server": more.get("server")}});
        for name in ["timeout", "call_monitor_timeout"] {
            if let (Some(value), Some(command)) = (more.get(name), command.as_object_mut()) {
                command.insert(name.to_owned(), value.clone());
            }
        }
        let start = Instant::now();
        let answer = client.request(command).await?;
        let said = match answer.get("error") {
            None => answer.get("result").unwrap_or(&Value::Null).to_string(),
            Some(error) => raised(error),
        };
        println!("{said}");
        took(start);
        holds(&said, parts)
    }

    fn program(&self, arguments: &str) -> Command {
        let mut command = Command::new(built("bergen"));
        command
            .args(arguments.split_whitespace())
            .env("TRANSPORT_URL", &self.url)
            .env("RUST_LOG", "off")
            .stdin(Stdio::null());
        command
    }
}

impl Server {
    /// Waits until it says that it received a request like this.
    pub(super) async fn received(&mut self, method: &str, arguments: &str) -> Result<(), Error> {
        self.line_with(&["received", method, arguments]).await?;
        println!("{} got it", self.name);
        Ok(())
    }

    /// Stops it in order, and checks that it ended well.
    pub(super) async fn stop(mut self) -> Result<(), Error> {
        let status = self.process.stop(LIMIT).await?;
        comment(&format!("{} ended with {status}", self.name));
        if status.success() {
            return Ok(());
        }
        Err(Error::Wrong(format!("{} did not end in order", self.name)))
    }

    async fn line_with(&mut self, parts: &[&str]) -> Result<String, Error> {
        let wanted = async {
            while let Some(line) = self.lines.recv().await {
                if parts.iter().all(|part| line.contains(part)) {
                    return Some(line);
                }
            }
            None
        };
        let line = tokio::time::timeout(LIMIT, wanted).await.ok().flatten();
        line.ok_or_else(|| Error::Wrong(format!("{} did not say {parts:?}", self.name)))
    }
}

pub(super) fn heading(text: &str) {
    println!("\n── {text}");
}

/// Says something that nobody typed and no program answered.
pub(super) fn comment(text: &str) {
    println!("# {text}");
}

fn typed(arguments: &str) {
    println!("$ bergen {arguments}");
}

fn took(start: Instant) {
    let took = start.elapsed();
    if took > NOTABLE {
        comment(&format!("after {:.1} s", took.as_secs_f64()));
    }
}

fn holds(said: &str, parts: &[&str]) -> Result<(), Error> {
    match parts.iter().find(|part| !said.contains(**part)) {
        None => Ok(()),
        Some(part) => Err(Error::Wrong(format!("expected {part:?} in this answer"))),
    }
}

/// Keyword arguments as one writes them.
fn in_python(arguments: &Value) -> String {
    let nothing = Map::new();
    let arguments: Vec<_> = arguments
        .as_object()
        .unwrap_or(&nothing)
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    arguments.join(", ")
}

/// An exception as Python shows it, without the lines of the remote traceback.
fn raised(error: &Value) -> String {
    let text = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let first = text("str").lines().next().unwrap_or_default();
    format!("{}.{}: {first}", text("module"), text("type"))
}

async fn forward(pipe: impl AsyncRead + Unpin, lines: mpsc::UnboundedSender<String>) {
    let mut pipe = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = pipe.next_line().await {
        if lines.send(line).is_err() {
            return;
        }
    }
}
