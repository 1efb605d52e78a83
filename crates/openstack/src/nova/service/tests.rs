use std::sync::Mutex;
use std::time::Duration;

use bergen_messaging::rpc::{Call, DynamicEndpoint, Endpoint, MethodError, RpcClient};
use bergen_messaging::target::{ClientTarget, EndpointTarget};
use bergen_messaging::wire::Context;
use bergen_service::{BackdoorPort, PeriodicTask, PeriodicTasks};
use bergen_testing::TestBus;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::nova::stand_in::{HOST, StandIn, State};
use crate::nova::{BaseApi, CreateError, NovaSettings};

/// Writes down what happens to it, among what the conductor is asked for.
struct Recorder {
    state: Arc<Mutex<State>>,
    bus: TestBus,
    failing: Option<&'static str>,
    shutdown: Duration,
}

impl Recorder {
    fn new(stand_in: &StandIn) -> Self {
        let recorder = Self {
            state: stand_in.shared(),
            bus: stand_in.bus.clone(),
            failing: None,
            shutdown: Duration::ZERO,
        };
        recorder.note("manager");
        recorder
    }

    fn note(&self, what: impl Into<String>) {
        self.state.lock().unwrap().ran.push(what.into());
    }

    fn hook(&self, name: &'static str) -> Result<(), ServiceError> {
        let consumers = |topic| self.bus.queue(topic).map_or(0, |queue| queue.consumers);
        let serving = ["compute", "compute-alt"].map(consumers);
        self.note(format!("{name} {serving:?}"));
        match self.failing {
            Some(failing) if failing == name => Err(ServiceError::new("no")),
            _ => Ok(()),
        }
    }
}

impl Manager for Recorder {
    fn service_name(&self) -> &'static str {
        "compute"
    }

    async fn init_host(
        &self,
        record: Option<&crate::objects::nova::Service>,
    ) -> Result<(), ServiceError> {
        assert!(record.is_none_or(|record| record.id.is_set()));
        self.hook("init_host")
    }

    async fn pre_start_hook(&self, record: &Arc<ServiceRecord>) -> Result<(), ServiceError> {
        assert_eq!(record.service().id.get(), Some(&3));
        self.hook("pre_start_hook")
    }

    fn set_backdoor_port(&self, port: Option<BackdoorPort>) {
        self.note(format!("backdoor_port {port:?}"));
    }

    fn endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        vec![Arc::new(endpoint(EndpointTarget::new(), "manager"))]
    }

    fn additional_endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        // It answers to the base API's names, too, but is asked after it.
        let target = EndpointTarget::new().namespace("baseapi").version((1, 1));
        vec![Arc::new(endpoint(target, "additional"))]
    }

    async fn post_start_hook(&self) -> Result<(), ServiceError> {
        self.hook("post_start_hook")
    }

    fn periodic_tasks(self: Arc<Self>) -> PeriodicTasks<RequestContext> {
        self.note("periodic_tasks");
        let mut tasks = PeriodicTasks::new("Recorder");
        let task = PeriodicTask::new("tick", move |context: RequestContext| {
            assert!(context.is_admin);
            self.note("tick");
            async { Ok(()) }
        });
        tasks.add(task.spacing(Duration::from_secs(30)));
        tasks
    }

    async fn graceful_shutdown(&self, timeout: Duration) {
        self.hook("graceful_shutdown").unwrap();
        tokio::time::sleep(self.shutdown).await;
        self.note(format!("shut down, of {timeout:?}"));
    }

    async fn reset(&self) {
        self.note("reset");
    }
}

fn endpoint(target: EndpointTarget, name: &'static str) -> DynamicEndpoint {
    DynamicEndpoint::new(target)
        .method(
            "who",
            move |_: Call| async move { Ok::<_, MethodError>(name) },
        )
        .method("slow", |_: Call| async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            Ok::<_, MethodError>("done")
        })
        .method(
            "ping",
            move |_: Call| async move { Ok::<_, MethodError>(name) },
        )
}

