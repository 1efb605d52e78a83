use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use bergen_testbed::{Guarded, PythonPeer, RabbitNode, TestbedError};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStdout;

use crate::command::{cargo, root, shown};
use crate::{Error, broker, setup};

/// Shows Rust and Python calling each other over a private RabbitMQ.
pub(crate) fn run() -> Result<(), Error> {
    setup::run()?;
    shown(cargo().args(["build", "--quiet", "--locked", "--package", "bergen-cli"]))?;
    broker::runtime()?.block_on(scenes())
}

async fn scenes() -> Result<(), Error> {
    heading("A private RabbitMQ");
    let mut rabbit = RabbitNode::start_default().await?;
    println!("listening on 127.0.0.1:{}", rabbit.port());
    let stage = Stage {
        url: rabbit.url(""),
    };

    heading("A service in Rust, on the topic compute");
    let mut rust = stage
        .serve(&["serve", "--topic", "compute", "--server", "rust-1"])
        .await?;

    heading("A service in Python, on the topic conductor: unmodified oslo.messaging");
    let options =
        json!({"url": stage.url, "topic": "conductor", "server": "python-1", "ping": true});
    let python = PythonPeer::start("rpc_server.py", &options).await?;
    println!("ready: interop/peers/rpc_server.py with the threading executor");

    heading("Rust calls Rust");
    stage
        .bergen(&["call", "compute", "add", "a:=2", "b:=3"])
        .await?;
    stage.bergen(&["call", "compute", "whoami"]).await?;

    heading("Rust calls Python");
    stage
        .bergen(&["call", "conductor", "add", "a:=2", "b:=3"])
        .await?;
    stage
        .bergen(&[
            "call",
            "conductor",
            "whoami",
            "--context",
            "request_id=req-1",
        ])
        .await?;
    stage
        .bergen(&[
            "call",
            "conductor",
            "whoami",
            "--namespace",
            "namespaced",
            "--version",
            "2.1",
        ])
        .await?;
    stage
        .bergen(&["call", "conductor", "fail", "kind=kwargs", "message=no"])
        .await?;
    stage
        .bergen(&["ping", "conductor", "--server", "python-1"])
        .await?;

    heading("Python calls Rust");
    let client = PythonPeer::start("rpc_client.py", &json!({"url": stage.url})).await?;
    call(&client, "add", json!({"a": 2, "b": 3})).await?;
    call(&client, "whoami", json!({})).await?;
    let missing = json!({"module": "nova.exception", "class": "InstanceNotFound",
        "message": "no instance 8a2f", "kwargs": {"instance_id": "8a2f"}});
    call(&client, "fail", missing).await?;
    call(&client, "no_such_method", json!({})).await?;

    heading("Nobody listens there: known after a few seconds, not after a minute");
    stage
        .bergen(&["call", "nowhere", "add", "a:=2", "b:=3"])
        .await?;

    heading("The broker restarts while Python waits for an answer from Rust");
    let (answered, restarted) =
        tokio::join!(call(&client, "sleep", json!({"seconds": 8})), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            println!("(RabbitMQ goes down)");
            let restarted = rabbit.restart().await;
            println!("(RabbitMQ is back)");
            restarted
        });
    restarted?;
    answered?;

    heading("All stop in order");
    client.stop().await?;
    python.stop().await?;
    let status = rust.stop(Duration::from_secs(20)).await?;
    println!("bergen serve ended with {status}");
    rabbit.stop().await?;
    Ok(())
}

/// Where the demo plays.
struct Stage {
    url: String,
}

impl Stage {
    /// Starts a service and waits for the line with which it says that it is ready.
    async fn serve(&self, arguments: &[&str]) -> Result<Guarded, Error> {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .env("TRANSPORT_URL", &self.url)
            .stdout(Stdio::piped());
        typed(arguments);
        let mut service = Guarded::spawn("bergen serve", &mut command, None)?;
        let silent = || Error::Wrong("bergen serve did not become ready".to_owned());
        let stdout = service.child().stdout.take().ok_or_else(silent)?;
        let stdout = ChildStdout::from_std(stdout).map_err(|_| silent())?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await;
        println!(
            "{}",
            ready
                .ok()
                .and_then(Result::ok)
                .flatten()
                .ok_or_else(silent)?
        );
        Ok(service)
    }

    /// Runs `bergen` as one would type it; its failures are part of the show.
    async fn bergen(&self, arguments: &[&str]) -> Result<(), Error> {
        typed(arguments);
        let mut command = tokio::process::Command::new(program());
        command.args(arguments).env("TRANSPORT_URL", &self.url);
        let status = command.status().await.map_err(|source| Error::Start {
            program: "bergen".to_owned(),
            source,
        })?;
        if !status.success() {
            println!("({status})");
        }
        Ok(())
    }
}

/// Lets the Python client call a method of the Rust service.
async fn call(client: &PythonPeer, method: &str, arguments: Value) -> Result<(), TestbedError> {
    let shown: Vec<_> = arguments
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!(", {name}={value}"))
        .collect();
    println!(">>> client.call({{}}, {method:?}{})", shown.concat());
    let command = json!({"op": "call", "target": {"topic": "compute"}, "method": method,
        "args": arguments, "timeout": 30});
    let answer = client.request(command).await?;
    let Some(error) = answer.get("error") else {
        println!("{}", answer.get("result").unwrap_or(&Value::Null));
        return Ok(());
    };
    let text = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let first = text("str").lines().next().unwrap_or_default();
    println!("{}.{}: {first}", text("module"), text("type"));
    Ok(())
}

fn typed(arguments: &[&str]) {
    println!("$ bergen {}", arguments.join(" "));
}

fn heading(text: &str) {
    println!("\n── {text}");
}

/// The program as Cargo built it, beside the folder of this one.
fn program() -> PathBuf {
    let own = std::env::current_exe().ok();
    own.and_then(|own| Some(own.parent()?.join("bergen")))
        .unwrap_or_else(|| root().join("target/debug/bergen"))
}
