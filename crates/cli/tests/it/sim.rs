//! `bergen sim`: both sides, one against the other.

use bergen_testbed::TestVhost;
use serde_json::Value;

use crate::program::{Service, bergen};

#[tokio::test]
async fn the_server_ends_after_its_clients_and_both_count_the_same() {
    let vhost = TestVhost::new("cli-sim").await.unwrap();
    let url = vhost.url();
    let server = Service::start(&url, &["sim", "rpc-server", "--json", "-"]).await;
    let folder = std::env::temp_dir().join(format!("bergen-{}", vhost.name()));
    std::fs::create_dir_all(&folder).unwrap();
    let measured = folder.join("client.json");
    let client = [
        "sim",
        "rpc-client",
        "-p",
        "4",
        "-m",
        "25",
        "--sync",
        "call",
        "--timeout",
        "20",
        "--json",
        measured.to_str().unwrap(),
    ];
    let ended = bergen(&url, &client).await.expect(0);
    for part in [
        "all clients: 100 messages",
        "all round trips: 100 messages",
        "latency ms: mean ",
        " ms ",
        "▇",
        "calls: 100 sent, 0 failed",
    ] {
        assert!(ended.out.contains(part), "no {part:?} in {ended:?}");
    }
    assert_eq!(ended.err, "", "a progress bar is for terminals");
    // Each client has its own series, of its own messages.
    let json: Value = serde_json::from_str(&std::fs::read_to_string(&measured).unwrap()).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let series = json["series"].as_object().unwrap();
    assert_eq!(series.len(), 8, "{series:?}");
    for number in 0..4 {
        for name in [format!("client_{number}"), format!("round_trip_{number}")] {
            let rows = series[&name].as_array().unwrap().iter();
            let count: u64 = rows.map(|row| row["count"].as_u64().unwrap()).sum();
            assert_eq!(count, 25, "{name}");
        }
    }
    assert_eq!(json["summary"]["client"]["count"], 100);
    let (status, output) = server.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
    let json = output
        .lines()
        .find(|line| line.starts_with('{'))
        .expect("JSON");
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["summary"]["server"]["count"], 100);
    let rows = json["series"]["server"].as_array().unwrap();
    assert_eq!(
        rows.iter()
            .map(|row| row["count"].as_u64().unwrap())
            .sum::<u64>(),
        100
    );
    assert!(rows[0]["latency"].is_f64(), "{}", rows[0]);
}

#[tokio::test]
async fn fanouts_reach_every_server_and_json_is_alone_on_stdout() {
    let vhost = TestVhost::new("cli-sim-fanout").await.unwrap();
    let url = vhost.url();
    let mut servers = Vec::new();
    for name in ["one", "two"] {
        servers.push(Service::start(&url, &["sim", "rpc-server", "--server", name]).await);
    }
    let client = [
        "sim",
        "rpc-client",
        "--targets",
        "profiler_topic",
        "--is-cast",
        "--is-fanout",
        "-m",
        "50",
        "--sync",
        "fanout",
        "--json",
        "-",
    ];
    let ended = bergen(&url, &client).await.expect(0);
    assert_eq!(ended.json()["summary"]["client"]["count"], 50);
    assert_eq!(ended.json()["summary"]["error"]["count"], 0);
    let ended = ended.says(&["casts: 50 sent, 0 failed"]);
    assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
    for server in servers {
        let (status, output) = server.end().await;
        assert_eq!(status.code(), Some(0), "{output}");
        assert!(output.contains("server: 50 messages"), "{output}");
    }
}

#[tokio::test]
async fn a_client_without_server_gives_up_at_once_and_says_so() {
    let vhost = TestVhost::new("cli-sim-alone").await.unwrap();
    let ended = bergen(
        &vhost.url(),
        &["sim", "rpc-client", "-p", "3", "-m", "1000"],
    )
    .await;
    let ended = ended.expect(4).says(&["profiler_topic.profiler_server"]);
    assert!(ended.out.contains("calls: 3 sent, 3 failed"), "{ended:?}");
}

#[tokio::test]
async fn a_slow_server_of_the_simulator_is_monitored() {
    let vhost = TestVhost::new("cli-sim-slow").await.unwrap();
    let url = vhost.url();
    let server = Service::start(&url, &["sim", "rpc-server", "-w", "3"]).await;
    let client = ["sim", "rpc-client", "--monitor", "2", "--timeout", "20"];
    let ended = bergen(&url, &client).await.expect(0);
    assert!(ended.out.contains("calls: 1 sent, 0 failed"), "{ended:?}");
    server.stop().await;
}

/// Publishes 40 events, then has a server take them for a while; what it counted.
async fn heard(server: &[&str]) -> u64 {
    let vhost = TestVhost::new("cli-sim-notify").await.unwrap();
    let url = vhost.url();
    let client = ["sim", "notify-client", "-p", "2", "-m", "20", "--json", "-"];
    let ended = bergen(&url, &client).await.expect(0);
    assert_eq!(ended.json()["summary"]["client"]["count"], 40);
    assert_eq!(ended.json()["series"].as_object().unwrap().len(), 2);
    ended.says(&["events: 40 sent, 0 failed"]);
    let server = [&["sim"], server, &["-l", "2", "--json", "-"]].concat();
    let json = bergen(&url, &server).await.expect(0).json();
    assert!(json["series"]["server"][0]["latency"].is_f64(), "{json}");
    json["summary"]["server"]["count"].as_u64().unwrap()
}

#[tokio::test]
async fn events_are_counted_alone_in_batches_and_each_time_they_come() {
    let batches = [
        "batch-notify-server",
        "--batch-size",
        "7",
        "--batch-timeout",
        "0.2",
    ];
    let counted = tokio::join!(
        heard(&["notify-server"]),
        heard(&batches),
        heard(&["notify-server", "--requeue"]),
    );
    assert_eq!(counted, (40, 40, 80));
}
