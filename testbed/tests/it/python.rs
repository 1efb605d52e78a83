use std::time::Duration;

use bergen_testbed::{PythonPeer, PythonProgram, TestVhost};
use serde_json::json;

#[tokio::test]
async fn server_and_client_peers_talk_to_each_other() {
    let vhost = TestVhost::new("peers").await.unwrap();
    let server = json!({"url": vhost.url(), "topic": "t", "server": "s"});
    let mut server = PythonPeer::start("rpc_server.py", &server).await.unwrap();
    let client = PythonPeer::start("rpc_client.py", &json!({"url": vhost.url()}))
        .await
        .unwrap();

    let call =
        json!({"op": "call", "target": {"topic": "t"}, "method": "add", "args": {"a": 2, "b": 3}});
    let answer = client.request(call).await.unwrap();
    assert_eq!(answer["result"], 5, "{answer}");

    let fail = json!({"op": "call", "target": {"topic": "t"}, "method": "fail",
        "args": {"kind": "custom", "message": "no"}});
    let answer = client.request(fail).await.unwrap();
    assert_eq!(answer["error"]["type"], "RemoteError", "{answer}");

    let stats = server.request(json!({"op": "stats"})).await.unwrap();
    assert_eq!(stats["calls"]["add"], 1, "{stats}");
    assert!(server.event(Duration::from_millis(10)).await.is_err());
    assert!(client.stop().await.unwrap().success());
    assert!(server.stop().await.unwrap().success());
}

#[tokio::test]
async fn a_peer_that_cannot_start_shows_why() {
    let error = PythonPeer::start("rpc_server.py", &json!({"url": "nonsense://"})).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("nonsense"), "{error}");
}

#[tokio::test]
async fn the_simulator_runs_and_ends() {
    let vhost = TestVhost::new("simulator").await.unwrap();
    let url = vhost.url();
    let server = PythonProgram::simulator(&["--url", &url, "rpc-server"]).unwrap();
    let client = [
        "--url",
        &url,
        "rpc-client",
        "-p",
        "2",
        "-m",
        "5",
        "--timeout",
        "20",
        "--sync",
        "call",
    ];
    let client = PythonProgram::simulator(&client).unwrap();
    let (status, output) = client.finish(Duration::from_secs(90)).await.unwrap();
    assert!(status.success(), "{output}");
    let (status, output) = server.finish(Duration::from_secs(30)).await.unwrap();
    assert!(status.success(), "{output}");
}