fn builder(stand_in: &StandIn) -> NovaServiceBuilder {
    let mut settings = NovaSettings::default();
    settings.periodic.periodic_fuzzy_delay = 0;
    NovaService::builder(&stand_in.transport, "nova-compute")
        .settings(settings)
        .alternative_topic("compute-alt")
        .backdoor_port(Some(4444.into()))
}

async fn service(stand_in: &StandIn) -> NovaService<Recorder> {
    let creating = builder(stand_in).create(|host| {
        assert_eq!(host, HOST);
        stand_in.bus.sent().method("ping").assert_one();
        Recorder::new(stand_in)
    });
    creating.await.unwrap()
}

fn ran(stand_in: &StandIn) -> Vec<String> {
    std::mem::take(&mut stand_in.state().ran)
}

async fn who(
    stand_in: &StandIn,
    topic: &str,
    method: &'static str,
) -> Result<String, bergen_messaging::rpc::CallError> {
    let client = RpcClient::new(&stand_in.transport, ClientTarget::new(topic));
    client.call(&Context::default(), method, &json!({})).await
}

#[tokio::test]
async fn it_starts_in_the_order_of_nova() {
    let stand_in = StandIn::serving().await;
    let service = service(&stand_in).await;
    service.start().await.unwrap();
    assert_eq!(
        ran(&stand_in),
        [
            "manager",
            "get_minimum_version",
            "get_by_host_and_binary",
            "init_host [0, 0]",
            "create",
            "pre_start_hook [0, 0]",
            "backdoor_port Some(Port(4444))",
            "post_start_hook [1, 1]",
            "periodic_tasks",
        ]
    );
    let timers = service.tasks().snapshot().timers;
    assert_eq!(timers.len(), 2);

    // Heartbeats at 5, 15, 25 and 35 s; the task is due after its spacing.
    tokio::time::sleep(Duration::from_secs(36)).await;
    assert_eq!(ran(&stand_in), ["save", "save", "save", "tick", "save"]);
    service.reset().await;
    assert_eq!(ran(&stand_in), ["reset"]);
    service.stop().await;
    service.wait().await;
}

#[tokio::test]
async fn every_endpoint_is_served_on_both_topics_the_managers_first() {
    let stand_in = StandIn::serving().await;
    let service = service(&stand_in).await;
    service.start().await.unwrap();
    for topic in ["compute", "compute-alt"] {
        assert_eq!(who(&stand_in, topic, "who").await.unwrap(), "manager");
        let base = BaseApi::new(&stand_in.transport, topic).server(HOST);
        let pong = base.ping(&Context::default(), &1).await.unwrap();
        assert_eq!(pong.service, "compute");
        let port = base.backdoor_port(&Context::default()).await;
        assert_eq!(port, Ok(Some(4444.into())));
    }
    service.stop().await;
}

