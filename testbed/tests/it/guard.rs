use std::process::Command;
use std::time::{Duration, Instant};

use bergen_testbed::{Guarded, Signal};

#[tokio::test]
async fn a_program_ends_with_its_owner() {
    let folder = std::env::temp_dir().join(format!("bergen-guard-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // The shell's child must go too.
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 600 & sleep 600"]);
    let guarded = Guarded::spawn("sleeper", &mut command, Some(&folder)).unwrap();
    let group = guarded.id();
    assert!(group_lives(group));
    drop(guarded);
    assert!(!folder.exists());
    let deadline = Instant::now() + Duration::from_secs(5);
    while group_lives(group) {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_program_that_will_not_end_is_killed() {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' TERM; while :; do sleep 0.05; done"]);
    let mut guarded = Guarded::spawn("stubborn", &mut command, None).unwrap();
    guarded.signal(Signal::Pause).unwrap();
    guarded.signal(Signal::Resume).unwrap();
    let status = guarded.stop(Duration::from_millis(200)).await.unwrap();
    assert!(!status.success());
}

fn group_lives(group: u32) -> bool {
    let shell = format!("kill -s 0 -- -{group}");
    let mut command = Command::new("sh");
    command
        .args(["-c", &shell])
        .stderr(std::process::Stdio::null());
    command.status().unwrap().success()
}
