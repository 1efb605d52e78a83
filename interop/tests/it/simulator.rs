//! The load simulator of the upstream project, unmodified, as the other side of ours.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bergen_testbed::{PythonProgram, TestVhost};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const LIMIT: Duration = Duration::from_secs(90);

/// The `bergen` program, which the test run has built.
pub(crate) fn bergen() -> Command {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/debug");
    let mut command = Command::new(folder.join("bergen"));
    command.kill_on_drop(true).stderr(Stdio::inherit());
    command
}

/// Our side as a server, ready.
async fn our_server(url: &str, server: &str, more: &[&str]) -> Child {
    let mut command = bergen();
    command
        .args([
            "--url",
            url,
            "sim",
            "rpc-server",
            "--server",
            server,
            "--json",
            "-",
        ])
        .args(more);
    // With the series on stdout, what is for humans to read is on stderr.
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("target/debug/bergen: run cargo build -p bergen-cli");
    let stderr = child.stderr.as_mut().unwrap();
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(1, stderr);
    tokio::time::timeout(LIMIT, reader.read_line(&mut line))
        .await
        .expect("our server does not get ready")
        .unwrap();
    assert!(line.trim_start().starts_with("ready"), "{line}");
    child
}

/// Ends our server; what it counted.
async fn counted(child: Child) -> u64 {
    let pid = child.id().unwrap();
    let killed = Command::new("kill")
        .arg(pid.to_string())
        .status()
        .await
        .unwrap();
    assert!(killed.success());
    summary(child).await["server"]["count"].as_u64().unwrap()
}

