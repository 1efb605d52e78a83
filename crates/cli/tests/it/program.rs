//! Running `bergen`, in the foreground and as a service.

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bergen_testbed::{Guarded, TestVhost};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::mpsc;

/// No command of these tests takes this long.
const LIMIT: Duration = Duration::from_mins(1);

/// The program, as an operator has it: no settings from elsewhere, no terminal.
pub(crate) fn program(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bergen"));
    command
        .args(arguments)
        .env("TRANSPORT_URL", url)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

/// Runs a command to its end.
pub(crate) async fn bergen(url: &str, arguments: &[&str]) -> Ended {
    finish(program(url, arguments)).await
}

/// Runs a command that was put together by hand.
pub(crate) async fn finish(command: Command) -> Ended {
    let start = Instant::now();
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(LIMIT, output).await;
    let output = output.expect("bergen ends in time").expect("bergen runs");
    Ended {
        code: output.status.code().expect("no signal killed bergen"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        took: start.elapsed(),
    }
}

impl Ended {
    /// Asserts the exit code; everything that was printed is shown if it is another.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Asserts that stderr holds all of it.
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "no {part:?} in {self:#?}");
        }
        self
    }

    /// The one line of JSON on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A command that runs until it is told to end, with its lines as they come.
pub(crate) struct Service {
    pub(crate) process: Guarded,
    pub(crate) ready: String,
    lines: mpsc::UnboundedReceiver<String>,
    seen: Vec<String>,
}

impl Service {
    /// Starts it and waits for the line that says that it is ready.
    pub(crate) async fn start(url: &str, arguments: &[&str]) -> Self {
        Self::spawn(program(url, arguments)).await
    }

    /// `bergen serve` on a topic, under a name.
    pub(crate) async fn serve(vhost: &TestVhost, topic: &str, server: &str) -> Self {
        let url = vhost.url();
        Self::start(
            &url,
            &["serve", "-vv", "--topic", topic, "--server", server],
        )
        .await
    }

    pub(crate) async fn spawn(command: Command) -> Self {
        Self::spawn_until(command, "ready: ").await
    }

    /// Starts it and waits for the line that holds `ready`.
    pub(crate) async fn spawn_until(mut command: Command, ready: &str) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Guarded::spawn("bergen", &mut command, None).unwrap();
        let child = process.child();
        let stdout = ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
        let stderr = ChildStderr::from_std(child.stderr.take().unwrap()).unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(forward(stdout, sender.clone()));
        tokio::spawn(forward(stderr, sender));
        let mut service = Self {
            process,
            ready: String::new(),
            lines,
            seen: Vec::new(),
        };
        service.ready = service.line_with(ready).await;
        service
    }

    /// Waits for a line, on stdout or stderr, that holds `text`; lines before it are passed over.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        let wait = async {
            while let Some(line) = self.lines.recv().await {
                self.seen.push(line.clone());
                if line.contains(text) {
                    return line;
                }
            }
            panic!("bergen ended without saying {text:?}: {:#?}", self.seen)
        };
        let found = tokio::time::timeout(Duration::from_secs(20), wait).await;
        found.unwrap_or_else(|_| panic!("bergen did not say {text:?}"))
    }

    /// Sends a signal by the name that `kill` knows.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.process.id(), name);
    }

    /// Waits for its end by itself; everything that it printed since, and before.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
        let status = self.process.wait(Duration::from_secs(20)).await.unwrap();
        while let Some(line) = self.lines.recv().await {
            self.seen.push(line);
        }
        (status, self.seen.join("\n"))
    }

    /// Stops it in order.
    pub(crate) async fn stop(self) -> String {
        self.signal("TERM");
        let (status, output) = self.end().await;
        assert_eq!(status.code(), Some(0), "{output}");
        output
    }
}

/// Sends a signal to a process by the name that `kill` knows.
pub(crate) fn signal(process: u32, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success(), "kill -s {name} {process}: {status}");
}

async fn forward(pipe: impl AsyncRead + Unpin, lines: mpsc::UnboundedSender<String>) {
    let mut pipe = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = pipe.next_line().await {
        if lines.send(line).is_err() {
            return;
        }
    }
}