#[tokio::test]
async fn it_stops_in_the_order_of_nova() {
    let stand_in = StandIn::serving().await;
    let mut recorder = Recorder::new(&stand_in);
    recorder.shutdown = Duration::from_secs(40);
    let service = builder(&stand_in).create(|_| recorder).await.unwrap();
    let service = Arc::new(service);
    service.start().await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    ran(&stand_in);

    let client = RpcClient::new(&stand_in.transport, ClientTarget::new("compute"));
    let slow = client.call::<String>(&Context::default(), "slow", &json!({}));
    let slow = tokio::spawn(slow);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(service.in_flight().snapshot()[0].method, "slow");
    let start = Instant::now();
    let stopping = tokio::spawn({
        let service = Arc::clone(&service);
        async move { service.stop().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;

    // The main topic is closed, the alternative one serves; the request is finished and answered.
    assert_eq!(
        stand_in
            .bus
            .queue("compute")
            .map_or(0, |queue| queue.consumers),
        0
    );
    assert_eq!(
        who(&stand_in, "compute-alt", "who").await.unwrap(),
        "manager"
    );
    assert_eq!(slow.await.unwrap().unwrap(), "done");
    stopping.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 40);
    service.wait().await;

    // No periodic task, though one was due; heartbeats to the end, and none afterwards.
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(
        ran(&stand_in),
        [
            "save",
            "graceful_shutdown [0, 1]",
            "save",
            "save",
            "save",
            "save",
            "shut down, of 160s",
        ]
    );
    assert_eq!(
        stand_in
            .bus
            .queue("compute-alt")
            .map_or(0, |queue| queue.consumers),
        0
    );
    assert!(stand_in.state().row.is_some());
}

#[tokio::test]
async fn a_manager_that_does_not_end_is_waited_for_so_long() {
    let stand_in = StandIn::serving().await;
    let mut recorder = Recorder::new(&stand_in);
    recorder.shutdown = Duration::from_hours(1);
    let service = builder(&stand_in).create(|_| recorder).await.unwrap();
    service.start().await.unwrap();
    let start = Instant::now();
    service.stop().await;
    assert_eq!(start.elapsed().as_secs(), 160);
}

#[tokio::test]
async fn a_killed_service_leaves_no_record() {
    let stand_in = StandIn::serving().await;
    let service = service(&stand_in).await;
    service.start().await.unwrap();
    assert!(stand_in.state().row.is_some());
    service.kill().await.unwrap();
    assert_eq!(stand_in.state().row, None);
}

#[tokio::test]
async fn a_failing_hook_ends_the_start_and_what_was_started() {
    let stand_in = StandIn::serving().await;
    for failing in ["init_host", "pre_start_hook", "post_start_hook"] {
        let mut recorder = Recorder::new(&stand_in);
        recorder.failing = Some(failing);
        let service = builder(&stand_in).create(|_| recorder).await.unwrap();
        assert_eq!(service.start().await, Err(ServiceError::new("no")));
        let ran = ran(&stand_in);
        assert!(ran.last().unwrap().starts_with(failing), "{ran:?}");
        assert_eq!(
            stand_in
                .bus
                .queue("compute")
                .map_or(0, |queue| queue.consumers),
            0
        );
        assert!(service.tasks().snapshot().timers.is_empty());
    }
}

#[tokio::test]
async fn nova_computes_that_are_too_old_keep_it_from_starting() {
    let stand_in = StandIn::serving().await;
    stand_in.state().minimum = 71;
    let refused = builder(&stand_in)
        .create(|_| Recorder::new(&stand_in))
        .await;
    let error = refused.unwrap_err();
    assert_eq!(error, CreateError::TooOldCompute { version: 71 });
    stand_in.state().minimum = 72;
    let created = builder(&stand_in)
        .create(|_| Recorder::new(&stand_in))
        .await;
    assert!(created.is_ok());
}

#[tokio::test]
async fn a_name_that_nova_refuses_is_refused_at_once() {
    let stand_in = StandIn::absent();
    let builder = NovaService::builder(&stand_in.transport, "lamp");
    let refused = builder.create(|_| Recorder::new(&stand_in)).await;
    let error = refused.unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"lamp\" is no name of a service of nova; give it one that starts with nova-"
    );
}

#[tokio::test]
async fn it_shows_its_requests_and_timers() {
    let stand_in = StandIn::serving().await;
    let service = service(&stand_in).await;
    service.start().await.unwrap();
    let package = bergen_service::Package::new("nova-compute", "34.0.0");
    let introspection = Introspection::new(package);
    service.show_in(&introspection);
    let slow = who(&stand_in, "compute", "slow");
    let look = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        introspection.snapshot()
    };
    let (slow, seen) = tokio::join!(slow, look);
    slow.unwrap();
    assert_eq!(seen.servers[0].calls[0].method, "slow");
    assert!(seen.timers.iter().any(|timer| timer.name == "report_state"));
    service.stop().await;
}
