use bergen_messaging::rpc::{DynamicEndpoint, MethodError, RpcServer};
use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen_messaging::transport::RpcTransport;
use bergen_testing::{Fault, TestBus};
use serde_json::json;
use tokio::time::Instant;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

async fn serving(transport: &RpcTransport) -> RpcServer {
    let endpoint = DynamicEndpoint::new(EndpointTarget::new())
        .method("sync", |_| async { Ok::<_, MethodError>(1) })
        .method("count", |_| async { Ok::<_, MethodError>(2) });
    let server = RpcServer::builder(transport, ServerTarget::new("plugin", "s-1"))
        .endpoint(endpoint)
        .build();
    server.start().await.unwrap();
    server
}

fn client(transport: &RpcTransport, timeouts: &MethodTimeouts) -> BackingOffClient {
    let client = RpcClient::new(transport, ClientTarget::new("plugin"));
    BackingOffClient::new(&client, timeouts)
}

async fn call(client: &BackingOffClient, method: &'static str) -> Result<i32, CallError> {
    client.call(&Context::default(), method, &json!({})).await
}

#[tokio::test(start_paused = true)]
async fn a_timeout_doubles_the_timeout_of_its_method_for_all_clients_up_to_the_maximum() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = serving(&transport).await;
    let timeouts = MethodTimeouts::default();
    let lost = bus.inject(Fault::lose().method("sync"));

    let mut seen = Vec::new();
    for _ in 0..6 {
        // Another client each time: the table belongs to the program.
        let client = client(&transport, &timeouts.clone());
        let used = timeouts.timeout("sync");
        let began = Instant::now();
        assert!(call(&client, "sync").await.unwrap_err().is_timeout());
        let slept = began.elapsed().saturating_sub(used);
        assert!(slept <= MINUTE, "{slept:?} for {used:?}");
        seen.push(used.as_secs());
    }
    assert_eq!(seen, [60, 120, 240, 480, 600, 600]);
    assert_eq!(timeouts.timeout("count"), MINUTE);

    // Success does not take it back.
    lost.remove();
    assert_eq!(call(&client(&transport, &timeouts), "sync").await, Ok(1));
    assert_eq!(timeouts.timeout("sync").as_secs(), 600);
}

#[tokio::test(start_paused = true)]
async fn the_sleep_after_a_timeout_is_random() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = serving(&transport).await;
    bus.inject(Fault::lose().method("sync"));
    let mut sleeps = Vec::new();
    for _ in 0..5 {
        let timeouts = MethodTimeouts::default();
        let began = Instant::now();
        call(&client(&transport, &timeouts), "sync")
            .await
            .unwrap_err();
        sleeps.push(began.elapsed());
    }
    sleeps.dedup();
    assert!(sleeps.len() > 1, "{sleeps:?}");
}

#[tokio::test(start_paused = true)]
async fn an_own_timeout_neither_grows_nor_sleeps() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = serving(&transport).await;
    bus.inject(Fault::lose().method("sync"));
    let timeouts = MethodTimeouts::default();
    let client = client(&transport, &timeouts).timeout(Duration::from_secs(7));
    let began = Instant::now();
    assert!(call(&client, "sync").await.unwrap_err().is_timeout());
    assert_eq!(began.elapsed().as_secs(), 7);
    assert_eq!(timeouts.timeout("sync"), MINUTE);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_part_of_a_methods_name() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = serving(&transport).await;
    bus.inject(Fault::lose().method("sync"));
    let timeouts = MethodTimeouts::default();
    let dvr = ClientTarget::new("plugin").namespace("dvr");
    let client = BackingOffClient::new(&RpcClient::new(&transport, dvr), &timeouts);
    call(&client, "sync").await.unwrap_err();
    assert_eq!(timeouts.timeout("dvr.sync"), MINUTE * 2);
    assert_eq!(timeouts.timeout("sync"), MINUTE);
}

#[test]
fn a_lower_maximum_lowers_what_is_above_it_and_a_higher_one_changes_nothing() {
    let timeouts = MethodTimeouts::default();
    timeouts.timed_out("sync", MINUTE * 4);
    timeouts.timed_out("count", MINUTE);
    timeouts.set_max_timeout(MINUTE * 3);
    assert_eq!(timeouts.timeout("sync"), MINUTE * 3);
    assert_eq!(timeouts.timeout("count"), MINUTE * 2);
    timeouts.set_max_timeout(MINUTE * 10);
    timeouts.timed_out("sync", MINUTE * 3);
    assert_eq!(timeouts.timeout("sync"), MINUTE * 3);
}

#[test]
fn the_sleep_is_bounded_by_the_first_timeout() {
    let timeouts = MethodTimeouts::default();
    assert_eq!(timeouts.timed_out("sync", MINUTE), MINUTE);
    assert_eq!(timeouts.timed_out("sync", MINUTE * 2), MINUTE);
}

#[tokio::test(start_paused = true)]
async fn a_cast_that_is_not_delivered_is_forgotten() {
    let bus = TestBus::new();
    let client = client(&bus.rpc_transport(), &MethodTimeouts::default());
    bus.disconnect();
    let ctxt = Context::default();
    assert_eq!(client.cast(&ctxt, "sync", &json!({})).await, Ok(()));
    // What the program itself did wrong is not.
    let refused = client.cast(&ctxt, "sync", &json!([1])).await;
    assert!(matches!(refused, Err(CallError::Arguments { .. })));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_server_ends_where_no_time_is_given() {
    let bus = TestBus::new();
    let timeouts = MethodTimeouts::new(Duration::ZERO, MINUTE);
    let client = client(&bus.rpc_transport(), &timeouts);
    let (ctxt, pause) = (Context::default(), Duration::from_secs(1));
    let arguments = json!({});
    let waited = client.call_until_answered::<i32>(&ctxt, "sync", &arguments, pause);
    assert!(matches!(waited.await, Err(CallError::Expired { .. })));
}
