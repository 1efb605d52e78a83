//! The upstream simulator's notification modes, unmodified, as the other side of ours.

use std::process::Stdio;
use std::time::Duration;

use bergen_testbed::{PythonProgram, TestVhost};

use crate::simulator::{bergen, summary, their_client, their_count};

#[tokio::test]
async fn their_events_to_our_servers() {
    let vhost = TestVhost::new("sim-their-events").await.unwrap();
    let url = vhost.url();
    // What nobody takes waits.
    their_client(&["--url", &url, "notify-client", "-p", "4", "-m", "25"]).await;
    let alone = ["notify-server"];
    assert_eq!(our_count(&url, &alone).await, 100);
    their_client(&["--url", &url, "notify-client", "-p", "4", "-m", "25"]).await;
    let batches = [
        "batch-notify-server",
        "--batch-size",
        "30",
        "--batch-timeout",
        "0.5",
    ];
    assert_eq!(our_count(&url, &batches).await, 100);
}

/// What a server of ours takes in two seconds.
async fn our_count(url: &str, server: &[&str]) -> u64 {
    let mut command = bergen();
    command
        .args(["--url", url, "sim"])
        .args(server)
        .args(["-l", "2", "--json", "-"]);
    let summary = summary(command.stdout(Stdio::piped()).spawn().unwrap()).await;
    summary["server"]["count"].as_u64().unwrap()
}

#[tokio::test]
async fn our_events_to_their_servers() {
    let vhost = TestVhost::new("sim-our-events").await.unwrap();
    let url = vhost.url();
    // Their batches wait for five seconds; meanwhile the other one runs.
    let counted = tokio::join!(
        their_count_of_ours(&vhost, &url, "notify-server", "4"),
        their_count_of_ours(&vhost, &url, "batch-notify-server", "8"),
    );
    assert_eq!(counted, (100, 100));
}

/// Publishes 100 events to a topic called as the mode; what their server takes of them in so many seconds.
async fn their_count_of_ours(vhost: &TestVhost, url: &str, mode: &str, seconds: &str) -> u64 {
    let mut command = bergen();
    command.args(["--url", url, "sim", "notify-client", "--topic", mode]);
    command.args(["-p", "4", "-m", "25", "--json", "-"]);
    let summary = summary(command.stdout(Stdio::piped()).spawn().unwrap()).await;
    assert_eq!(summary["error"]["count"], 0);
    assert_eq!(summary["client"]["count"], 100);
    let report = std::env::temp_dir().join(format!("bergen-{}-{mode}.json", vhost.name()));
    let path = report.to_str().unwrap();
    let arguments = ["-j", path, "-l", seconds, "-tp", mode, "--url", url, mode];
    let theirs = PythonProgram::simulator(&arguments).unwrap();
    let (status, output) = theirs.finish(Duration::from_mins(1)).await.unwrap();
    assert!(status.success(), "{output}");
    their_count(&report)
}
