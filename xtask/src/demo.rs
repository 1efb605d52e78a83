use std::time::{Duration, Instant};

use bergen_testbed::{PythonPeer, RabbitNode};
use serde_json::{Value, json};

use crate::command::{cargo, shown};
use crate::{Error, broker, setup};

mod stage;

use stage::{Server, Stage, comment, heading};

/// Shows Rust and Python calling each other over a private RabbitMQ. Fails if an answer is not
/// the one that the scene is about.
pub(crate) fn run() -> Result<(), Error> {
    setup::run()?;
    shown(cargo().args(["build", "--quiet", "--locked", "--package", "bergen-cli"]))?;
    let start = Instant::now();
    broker::runtime()?.block_on(scenes())?;
    let seconds = start.elapsed().as_secs_f64();
    println!("\nEvery answer was the expected one. ({seconds:.0} s)");
    Ok(())
}

async fn scenes() -> Result<(), Error> {
    heading("A private RabbitMQ, and one topic with three servers: two in Rust, one in Python");
    let mut rabbit = RabbitNode::start_default().await?;
    // Connects again every second, so that a restart does not take the audience's time.
    let stage = Stage::new(rabbit.url("?rabbit_interval_max=1"));
    comment(&format!("RabbitMQ listens on 127.0.0.1:{}", rabbit.port()));
    let mut rust = [stage.serve("rust-1").await?, stage.serve("rust-2").await?];
    let options =
        json!({"url": rabbit.url(""), "topic": "compute", "server": "python-1", "ping": true});
    let client_options = json!({"url": rabbit.url("")});
    let (python, client) = tokio::try_join!(
        PythonPeer::start("rpc_server.py", &options),
        PythonPeer::start("rpc_client.py", &client_options),
    )?;
    comment("interop/peers/rpc_server.py is ready: unmodified oslo.messaging, server python-1");

    each_calls_the_other(&stage, &client).await?;
    a_fanout(&stage, &mut rust, &python).await?;
    failures(&stage, &client).await?;
    long_calls(&stage, &client).await?;
    deadlines(&stage, &client).await?;
    nobody(&stage).await?;

    heading("Python stops in order");
    client.stop().await?;
    python.stop().await?;
    comment("python-1 and the client have ended");

    a_restart(&stage, &mut rabbit).await?;

    heading("Rust stops in order");
    for server in rust {
        server.stop().await?;
    }
    // RabbitMQ goes with its data when its owner goes, which is faster than to stop it.
    Ok(())
}

async fn each_calls_the_other(stage: &Stage, client: &PythonPeer) -> Result<(), Error> {
    heading("Rust calls Python");
    stage
        .bergen("call compute add a:=2 b:=3 --server python-1", 0, &["5"])
        .await?;
    let whoami = "call compute whoami --server python-1 --namespace namespaced --version 2.1 \
                  --context request_id=req-1";
    stage
        .bergen(whoami, 0, &["namespaced", "\"request_id\":\"req-1\""])
        .await?;

    heading("Python calls Rust");
    let (target, arguments) = (json!({"server": "rust-1"}), json!({"a": 2, "b": 3}));
    stage
        .python(client, target, "add", arguments, &["5"])
        .await?;
    let target = json!({"server": "rust-2"});
    stage
        .python(client, target, "whoami", json!({}), &["rust-2", "bergen"])
        .await?;

    heading("All three live");
    let ping = "ping compute --server rust-1 --server rust-2 --server python-1";
    stage
        .bergen(ping, 0, &["from compute.python-1", "3 sent, 3 answered"])
        .await
}

async fn a_fanout(stage: &Stage, rust: &mut [Server], python: &PythonPeer) -> Result<(), Error> {
    heading("A fanout reaches every server of the topic");
    let before = echoes(python).await?;
    stage
        .bergen("cast compute echo value=hello --fanout", 0, &[])
        .await?;
    for server in rust {
        server
            .received("method=echo", r#"args={"value": "hello"}"#)
            .await?;
    }
    let arrived = async {
        while echoes(python).await? == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    };
    let late = || Error::Wrong("the fanout did not reach python-1".to_owned());
    tokio::time::timeout(Duration::from_secs(10), arrived)
        .await
        .map_err(|_| late())
        .and_then(|arrived: Result<(), Error>| arrived)?;
    println!("python-1 got it");
    Ok(())
}

async fn failures(stage: &Stage, client: &PythonPeer) -> Result<(), Error> {
    heading("A failure keeps its module, class, message and arguments, both ways");
    let fail = "call compute fail kind=kwargs message=no --server python-1 -v";
    let parts = ["CustomError: no thing", r#""code": 42"#, "Traceback"];
    stage.bergen(fail, 1, &parts).await?;
    let arguments = json!({"module": "nova.exception", "class": "InstanceNotFound",
        "message": "no instance 8a2f", "kwargs": {"instance_id": "8a2f"}});
    let target = json!({"server": "rust-1"});
    let parts = ["RemoteError", "InstanceNotFound", "no instance 8a2f"];
    stage
        .python(client, target.clone(), "fail", arguments, &parts)
        .await?;
    stage
        .python(
            client,
            target,
            "reboot",
            json!({}),
            &["NoSuchMethod", "reboot"],
        )
        .await
}

async fn long_calls(stage: &Stage, client: &PythonPeer) -> Result<(), Error> {
    heading(
        "A long call is watched: its server sends signs of life, so 2 s of patience are enough",
    );
    let rust = "call compute slow seconds:=2.5 value=done --server python-1 --monitor 2";
    stage.bergen(rust, 0, &["\"done\""]).await?;
    let target = json!({"server": "rust-1", "call_monitor_timeout": 2});
    stage
        .python(client, target, "sleep", json!({"seconds": 2.5}), &["2.5"])
        .await
}

async fn deadlines(stage: &Stage, client: &PythonPeer) -> Result<(), Error> {
    heading("A call that takes too long is given up");
    // A Rust server, too: the Python one would try for a minute to answer who is gone.
    let rust = "call compute sleep seconds:=3 --server rust-2 --timeout 1.5";
    stage.bergen(rust, 3, &["Timed out"]).await?;
    let target = json!({"server": "rust-1", "timeout": 1});
    stage
        .python(
            client,
            target,
            "sleep",
            json!({"seconds": 2}),
            &["MessagingTimeout"],
        )
        .await
}

async fn nobody(stage: &Stage) -> Result<(), Error> {
    heading("Where nobody listens, one knows after seconds, not after the timeout of a minute");
    let call = "call compute add a:=2 b:=3 --server rust-9";
    stage
        .bergen(call, 4, &["key \"compute.rust-9\"", "--exchange"])
        .await
}

async fn a_restart(stage: &Stage, rabbit: &mut RabbitNode) -> Result<(), Error> {
    heading("The broker dies and comes back while a call waits for its answer");
    let call = "call compute sleep seconds:=5 --server rust-2 --timeout 30";
    let call = stage.bergen(call, 0, &["5.0"]);
    let restart = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        rabbit.kill().await?;
        comment("RabbitMQ was killed");
        rabbit.start().await?;
        comment("RabbitMQ is back");
        Ok(())
    };
    let (called, restarted): (_, Result<(), Error>) = tokio::join!(call, restart);
    restarted.and(called)
}

/// How often the Python server was asked to echo.
async fn echoes(python: &PythonPeer) -> Result<u64, Error> {
    let stats = python.request(json!({"op": "stats"})).await?;
    Ok(stats
        .pointer("/calls/echo")
        .and_then(Value::as_u64)
        .unwrap_or(0))
}
