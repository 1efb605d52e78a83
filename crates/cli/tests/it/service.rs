//! `bergen status`, `drain`, `reload`, `loglevel` and `report`, against a service in real processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use bergen::config::{Configuration, Kind, OptionDef};
use bergen::service::{
    CallInFlight, ControlClient, INTROSPECTION_OPTIONS, Introspection, Launcher, MessagingSnapshot,
    OPTIONS, Package, Phase, RpcServerSnapshot, Service, ServiceError, ServiceSpec,
};
use bergen_testbed::Guarded;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::program::{Ended, bergen, finish, program, signal};

/// The environment variable that makes this binary the service: the folder of its files.
const FOLDER: &str = "BERGEN_TEST_SERVICE_FOLDER";

/// The environment variable that says how many workers run it.
const WORKERS: &str = "BERGEN_TEST_SERVICE_WORKERS";

/// The environment variable that says how long, in milliseconds, what runs goes on after the stop.
const DRAIN: &str = "BERGEN_TEST_SERVICE_DRAIN";

static TEST_OPTIONS: &[OptionDef] = &[OptionDef::new("DEFAULT", "transport_url", Kind::Text)
    .default("rabbit://nova:geheim@127.0.0.1/")
    .secret()];

/// Started with a folder it is the service; as a test it shows that without one it does nothing.
#[test]
fn the_service() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let text = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let configuration = Configuration::builder()
        .declare(OPTIONS)
        .declare(INTROSPECTION_OPTIONS)
        .declare(TEST_OPTIONS)
        .file(folder.join("nova.conf"))
        .set("DEFAULT", "graceful_shutdown_timeout", "2")
        .set("DEFAULT", "backdoor_port", "0")
        .set("DEFAULT", "bergen_control_socket", text("bergen/nova.sock"))
        .set("oslo_reports", "log_dir", text("reports"))
        .load()
        .unwrap();
    let introspection = Introspection::new(Package::new("OpenStack Nova", "29.0.0"));
    introspection.add_messaging("nova", || {
        let mut server = RpcServerSnapshot::new("nova compute host-1");
        let age = Duration::from_secs(5);
        server
            .calls
            .push(CallInFlight::new("build\u{1b}[2J", Some("req-1"), age));
        MessagingSnapshot {
            servers: vec![server],
            ..Default::default()
        }
    });
    let workers = std::env::var(WORKERS).unwrap().parse().unwrap();
    let level = Mutex::new("info".to_owned());
    introspection.on_log_level(move |new| {
        let mut level = level.lock().unwrap();
        match new {
            Some("loud") => return Err("there is no level \"loud\"".to_owned()),
            Some(new) => new.clone_into(&mut level),
            None => {}
        }
        Ok(level.clone())
    });
    let status = Launcher::new(configuration)
        .service(ServiceSpec::new("rpc", |_| async { Ok(Work) }).workers(workers))
        .introspection(&introspection)
        .launch()
        .unwrap();
    std::process::exit(i32::from(status != std::process::ExitCode::SUCCESS));
}

struct Work;

impl Service for Work {
    async fn start(&self) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn stop(&self) {}

    async fn wait(&self) {
        let drain = std::env::var(DRAIN).unwrap().parse().unwrap();
        tokio::time::sleep(Duration::from_millis(drain)).await;
    }
}

/// The service at work, with its folder; both go with it.
struct Running {
    process: Guarded,
    folder: PathBuf,
}

