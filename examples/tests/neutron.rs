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
    let folder = Folder::new("life", "rpc_workers = 2");

    // The agent waits for its server.
    let mut agent = folder.start("l3-agent", "net-1", &vhost);
    let mut server = folder.start("neutron-rpc-server", "ctl-1", &vhost);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_new_agent_that_is_not_enabled_gets_no_routers_until_an_operator_enables_it() {
    let vhost = TestVhost::new("neutron-not-enabled").await.unwrap();
    let folder = Folder::new("not-enabled", "rpc_workers = 1\nenable_new_agents = false");
    let mut server = folder.start("neutron-rpc-server", "ctl-1", &vhost);
    let mut agent = folder.start("l3-agent", "net-1", &vhost);
    folder
        .until("an empty synchronisation", || {
            let logs = folder.logs();
            logs.contains("this host is to have 0 routers")
                .then_some(())
        })
        .await;
    assert_eq!(folder.router("first"), None);

    // An agent that starts again synchronises, and a report does not undo what an operator did.
    agent.signal(Signal::Terminate).unwrap();
    agent.wait(LIMIT).await.unwrap();
    let connection = Connection::open(folder.path("neutron.sqlite")).unwrap();
    connection.busy_timeout(LIMIT).unwrap();
    let enabled = connection.execute(
        "UPDATE agents SET admin_state_up = 1 WHERE NOT admin_state_up",
        [],
    );
    assert_eq!(enabled, Ok(1));
    let mut agent = folder.start("l3-agent", "net-1", &vhost);
    folder
        .until("the first router", || folder.router("first"))
        .await;

    for process in [&mut agent, &mut server] {
        process.signal(Signal::Terminate).unwrap();
        process.wait(LIMIT).await.unwrap();
    }
}

/// A folder of the test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    /// With a configuration whose group `DEFAULT` has these options.
    fn new(name: &str, options: &str) -> Self {
        let name = format!("bergen-neutron-{name}-{}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap();
        let text = format!(
            "[DEFAULT]\n{options}\nperiodic_interval = 1\n[AGENT]\nreport_interval = 0.5\n"
        );
        std::fs::write(folder.path("neutron.conf"), text).unwrap();
        folder
    }

    fn start(&self, program: &str, host: &str, vhost: &TestVhost) -> Guarded {
        let path = match program {
            "l3-agent" => env!("CARGO_BIN_EXE_l3-agent"),
            _ => env!("CARGO_BIN_EXE_neutron-rpc-server"),
        };
        let mut command = Command::new(path);
        command
            .args(["--host", host, "--url", &vhost.url(), "--config-file"])
            .arg(self.path("neutron.conf"))
            .current_dir(&self.0)
            .stderr(File::create(self.path(&format!("{program}.log"))).unwrap());
        Guarded::spawn(program, &mut command, None).unwrap()
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
