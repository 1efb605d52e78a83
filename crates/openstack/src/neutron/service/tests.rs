use std::sync::Mutex as StdMutex;

use bergen_messaging::rpc::{DynamicEndpoint, Endpoint, MethodError, RpcClient};
use bergen_messaging::target::{ClientTarget, EndpointTarget};
use bergen_messaging::wire::Context;
use bergen_service::{PeriodicTask, PeriodicTasks};
use bergen_testing::TestBus;
use serde_json::json;

use super::*;

/// Writes down what happens to it, with what of its topic is consumed at that time.
struct Recorder {
    bus: TestBus,
    events: Arc<StdMutex<Vec<String>>>,
    fails_at: Option<&'static str>,
}

impl Recorder {
    fn new(bus: &TestBus) -> Arc<Self> {
        Self::failing(bus, None)
    }

    fn failing(bus: &TestBus, fails_at: Option<&'static str>) -> Arc<Self> {
        Arc::new(Self {
            bus: bus.clone(),
            events: Arc::default(),
            fails_at,
        })
    }

    fn note(&self, event: &'static str) -> Result<(), ServiceError> {
        let consumed = self.bus.queue("l3_agent").is_some();
        let with = if consumed { " (serving)" } else { "" };
        self.events.lock().unwrap().push(format!("{event}{with}"));
        match self.fails_at {
            Some(failing) if failing == event => Err(ServiceError::new("on purpose")),
            _ => Ok(()),
        }
    }

    fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }
}

impl Agent for Recorder {
    fn endpoints(self: Arc<Self>) -> Vec<Arc<dyn Endpoint>> {
        let endpoint = DynamicEndpoint::new(EndpointTarget::new())
            .method("ping", |_| async { Ok::<_, MethodError>("pong") });
        vec![Arc::new(endpoint)]
    }

    async fn init_host(&self) -> Result<(), ServiceError> {
        self.note("init_host")
    }

    async fn initialize_service_hook(
        self: Arc<Self>,
        connection: &mut Connection,
    ) -> Result<(), ServiceError> {
        assert_eq!(connection.servers().len(), 1);
        let endpoints = Arc::clone(&self).endpoints();
        connection.create_consumer("extra", endpoints, true);
        self.note("initialize_service_hook")
    }

    async fn report_state(&self) {
        let _ = self.note("report_state");
    }

    fn periodic_tasks(self: Arc<Self>) -> PeriodicTasks<RequestContext> {
        let mut tasks = PeriodicTasks::new("Recorder");
        tasks.add(
            PeriodicTask::new("tidy", move |context: RequestContext| {
                let agent = Arc::clone(&self);
                async move {
                    assert!(context.is_admin);
                    agent.note("tidy")
                }
            })
            .run_immediately(true),
        );
        tasks
    }

    async fn after_start(&self) -> Result<(), ServiceError> {
        self.note("after_start")
    }

    async fn stop(&self) {
        let _ = self.note("stop");
    }

    async fn reset(&self) {
        let _ = self.note("reset");
    }
}

fn builder(bus: &TestBus) -> NeutronServiceBuilder {
    // The first pass comes after a random delay; where it is not what is tested, there is none.
    NeutronService::builder(&bus.rpc_transport(), "neutron-l3-agent").periodic_interval(None)
}

async fn ping(bus: &TestBus, topic: &str) -> String {
    let client = RpcClient::new(&bus.rpc_transport(), ClientTarget::new(topic));
    let answer = client.call(&Context::default(), "ping", &json!({})).await;
    answer.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_hooks_come_in_neutrons_order_and_the_hook_adds_a_topic() {
    let bus = TestBus::new();
    let recorder = Recorder::new(&bus);
    let service = builder(&bus).build(Arc::clone(&recorder));
    service.start().await.unwrap();
    assert_eq!(
        recorder.events(),
        [
            "init_host",
            "initialize_service_hook",
            "after_start (serving)"
        ]
    );
    assert_eq!(ping(&bus, "l3_agent").await, "pong");
    assert_eq!(ping(&bus, "extra").await, "pong");
    service.reset().await;
    service.stop().await;
    service.wait().await;
    let events = recorder.events();
    assert!(events.contains(&"reset (serving)".to_owned()));
    assert!(events.last().unwrap().starts_with("stop"));
    assert!(service.tasks().snapshot().timers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn timers_have_the_intervals_of_the_options() {
    let bus = TestBus::new();
    let recorder = Recorder::new(&bus);
    let service = builder(&bus)
        .report_interval(Some(Duration::from_secs(30)))
        .periodic_interval(Some(Duration::from_secs(40)))
        .periodic_fuzzy_delay(0)
        .build(Arc::clone(&recorder));
    service.start().await.unwrap();
    let count = |event: &str| {
        let events = recorder.events();
        events
            .iter()
            .filter(|noted| noted.starts_with(event))
            .count()
    };
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!((count("report_state"), count("tidy")), (0, 1));
    tokio::time::sleep(Duration::from_secs(52)).await;
    // A spacing of a minute on passes at 0, 40 and 80 s.
    assert_eq!((count("report_state"), count("tidy")), (2, 2));
    service.stop().await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!((count("report_state"), count("tidy")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_failing_hook_ends_the_start_and_what_was_started() {
    for (fails_at, before) in [
        ("init_host", 1),
        ("initialize_service_hook", 2),
        ("after_start", 3),
    ] {
        let bus = TestBus::new();
        let recorder = Recorder::failing(&bus, Some(fails_at));
        let service = builder(&bus).build(Arc::clone(&recorder));
        assert!(service.start().await.is_err(), "{fails_at}");
        let events = recorder.events();
        assert_eq!(events.len(), before + 1, "{events:?}");
        assert!(events[before].starts_with("stop"), "{events:?}");
        assert!(service.tasks().snapshot().timers.is_empty());
        let calls = RpcClient::new(&bus.rpc_transport(), ClientTarget::new("l3_agent"));
        let calls = calls.prepare().timeout(Duration::from_secs(5));
        let answer = calls.call::<String>(&Context::default(), "ping", &json!({}));
        assert!(answer.await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn the_topic_follows_from_the_binary_and_the_factory_gets_the_host() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let topic = |binary: &str| {
        let service = NeutronService::builder(&transport, binary).build(Recorder::new(&bus));
        service.topic().to_owned()
    };
    assert_eq!(topic("neutron-dhcp-agent"), "dhcp_agent");
    assert_eq!(topic("my-agent"), "my_agent");
    let mut hosts = Vec::new();
    let service = builder(&bus).topic("other").build_with(|host| {
        hosts.push(host.to_owned());
        Recorder {
            bus: bus.clone(),
            events: Arc::default(),
            fails_at: None,
        }
    });
    assert_eq!(service.topic(), "other");
    assert_eq!(hosts, [transport.host()]);
}

#[tokio::test(start_paused = true)]
async fn its_servers_and_timers_are_shown() {
    let bus = TestBus::new();
    let introspection = Introspection::new(bergen_service::Package::new("l3-agent", "1"));
    let service = builder(&bus)
        .report_interval(Some(Duration::from_secs(10)))
        .introspection(&introspection)
        .build(Recorder::new(&bus));
    service.start().await.unwrap();
    let seen = introspection.snapshot();
    assert_eq!(seen.servers.len(), 2);
    assert!(seen.timers.iter().any(|timer| timer.name == "report_state"));
    service.stop().await;
}
