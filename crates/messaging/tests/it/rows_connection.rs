//! A set of servers: consumed together, closed together.

use std::sync::Arc;
use std::time::Duration;

use bergen_config::Source;
use bergen_messaging::driver::ListenError;
use bergen_messaging::options;
use bergen_messaging::rpc::{
    Arguments, Call, Connection, DynamicEndpoint, Endpoint, MethodError, RpcClient, RpcServer,
    ServerError,
};
use bergen_messaging::target::{ClientTarget, EndpointTarget, Target};
use bergen_messaging::transport::RpcTransport;
use tokio::time::Instant;

use crate::bus::Bus;
use crate::rpc_client::{ctxt, endpoint};

/// A transport whose option `host` is `host-1`.
fn transport(bus: &Arc<Bus>) -> RpcTransport {
    let mut values = options::defaults();
    values
        .set("DEFAULT", "host", "host-1", Source::Code)
        .unwrap();
    RpcTransport::new(bus.options().options(values)).unwrap()
}

/// An endpoint whose `who` answers `name`.
fn named(name: &'static str) -> Arc<dyn Endpoint> {
    Arc::new(
        DynamicEndpoint::new(EndpointTarget::new()).method("who", move |_: Call| async move {
            Ok::<_, MethodError>(name)
        }),
    )
}

#[tokio::test(start_paused = true)]
async fn a_set_of_servers_touches_nothing_before_it_consumes() {
    let bus = Bus::new();
    let transport = transport(&bus);
    let mut connection = Connection::new(&transport);
    connection.create_consumer("agent", [named("agent")], false);
    connection.create_consumer("update", [named("update"), named("unheard")], true);
    assert_eq!(connection.servers().len(), 2);
    assert_eq!((bus.listens(), bus.consumers()), (0, 0));

    assert_eq!(connection.consume_in_threads().await.unwrap().len(), 2);
    assert_eq!(bus.consumers(), 2);
    for topic in ["agent", "update"] {
        let client = RpcClient::new(&transport, ClientTarget::new(topic));
        for client in [client.prepare(), client.prepare().server("host-1")] {
            let who: String = client.call(&ctxt(), "who", &()).await.unwrap();
            assert_eq!(who, topic);
        }
    }
    connection.close().await.unwrap();
    assert_eq!(bus.consumers(), 0);
    connection.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_void_set_creates_no_consumer() {
    let bus = Bus::new();
    let mut connection = Connection::void();
    connection.create_consumer("agent", [named("agent")], false);
    connection.add(RpcServer::builder_unchecked(&transport(&bus), Target::default()).build());
    assert_eq!(connection.consume_in_threads().await.unwrap().len(), 0);
    connection.close().await.unwrap();
    assert_eq!(bus.listens(), 0);
}

#[tokio::test(start_paused = true)]
async fn servers_are_named_by_the_option_host() {
    let bus = Bus::new();
    let mut connection = Connection::new(&transport(&bus));
    connection.create_consumer("agent", [], true);
    let expected = Target::default()
        .with_topic("agent")
        .with_server("host-1")
        .with_fanout(true);
    assert_eq!(*connection.servers()[0].target(), expected);
    // Where nothing is configured, the machine's own name.
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(bus.transport().host(), machine.trim());
}

#[tokio::test(start_paused = true)]
async fn if_one_server_fails_to_start_the_others_are_stopped() {
    let bus = Bus::new();
    let transport = transport(&bus);
    let mut connection = Connection::new(&transport);
    connection.create_consumer("first", [named("first")], false);
    // The second of three has no name, which shows when it starts.
    let nameless = Target::default().with_topic("second");
    connection.add(RpcServer::builder_unchecked(&transport, nameless.clone()).build());
    connection.create_consumer("third", [named("third")], false);
    let Err(ServerError::Listen(error)) = connection.consume_in_threads().await else {
        panic!("started")
    };
    assert_eq!(*error.target, nameless);
    assert!(matches!(error.cause, ListenError::InvalidTarget(_)));
    assert_eq!(bus.listens(), 2, "the others were started at the same time");
    assert_eq!(bus.consumers(), 0);
    assert!(
        connection
            .servers()
            .iter()
            .all(|server| !server.is_running())
    );
}

#[tokio::test(start_paused = true)]
async fn closing_stops_all_servers_before_it_waits_for_any() {
    let bus = Bus::new();
    let transport = transport(&bus);
    let mut connection = Connection::new(&transport);
    for topic in ["slow", "quick"] {
        connection.create_consumer(topic, [Arc::new(endpoint()) as Arc<dyn Endpoint>], false);
    }
    connection.consume_in_threads().await.unwrap();
    let call = |topic: &str, seconds: u64| {
        let client = RpcClient::new(&transport, ClientTarget::new(topic));
        let arguments = Arguments::new().with("seconds", &seconds).unwrap();
        tokio::spawn(async move { client.call::<()>(&ctxt(), "sleep", &arguments).await })
    };
    let in_flight = [call("slow", 10), call("quick", 3)];
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let closing = tokio::spawn(async move { connection.close().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The first still works on its call, and the second takes nothing any more all the same.
    let late = call("quick", 0);
    closing.await.unwrap().unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(9));
    for call in in_flight {
        assert_eq!(call.await.unwrap(), Ok(()));
    }
    assert_eq!((bus.waiting("quick"), bus.consumers()), (1, 0));
    late.abort();
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_is_created_later_is_started_by_the_next_call() {
    let bus = Bus::new();
    let mut connection = Connection::new(&transport(&bus));
    connection.create_consumer("first", [named("first")], false);
    connection.consume_in_threads().await.unwrap();
    connection.create_consumer("second", [named("second")], false);
    assert_eq!(bus.consumers(), 1);
    connection.consume_in_threads().await.unwrap();
    assert_eq!((bus.consumers(), bus.listens()), (2, 2));
    connection.create_consumer("third", [named("third")], false);
    // The third never started, and is not waited for.
    connection.close().await.unwrap();
    assert_eq!(bus.consumers(), 0);
}
