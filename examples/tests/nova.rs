//! The compute service and the conductor as processes, on a broker of our own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly, as the tests themselves"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bergen::openstack::context::RequestContext;
use bergen::openstack::nova::{BaseApi, ConductorApi, NovaSettings, ServiceRecords};
use bergen::openstack::objects::nova::Service;
use bergen::prelude::*;
use bergen_testbed::{BergenBroker, Guarded};
use serde_json::{Value, json};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_compute_service_registers_with_a_conductor_serves_and_takes_its_record_away() {
    let broker = BergenBroker::start(&[]).await.unwrap();
    let folder = Folder::new("nova");
    let transport = transport(&broker);
    let ctxt = RequestContext::admin_nova().to_wire();
    // The service comes first, and waits for the conductor.
    let mut compute = Program {
        path: env!("CARGO_BIN_EXE_compute"),
        arguments: &["--host", "cmp-1", "--remove", "--slow", "3"],
        options: "report_interval = 1",
    }
    .start(&broker, &folder);
    let mut conductor = Program {
        path: env!("CARGO_BIN_EXE_conductor"),
        arguments: &["--host", "ctl-1", "--database", "nova.sqlite"],
        options: "report_interval = 1\nbackdoor_port = 0\n[conductor]\nworkers = 2",
    }
    .start(&broker, &folder);
    let api = ConductorApi::new(&transport, &NovaSettings::default());
    within(api.wait_for_conductor(&ctxt)).await.unwrap();
    serves_as_a_conductor(&transport, &ctxt).await;

    let heard = async |service: &Service| service.report_count.get() >= Some(&2);
    let service = within(record(&api, &ctxt, heard)).await;
    assert_eq!(service.version.get(), Some(&74));
    assert_eq!(service.topic.get(), Some(&Some("compute".to_owned())));
    serves_as_a_compute(&transport, &ctxt).await;

    let ended = compute.stop(PATIENCE).await.unwrap();
    assert_eq!(ended.code(), Some(0));
    let gone = api.find(&ctxt, "cmp-1", "nova-compute").await;
    assert_eq!(gone, Ok(None));
    let ended = conductor.stop(PATIENCE).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

/// Both workers answer, each with a backdoor of its own, and there are two APIs.
async fn serves_as_a_conductor(transport: &RpcTransport, ctxt: &Context) {
    let base = BaseApi::new(transport, "conductor");
    assert_eq!(base.ping(ctxt, "hello").await.unwrap().service, "conductor");
    let mut ports = BTreeSet::new();
    let both = async {
        while ports.len() < 2 {
            ports.insert(base.backdoor_port(ctxt).await.unwrap().unwrap());
        }
    };
    within(both).await;
    let target = ClientTarget::new("conductor").namespace("compute_task");
    let task_api = RpcClient::new(transport, target.version((1, 21)));
    let images = json!({"image_ids": ["i-1"]});
    let answer: Value = task_api.call(ctxt, "cache_images", &images).await.unwrap();
    assert_eq!(answer, Value::Null);
}

/// A slow answer is waited for as long as somebody says that it is on its way.
async fn serves_as_a_compute(transport: &RpcTransport, ctxt: &Context) {
    for topic in ["compute", "compute-alt"] {
        let base = BaseApi::new(transport, topic).server("cmp-1");
        let pong = base.ping(ctxt, &json!({"n": 1})).await.unwrap();
        assert_eq!(pong.service, "compute");
        assert_eq!(base.backdoor_port(ctxt).await, Ok(None));
    }
    let target = ClientTarget::new("compute").server("cmp-1").version((6, 0));
    let client = RpcClient::new(transport, target);
    let patient = client
        .prepare()
        .call_monitor_timeout(Some(Duration::from_secs(2)));
    let enabled = json!({"enabled": false});
    let answer: String = patient
        .call(ctxt, "set_host_enabled", &enabled)
        .await
        .unwrap();
    assert_eq!(answer, "disabled");
    let uptime: String = client.call(ctxt, "get_host_uptime", &()).await.unwrap();
    assert!(uptime.contains(" up 0 days"), "{uptime}");
}

/// The record of the compute service, once it is as wanted.
async fn record(
    api: &ConductorApi,
    ctxt: &Context,
    wanted: impl AsyncFn(&Service) -> bool,
) -> Service {
    loop {
        if let Some(service) = api.find(ctxt, "cmp-1", "nova-compute").await.unwrap()
            && wanted(&service).await
        {
            return service;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

struct Program<'a> {
    path: &'a str,
    arguments: &'a [&'a str],
    options: &'a str,
}

impl Program<'_> {
    fn start(self, broker: &BergenBroker, folder: &Folder) -> Guarded {
        let name = Path::new(self.path).file_name().unwrap().to_str().unwrap();
        let file = folder.0.join(name).with_extension("conf");
        std::fs::write(&file, format!("[DEFAULT]\n{}\n", self.options)).unwrap();
        let mut command = Command::new(self.path);
        command
            .args(["--url", &broker.url(""), "--config-file"])
            .arg(file)
            .args(self.arguments)
            .current_dir(&folder.0)
            .stdin(Stdio::null());
        Guarded::spawn(name, &mut command, None).unwrap()
    }
}

/// A folder of the test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn transport(broker: &BergenBroker) -> RpcTransport {
    let options = TransportOptions::default().url(broker.url("").parse().unwrap());
    RpcTransport::new(options.control_exchange("nova")).unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("in time")
}
