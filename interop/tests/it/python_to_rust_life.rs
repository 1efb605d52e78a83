//! A server as a process: launched by itself, hung up on, ended, killed.

use std::process::Stdio;
use std::time::Duration;

use bergen_interop::PythonClient;
use bergen_testbed::{PythonPeer, TestVhost};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::simulator::bergen;

const TOPIC: &str = "compute";

/// `bergen serve`, ready.
async fn serve(url: &str, server: &str, more: &[&str]) -> Child {
    let mut command = bergen();
    command
        .args(["--url", url, "serve", "--topic", TOPIC, "--server", server])
        .args(more);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("target/debug/bergen: run cargo build -p bergen-cli");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    BufReader::with_capacity(1, stdout)
        .read_line(&mut line)
        .await
        .unwrap();
    assert!(line.starts_with("ready"), "{line}");
    child
}

async fn signal(child: &Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill")
        .args(["-s", name, &pid])
        .status()
        .await
        .unwrap();
    assert!(sent.success());
}

/// Which server answers `whoami`.
async fn who(client: &PythonClient) -> Value {
    let answer = client
        .call("whoami", json!({}), json!({}), json!({}))
        .await
        .unwrap();
    answer["result"]["server"].clone()
}

#[tokio::test]
async fn a_server_is_launched_by_itself_hangup_does_nothing_and_terminate_ends_it_in_order() {
    let vhost = TestVhost::new("row-c19").await.unwrap();
    let mut server = serve(&vhost.url(), "host-1", &[]).await;
    let client = PythonClient::start(&vhost.url(), TOPIC, json!({}))
        .await
        .unwrap();
    signal(&server, "HUP").await;
    assert_eq!(who(&client).await, json!("host-1"));

    let slow = client.call("sleep", json!({"seconds": 1.5}), json!({}), json!({}));
    let ending = async {
        // Requests are handed over in the order of the queue, and this one is answered at once.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(who(&client).await, json!("host-1"));
        signal(&server, "TERM").await;
    };
    let (answer, ()) = tokio::join!(slow, ending);
    assert_eq!(answer.unwrap()["result"], json!(1.5));
    let status = tokio::time::timeout(Duration::from_secs(10), server.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// Kills a server in the middle of a method; whether a second server then runs the method again.
async fn runs_again_after_a_kill(name: &str, more: &[&str]) -> bool {
    let vhost = TestVhost::new(name).await.unwrap();
    let mut victim = serve(&vhost.url(), "victim", more).await;
    let client = PythonClient::start(&vhost.url(), TOPIC, json!({}))
        .await
        .unwrap();
    let raw = PythonPeer::start("raw.py", &json!({"url": vhost.url()}))
        .await
        .unwrap();
    raw.request(json!({"op": "declare", "queue": "reply_by_hand"}))
        .await
        .unwrap();
    let request = json!({
        "method": "sleep", "args": {"seconds": 2.5},
        "_msg_id": "1", "_reply_q": "reply_by_hand", "_unique_id": "1",
    });
    let body = json!({"oslo.version": "2.0", "oslo.message": request.to_string()}).to_string();
    let answer = raw
        .request(json!({"op": "publish", "routing_key": TOPIC, "body": body}))
        .await
        .unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
    // It is in the queue when this has been answered, and in work when the next request has been.
    raw.request(json!({"op": "exists", "queue": TOPIC}))
        .await
        .unwrap();
    assert_eq!(who(&client).await, json!("victim"));
    victim.kill().await.unwrap();

    let _second = serve(&vhost.url(), "second", more).await;
    assert_eq!(who(&client).await, json!("second"));
    let get = json!({"op": "get", "queue": "reply_by_hand", "seconds": 6});
    let answer = raw.request(get).await.unwrap();
    let left = vhost
        .management()
        .take(vhost.name(), TOPIC, 1)
        .await
        .unwrap();
    assert!(left.is_empty(), "{left:?}");
    !answer["message"].is_null()
}

#[tokio::test]
async fn a_request_whose_server_is_killed_does_not_run_again() {
    assert!(!runs_again_after_a_kill("row-c16", &[]).await);
}

#[tokio::test]
async fn with_late_acknowledgement_it_runs_again_elsewhere() {
    assert!(runs_again_after_a_kill("row-c16-late", &["--late-acknowledgement"]).await);
}
