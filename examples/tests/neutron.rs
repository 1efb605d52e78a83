//! The L3 agent and the RPC server as processes, on a broker of their own.
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bergen_testbed::{Guarded, Signal, TestVhost};
use rusqlite::Connection;
use serde_json::Value;

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_comes_to_life_gets_its_routers_and_both_end_in_order() {
    let vhost = TestVhost::new("neutron-examples").await.unwrap();
    let folder = Folder::new();
    let configuration = folder.path("neutron.conf");
    let text =
        "[DEFAULT]\nrpc_workers = 2\nperiodic_interval = 1\n[AGENT]\nreport_interval = 0.5\n";
    std::fs::write(&configuration, text).unwrap();
    let start = |program: &str, host: &str| {
        let path = match program {
            "l3-agent" => env!("CARGO_BIN_EXE_l3-agent"),
            _ => env!("CARGO_BIN_EXE_neutron-rpc-server"),
        };
        let mut command = Command::new(path);
        command
            .args(["--host", host, "--url", &vhost.url(), "--config-file"])
            .arg(&configuration)
            .current_dir(&folder.0)
            .stderr(File::create(folder.path(&format!("{program}.log"))).unwrap());
        Guarded::spawn(program, &mut command, None).unwrap()
    };

    // The agent waits for its server.
    let mut agent = start("l3-agent", "net-1");
    let mut server = start("neutron-rpc-server", "ctl-1");
    let database = folder.path("neutron.sqlite");

    folder
        .until("the agent is alive", || {
            let connection = Connection::open(&database).ok()?;
            let configurations: String = connection
                .query_row(
                    "SELECT configurations FROM agents WHERE agent_type = 'L3 agent' AND host = 'net-1'
                     AND heartbeat > started_at",
                    [],
                    |row| row.get(0),
                )
                .ok()?;
            configurations.contains("agent_mode").then_some(())
        })
        .await;
    // The one that was nobody's came with the first synchronisation.
    folder
        .until("the first router", || folder.router("first"))
        .await;

    let connection = Connection::open(&database).unwrap();
    connection.busy_timeout(LIMIT).unwrap();
    let insert = r#"INSERT INTO routers (id, body, host) VALUES ('r-2', '{"id": "r-2", "name": "second"}', 'net-1')"#;
    connection.execute(insert, []).unwrap();
    folder
        .until("the router bound to it", || folder.router("second"))
        .await;
    folder
        .until("the agent has answered for it", || {
            let select = "SELECT told FROM routers WHERE id = 'r-2'";
            let told: bool = connection.query_row(select, [], |row| row.get(0)).ok()?;
            told.then_some(())
        })
        .await;

    for process in [&mut agent, &mut server] {
        process.signal(Signal::Terminate).unwrap();
        let status = process.wait(LIMIT).await.unwrap();
        assert_eq!(status.code(), Some(0), "{}", folder.logs());
    }
}

/// A folder of the test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("bergen-neutron-examples-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Whether the agent has written down a router of this name.
    fn router(&self, name: &str) -> Option<()> {
        let text = std::fs::read(self.path("routers.json")).ok()?;
        let routers: Value = serde_json::from_slice(&text).ok()?;
        let mut routers = routers.as_object()?.values();
        routers.any(|router| router["name"] == name).then_some(())
    }

    async fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(
                began.elapsed() < LIMIT,
                "not in time: {what}\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn logs(&self) -> String {
        let logs = ["l3-agent.log", "neutron-rpc-server.log"].map(|name| self.path(name));
        logs.map(|log| read(&log)).join("\n")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}
