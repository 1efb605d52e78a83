//! Names by queue manager, drawn in turns with the peer from one counter.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bergen_testbed::{TestVhost, Tools};
use serde_json::json;

use super::services::{Options, RustService};
use crate::support::eventually;

/// A process name and a folder of locks that end with the test.
struct Shared {
    process: String,
    locks: PathBuf,
}

impl Shared {
    fn new(test: &str) -> Self {
        let process = format!("turns-{test}-{}", std::process::id());
        let locks = std::env::temp_dir().join(format!("bergen-{process}"));
        Self { process, locks }
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        options.set("use_queue_manager", json!(true));
        options.set("hostname", json!("node1"));
        options.set("processname", json!(self.process));
        options.lock_path = Some(self.locks.clone());
        options
    }

    fn name(&self, counter: u32) -> String {
        format!("node1:{}:{counter}", self.process)
    }

    fn counter(&self) -> PathBuf {
        format!("/dev/shm/node1_{}_qmanager", self.process).into()
    }

    /// `peers/queue_names.py`, in the process group of the test: one generation of one service.
    fn python(&self, count: u32, hold: bool) -> Child {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/queue_names.py");
        let count = count.to_string();
        let mut command = Command::new(Tools::locate().unwrap().python);
        command
            .args([script, "node1", &self.process])
            .arg(&self.locks)
            .arg(count)
            .args(hold.then_some("hold"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command.spawn().unwrap()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.counter());
        let _ = std::fs::remove_dir_all(&self.locks);
    }
}

/// The names that a Python process drew, when it has ended.
fn drawn(python: Child) -> Vec<String> {
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The names in the queues of a virtual host.
async fn in_use(vhost: &TestVhost) -> HashSet<String> {
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let names = queues.iter().filter_map(|queue| {
        let (_, name) = queue["name"].as_str()?.rsplit_once('_')?;
        Some(name.to_owned())
    });
    names.collect()
}

#[tokio::test]
async fn both_count_on_where_the_other_stopped() {
    let shared = Shared::new("turns");
    let vhost = TestVhost::new("turns").await.unwrap();
    let python = async |count| {
        let python = shared.python(count, false);
        tokio::task::spawn_blocking(move || drawn(python))
            .await
            .unwrap()
    };
    assert_eq!(python(2).await, [shared.name(1), shared.name(2)]);
    let service = RustService::start(&vhost, "rs", &shared.options()).await;
    assert_eq!(in_use(&vhost).await, HashSet::from([shared.name(3)]));
    assert_eq!(python(1).await, [shared.name(4)]);
    service.whoami("rs").await;
    assert_eq!(
        in_use(&vhost).await,
        HashSet::from([shared.name(3), shared.name(5)])
    );
    assert_eq!(python(1).await, [shared.name(6)]);
    service.stop().await;
}

#[tokio::test]
async fn names_drawn_at_the_same_time_differ() {
    let shared = Shared::new("rush");
    let vhost = TestVhost::new("rush").await.unwrap();
    let rush = [shared.python(3000, false), shared.python(3000, false)];
    let rush = tokio::task::spawn_blocking(move || rush.map(drawn).concat());
    let counter = shared.counter();
    eventually("the first name", async || counter.exists()).await;
    let mut services = Vec::new();
    while !rush.is_finished() && services.len() < 60 {
        let server = format!("rs{}", services.len());
        services.push(RustService::start(&vhost, &server, &shared.options()).await);
    }
    let theirs = rush.await.unwrap();
    let ours = in_use(&vhost).await;
    assert_eq!(ours.len(), services.len());
    assert!(ours.len() > 1, "they did not draw at the same time");
    let all: HashSet<_> = theirs.iter().chain(&ours).collect();
    assert_eq!(all.len(), 6000 + ours.len(), "names were drawn twice");
    let last = u32::try_from(all.len()).unwrap();
    assert!((1..=last).all(|counter| all.contains(&shared.name(counter))));
    for service in services {
        service.stop().await;
    }
}

/// Their lock is ours.
#[tokio::test]
async fn no_name_is_drawn_while_the_peer_holds_the_lock() {
    let shared = Shared::new("held");
    let vhost = TestVhost::new("held").await.unwrap();
    let mut python = shared.python(0, true);
    let mut said = String::new();
    let mut lines = BufReader::new(python.stdout.take().unwrap());
    lines.read_line(&mut said).unwrap();
    assert_eq!(said, "held\n");
    let options = shared.options();
    let starting = RustService::start(&vhost, "rs", &options);
    let mut starting = std::pin::pin!(starting);
    let early = tokio::time::timeout(Duration::from_secs(1), &mut starting).await;
    assert!(early.is_err(), "it did not wait for the lock");
    assert_eq!(in_use(&vhost).await, HashSet::new());
    drop(python.stdin.take());
    let service = starting.await;
    assert_eq!(in_use(&vhost).await, HashSet::from([shared.name(1)]));
    python.wait().unwrap();
    service.stop().await;
}