/// Waits for our side to end; the summary of its JSON.
pub(crate) async fn summary(child: Child) -> Value {
    let output = tokio::time::timeout(LIMIT, child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let json = text
        .lines()
        .find(|line| line.starts_with('{'))
        .unwrap_or_else(|| panic!("no JSON in {text}"));
    assert!(output.status.success(), "{text}");
    serde_json::from_str::<Value>(json).unwrap()["summary"].clone()
}

pub(crate) async fn their_client(arguments: &[&str]) -> String {
    let client = PythonProgram::simulator(arguments).unwrap();
    let (status, output) = client.finish(LIMIT).await.unwrap();
    assert!(status.success(), "{output}");
    output
}

#[tokio::test]
async fn their_calls_to_our_server() {
    let vhost = TestVhost::new("sim-calls").await.unwrap();
    let url = vhost.url();
    let server = our_server(&url, "profiler_server", &[]).await;
    their_client(&[
        "--url",
        &url,
        "rpc-client",
        "-p",
        "8",
        "-m",
        "50",
        "--timeout",
        "20",
    ])
    .await;
    assert_eq!(counted(server).await, 400);
}

#[tokio::test]
async fn their_calls_to_any_of_our_servers() {
    let vhost = TestVhost::new("sim-any").await.unwrap();
    let url = vhost.url();
    let (one, two) = (
        our_server(&url, "one", &[]).await,
        our_server(&url, "two", &[]).await,
    );
    their_client(&[
        "-tg",
        "profiler_topic",
        "--url",
        &url,
        "rpc-client",
        "-p",
        "4",
        "-m",
        "50",
        "--timeout",
        "20",
    ])
    .await;
    let (one, two) = (counted(one).await, counted(two).await);
    assert_eq!(one + two, 200);
    assert!(one > 0 && two > 0, "{one} and {two}");
}

#[tokio::test]
async fn their_casts_and_fanouts_to_our_servers() {
    let vhost = TestVhost::new("sim-casts").await.unwrap();
    let url = vhost.url();
    let (one, two) = (
        our_server(&url, "profiler_server", &[]).await,
        our_server(&url, "two", &[]).await,
    );
    their_client(&["--url", &url, "rpc-client", "--is-cast", "-m", "100"]).await;
    their_client(&[
        "-tg",
        "profiler_topic",
        "--url",
        &url,
        "rpc-client",
        "--is-cast",
        "--is-fanout",
        "-m",
        "50",
    ])
    .await;
    assert_eq!((counted(one).await, counted(two).await), (150, 50));
}

#[tokio::test]
async fn their_synchronised_client_ends_our_server() {
    let vhost = TestVhost::new("sim-sync").await.unwrap();
    let url = vhost.url();
    let server = our_server(&url, "profiler_server", &[]).await;
    their_client(&[
        "--url",
        &url,
        "rpc-client",
        "--sync",
        "call",
        "-m",
        "20",
        "--timeout",
        "20",
    ])
    .await;
    assert_eq!(summary(server).await["server"]["count"], 20);
}

/// Our client, and what it measured.
async fn our_client(url: &str, arguments: &[&str]) -> Value {
    let mut command = bergen();
    command
        .args(["--url", url, "sim", "rpc-client", "--json", "-"])
        .args(arguments);
    summary(command.stdout(Stdio::piped()).spawn().unwrap()).await
}

fn their_server(url: &str, more: &[&str]) -> PythonProgram {
    let mut arguments = vec!["--url", url, "rpc-server"];
    arguments.extend(more);
    PythonProgram::simulator(&arguments).unwrap()
}

#[tokio::test]
async fn our_calls_to_their_server_which_ends_after_the_last_client() {
    let vhost = TestVhost::new("sim-ours").await.unwrap();
    let url = vhost.url();
    let server = their_server(&url, &[]);
    wait_for_consumers(&vhost).await;
    let arguments = ["-p", "4", "-m", "50", "--timeout", "20", "--sync", "call"];
    let summary = our_client(&url, &arguments).await;
    assert_eq!(
        (
            summary["round_trip"]["count"].clone(),
            summary["error"]["count"].clone()
        ),
        (200.into(), 0.into())
    );
    let (_, output) = server.finish(LIMIT).await.unwrap();
    assert!(!output.is_empty());
}

#[tokio::test]
async fn our_monitored_calls_outlast_their_slow_server() {
    let vhost = TestVhost::new("sim-slow").await.unwrap();
    let url = vhost.url();
    let _server = their_server(&url, &["-w", "4"]);
    wait_for_consumers(&vhost).await;
    let summary = our_client(&url, &["-m", "1", "--timeout", "20", "--monitor", "2"]).await;
    assert_eq!(
        (
            summary["round_trip"]["count"].clone(),
            summary["error"]["count"].clone()
        ),
        (1.into(), 0.into())
    );
}

#[tokio::test]
async fn our_casts_and_fanouts_to_their_server() {
    let vhost = TestVhost::new("sim-our-casts").await.unwrap();
    let url = vhost.url();
    let report = std::env::temp_dir().join(format!("bergen-sim-{}.json", std::process::id()));
    let path = report.to_str().unwrap();
    let server = PythonProgram::simulator(&["-j", path, "--url", &url, "rpc-server"]).unwrap();
    wait_for_consumers(&vhost).await;
    let summary = our_client(&url, &["--is-cast", "-m", "100"]).await;
    assert_eq!(summary["error"]["count"], 0);
    let arguments = [
        "--targets",
        "profiler_topic",
        "--is-cast",
        "--is-fanout",
        "-m",
        "50",
    ];
    assert_eq!(our_client(&url, &arguments).await["error"]["count"], 0);
    // The synchronised call is behind the casts in the queue of the server, and ends it.
    our_client(&url, &["-m", "1", "--timeout", "20", "--sync", "call"]).await;
    server.finish(LIMIT).await.unwrap();
    assert_eq!(their_count(&report), 151);
}

/// What a server of theirs has written down.
pub(crate) fn their_count(report: &Path) -> u64 {
    let text = std::fs::read_to_string(report).unwrap();
    std::fs::remove_file(report).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let rows = report["series"]["server"].as_array().unwrap().iter();
    rows.map(|row| row["count"].as_u64().unwrap()).sum()
}

async fn wait_for_consumers(vhost: &TestVhost) {
    crate::support::eventually("their server", || async {
        let consumers = vhost
            .management()
            .consumers(vhost.name())
            .await
            .unwrap_or_default();
        consumers.len() >= 3
    })
    .await;
}
