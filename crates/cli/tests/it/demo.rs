//! `bergen demo`: the whole story, with nothing but the program.

use std::process::Command;
use std::time::Duration;

use crate::program::{Ended, Service, bergen, finish, program};

/// What every run must tell.
const STORY: [&str; 12] = [
    "rabbit://guest:guest@127.0.0.1:",
    "node-1, node-2, node-3",
    "boot(\"vm-3\") = Ok(\"node-",
    "2000 calls, 32 at a time",
    "with_server(\"node-2\").boot(\"vm-4\") = Ok(\"node-2\")",
    "fanout().refresh(\"images\") = Ok(())",
    "node-1, node-2, node-3 have run it",
    "stop(\"vm-9999\") = Err(NotFound { instance_id: \"vm-9999\" })",
    ".migrate(\"vm-1\", 20 s) = Err(timed out)",
    "has dropped it, so long after the caller",
    "Err(no server: compute.node-9)",
    "Everything went as told",
];

fn tells(ended: &Ended) {
    for part in STORY {
        assert!(ended.out.contains(part), "no {part:?} in {ended:#?}");
    }
}

#[tokio::test]
async fn it_tells_its_story_and_ends_in_seconds_with_0() {
    let ended = bergen("", &["demo"]).await.expect(0);
    tells(&ended);
    assert!(ended.took < Duration::from_secs(25), "{ended:#?}");
    assert_eq!(ended.err, "", "nothing goes wrong, so nothing is logged");
    assert!(!ended.out.contains('\u{1b}'), "a file is not a terminal");
}

/// It fails where it cannot do what it tells.
#[tokio::test]
async fn without_room_for_its_sockets_it_is_70() {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -n 12 && exec \"$0\" demo",
            env!("CARGO_BIN_EXE_bergen"),
        ])
        .env_remove("RUST_LOG");
    let ended = finish(command).await;
    assert_ne!(ended.code, 0, "{ended:#?}");
    assert!(!ended.out.contains("Everything went as told"), "{ended:#?}");
}

#[tokio::test]
async fn kept_it_can_be_called_until_it_is_stopped() {
    let command = program("", &["demo", "--keep"]);
    let mut service = Service::spawn_until(command, "export TRANSPORT_URL=").await;
    let (_, url) = service.ready.split_once('=').unwrap();
    let url = url.to_owned();
    let management = service.line_with("/api/queues").await;
    assert!(
        management.contains("curl -u guest:guest http://127.0.0.1:"),
        "{management}"
    );
    let booted = bergen(&url, &["call", "compute", "boot", "instance=vm-7"]).await;
    assert!(booted.expect(0).out.starts_with("\"node-"));
    let failed = bergen(&url, &["call", "compute", "stop", "instance=vm-9999"]).await;
    failed
        .expect(1)
        .says(&["demo.exception.InstanceNotFound: Instance vm-9999"]);
    let fanout = ["cast", "compute", "refresh", "what=images", "--fanout"];
    bergen(&url, &fanout).await.expect(0);
    let ping = [
        "ping", "compute", "--server", "node-1", "--server", "node-2",
    ];
    bergen(&url, &ping).await.expect(0);
    service.signal("INT");
    let (status, output) = service.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
}