impl Running {
    async fn start(name: &str, workers: usize, drain: Duration) -> Self {
        let folder = scratch(name);
        std::fs::create_dir_all(folder.join("reports")).unwrap();
        std::fs::write(folder.join("nova.conf"), "[DEFAULT]\n").unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "service::the_service", "--nocapture"])
            .env(FOLDER, &folder)
            .env(WORKERS, workers.to_string())
            .env(DRAIN, drain.as_millis().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let process = Guarded::spawn("service", &mut command, None).unwrap();
        let running = Self { process, folder };
        let ready = async {
            while running.phase().await != Some(Phase::Running) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let ready = tokio::time::timeout(Duration::from_secs(30), ready).await;
        ready.expect("the service starts");
        running
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("bergen/nova.sock")
    }

    async fn phase(&self) -> Option<Phase> {
        let mut client = ControlClient::connect(self.socket()).await.ok()?;
        Some(client.status().await.ok()?.phase)
    }

    /// Runs `bergen <command> --socket <ours> <more>`.
    async fn bergen(&self, command: &str, more: &[&str]) -> Ended {
        let socket = self.socket();
        let mut arguments = vec![command, "--socket", socket.to_str().unwrap()];
        arguments.extend(more);
        bergen("", &arguments).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The path of a folder that does not exist yet; short, since those of sockets are.
fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("bergen-cli-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[tokio::test]
async fn status_shows_the_workers_and_what_they_run() {
    let service = Running::start("status", 2, Duration::ZERO).await;
    let mut by_name = program("", &["status", "nova"]);
    by_name.env("XDG_RUNTIME_DIR", &service.folder);
    let text = finish(by_name).await.expect(0).out;
    assert!(text.contains(" 29.0.0: running for "), "{text}");
    assert!(text.contains("\n  rpc      1       "), "{text}");
    assert!(
        text.contains(": build\\u{1b}[2J (req-1) for 5.0 s"),
        "{text}"
    );
    let status = service.bergen("status", &["--json"]).await.expect(0).json();
    assert_eq!(status["pid"], service.process.id());
    let processes = status["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 2);
    for (process, worker) in processes.iter().zip(status["services"].as_array().unwrap()) {
        assert_eq!(process["pid"], worker["pid"]);
        assert_eq!(process["result"]["pid"], worker["pid"], "each for itself");
    }
}

#[tokio::test]
async fn a_drain_is_watched_to_its_end() {
    let service = Running::start("drain", 2, Duration::from_millis(500)).await;
    let ended = service.bergen("drain", &[]).await.expect(0);
    assert!(ended.took >= Duration::from_millis(500), "{ended:#?}");
    for expected in [
        "draining for ",
        " of 2.0 s at most: 2 services, 2 calls and tasks run",
        "build\\u{1b}[2J (req-1) for 5.0 s",
    ] {
        assert!(ended.out.contains(expected), "no {expected} in {ended:#?}");
    }
    assert!(ended.out.ends_with("\nended\n"), "{ended:#?}");
    service
        .bergen("status", &[])
        .await
        .expect(4)
        .says(&["no service listens at", "is bergen_control_socket set"]);
}

#[tokio::test]
async fn a_drain_that_is_cut_off_is_a_failure() {
    let service = Running::start("cut", 1, Duration::from_mins(10)).await;
    let ended = service.bergen("drain", &["--json"]).await.expect(1);
    let ended = ended.says(&["graceful_shutdown_timeout (2.0 s) was over before 1 services"]);
    let last: Value = serde_json::from_str(ended.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["running"][0]["request_id"], "req-1");
}

#[tokio::test]
async fn a_reload_replaces_the_workers_before_it_returns() {
    let service = Running::start("reload", 2, Duration::ZERO).await;
    service.bergen("reload", &[]).await.expect(0);
    let status = service.bergen("status", &["--json"]).await.expect(0).json();
    for worker in status["services"].as_array().unwrap() {
        assert_eq!(worker["starts"], 2, "{status}");
    }
}

#[tokio::test]
async fn a_reload_of_a_broken_file_is_a_failure_and_changes_nothing() {
    for workers in [1, 2] {
        let service = Running::start("broken", workers, Duration::ZERO).await;
        std::fs::write(service.folder.join("nova.conf"), "[DEFAULT\n").unwrap();
        let pid = service.process.id();
        let expected = [
            format!("not reloaded: process {pid}: "),
            "nova.conf".to_owned(),
        ];
        let failed = service.bergen("reload", &[]).await.expect(1);
        failed.says(&expected.each_ref().map(String::as_str));
        let failed = service.bergen("reload", &["--json"]).await.expect(1);
        let answers: Value = serde_json::from_str(&failed.out).unwrap();
        assert_eq!(answers[0]["pid"], pid);
        assert!(
            answers[0]["error"].as_str().unwrap().contains("nova.conf"),
            "{answers}"
        );
        let status = service.bergen("status", &["--json"]).await.expect(0).json();
        assert_eq!(status["phase"], "running");
        assert_eq!(status["services"][0]["starts"], 1, "{status}");
    }
}

#[tokio::test]
async fn the_log_level_is_changed_everywhere_or_nowhere() {
    let service = Running::start("level", 2, Duration::ZERO).await;
    let before = service.bergen("loglevel", &[]).await.expect(0).out;
    assert_eq!(before.matches(": info\n").count(), 3, "{before}");
    let set = service
        .bergen("loglevel", &["--set", "debug"])
        .await
        .expect(0)
        .out;
    assert_eq!(set.matches(": debug\n").count(), 3, "{set}");
    let refused = service
        .bergen("loglevel", &["--set", "loud"])
        .await
        .expect(1);
    refused.says(&["there is no level \"loud\""]);
    let after = service.bergen("loglevel", &[]).await.expect(0).out;
    assert_eq!(after, set);
}

#[tokio::test]
async fn reports_come_over_the_socket_and_by_signal() {
    let service = Running::start("report", 2, Duration::ZERO).await;
    let text = service.bergen("report", &[]).await.expect(0).out;
    assert_eq!(text.matches("Guru Meditation").count(), 3, "{text}");
    assert!(text.contains(" (rpc 1):\n=====") && text.contains("transport_url = ***"));
    assert!(!text.contains("geheim"), "{text}");
    signal(service.process.id(), "USR2");
    let written = async {
        loop {
            if let Some(report) = first_file(&service.folder.join("reports")) {
                // Written in one go, right after it was made.
                if report.contains("Messaging") {
                    return report;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let report = tokio::time::timeout(Duration::from_secs(20), written).await;
    assert!(!report.expect("a report").contains("geheim"));
    service.bergen("status", &[]).await.expect(0);
}

#[tokio::test]
async fn whatever_comes_over_the_socket_the_service_serves_on() {
    let service = Running::start("hostile", 1, Duration::ZERO).await;
    let garbage: [&[u8]; 4] = [b"\xff\x00\n", b"{\"id\": 1}\n", b"[[[[\n", &[b'['; 8192]];
    for input in garbage {
        let answer = ask(&service.socket(), input).await;
        assert!(answer.starts_with(r#"{"id":null,"error":""#), "{answer}");
    }
    let both = ask(
        &service.socket(),
        b"nonsense\n{\"id\": 7, \"command\": \"status\"}\n",
    )
    .await;
    assert!(both.contains("\n{\"id\":7,\"done\":{"), "{both}");
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(UnixStream::connect(service.socket()).await.unwrap());
    }
    service
        .bergen("status", &[])
        .await
        .expect(1)
        .says(&["closed the connection"]);
    drop(held);
    let patience = async {
        while service.phase().await != Some(Phase::Running) {
            tokio::task::yield_now().await;
        }
    };
    let served = tokio::time::timeout(Duration::from_secs(20), patience).await;
    served.expect("those that end leave room for others");
}

#[tokio::test]
async fn without_a_service_the_way_out_is_said() {
    let folder = scratch("nobody");
    let mut command = program("", &["drain", "nova"]);
    command.env("XDG_RUNTIME_DIR", &folder);
    let path = folder.join("bergen/nova.sock");
    let ended = finish(command).await.expect(4);
    ended.says(&["no service listens at", path.to_str().unwrap()]);
    bergen("", &["reload"]).await.expect(2).says(&["NAME"]);
    let both = bergen("", &["report", "nova", "--socket", "nova.sock"]).await;
    both.expect(2).says(&["cannot be used with"]);
}

/// Says something over the socket, and gives all that comes back until the service has read it.
async fn ask(socket: &Path, input: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    // The service may close before it has read all.
    let _ = stream.write_all(input).await;
    let _ = stream.shutdown().await;
    let mut output = Vec::new();
    let _ = stream.read_to_end(&mut output).await;
    String::from_utf8(output).unwrap()
}

fn first_file(folder: &Path) -> Option<String> {
    let entry = std::fs::read_dir(folder).ok()?.next()?.ok()?;
    std::fs::read_to_string(entry.path()).ok()
}
