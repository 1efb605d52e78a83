//! RPC servers under the launcher, in real processes, on a broker of our own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may fail loudly, as the tests themselves"
)]

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bergen::config::Configuration;
use bergen::prelude::*;
use bergen::service::{
    Introspection, Launcher, OPTIONS, Package, RpcServers, ServiceError, ServiceSpec,
};
use bergen_testbed::{BergenBroker, Guarded, Signal};
use serde::{Deserialize, Serialize};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a request of the program takes that is slow.
const SLOW: Duration = Duration::from_secs(2);
/// How long one waits who asks whether anybody takes requests.
const PROBE: Duration = Duration::from_millis(500);
/// The environment variables with which this binary is the program under test.
const URL: &str = "BERGEN_TEST_URL";
const WORKERS: &str = "BERGEN_TEST_WORKERS";

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_service_answers_what_it_took_and_takes_no_more() {
    let broker = BergenBroker::start(&[]).await.unwrap();
    let mut program = start(&broker, 1);
    let client = client(&broker, PROBE);
    within(handled_by(&client, 1)).await;
    let patient = self::client(&broker, PATIENCE);
    let slow = tokio::spawn(async move { patient.slow().await });
    // From the register that report, backdoor and control socket read, too.
    within(async { while client.state().await.unwrap().running != ["slow", "state"] {} }).await;

    program.signal(Signal::Terminate).unwrap();
    within(async { while client.state().await.is_ok() {} }).await;
    assert!(!slow.is_finished(), "the slow request runs on");
    assert_eq!(within(slow).await.unwrap().unwrap(), "done");
    let ended = program.stop(PATIENCE).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_a_queue_and_each_call_runs_once() {
    let broker = BergenBroker::start(&[]).await.unwrap();
    let mut program = start(&broker, 2);
    let client = client(&broker, PATIENCE);
    within(handled_by(&client, 2)).await;
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.handle().await })
        })
        .collect();
    for call in calls {
        within(call).await.unwrap().unwrap();
    }
    let handled = within(handled_by(&client, 2)).await;
    assert_eq!(handled.values().sum::<usize>(), 100, "{handled:?}");
    assert!(handled.values().all(|count| *count > 0), "{handled:?}");
    let ended = program.stop(PATIENCE).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

/// Started with a broker's URL it is the program; as a test it shows that without one it does nothing.
#[test]
fn the_program() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let workers = std::env::var(WORKERS).unwrap().parse().unwrap();
    let configuration = Configuration::builder()
        .declare(bergen::options::MESSAGING_OPTIONS)
        .declare(bergen::options::RABBIT_OPTIONS)
        .declare(OPTIONS)
        .set("DEFAULT", "transport_url", url)
        .load();
    let introspection = Introspection::new(Package::new("program", "1"));
    let service = ServiceSpec::new("program", {
        let introspection = introspection.clone();
        move |context| {
            let introspection = introspection.clone();
            async move {
                let transport = bergen_examples::transport(context.configuration())?;
                let target = ServerTarget::new("program", std::process::id().to_string());
                let endpoint = Program {
                    introspection: introspection.clone(),
                    handled: AtomicUsize::new(0),
                };
                let server = RpcServer::builder(&transport, target).endpoint(endpoint);
                let servers = RpcServers::from(server.build());
                servers.show_in("program", &introspection);
                Ok::<_, ServiceError>(servers)
            }
        }
    });
    let launcher = Launcher::new(configuration.unwrap()).service(service.workers(workers));
    let status = launcher.introspection(&introspection).run();
    std::process::exit(i32::from(status != ExitCode::SUCCESS));
}

struct Program {
    introspection: Introspection,
    handled: AtomicUsize,
}

#[endpoint]
impl Program {
    #[rpc]
    async fn slow(&self) -> &'static str {
        tokio::time::sleep(SLOW).await;
        "done"
    }

    #[rpc]
    async fn handle(&self) {
        self.handled.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }

    #[rpc]
    async fn state(&self) -> State {
        let servers = self.introspection.snapshot().servers;
        let calls = servers.into_iter().flat_map(|server| server.calls);
        State {
            process: std::process::id(),
            handled: self.handled.load(Ordering::Relaxed),
            running: calls.map(|call| call.method).collect(),
        }
    }
}

#[rpc_api]
trait ProgramApi {
    async fn slow(&self) -> String;
    async fn handle(&self);
    async fn state(&self) -> State;
}

#[derive(Serialize, Deserialize)]
struct State {
    process: u32,
    handled: usize,
    running: Vec<String>,
}

fn start(broker: &BergenBroker, workers: usize) -> Guarded {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["the_program", "--exact", "--nocapture"])
        .env(URL, broker.url(""))
        .env(WORKERS, workers.to_string())
        .stdin(Stdio::null());
    Guarded::spawn("program", &mut command, None).unwrap()
}

fn client(broker: &BergenBroker, timeout: Duration) -> ProgramApiClient {
    let options = TransportOptions::default().url(broker.url("").parse().unwrap());
    let transport = RpcTransport::new(options).unwrap();
    let client = RpcClient::builder(&transport, ClientTarget::new("program"));
    ProgramApiClient::new(&client.timeout(timeout).build())
}

/// How many requests each of so many processes has handled.
async fn handled_by(client: &ProgramApiClient, processes: usize) -> BTreeMap<u32, usize> {
    let mut handled = BTreeMap::new();
    while handled.len() < processes {
        if let Ok(state) = client.state().await {
            handled.insert(state.process, state.handled);
        }
    }
    handled
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("in time")
}
