//! Brokers that say no, or nothing.

use std::time::Duration;

use bergen_amqp::client::Consume;
use bergen_messaging::driver::{
    CastOptions, Driver, Finding, ListenError, ListenOptions, Retry, SendError,
};
use bergen_messaging::drivers::rabbit::RabbitTuning;
use bergen_testbed::{FaultProxy, TestVhost, shared_rabbit};
use tokio::time::Instant;

use super::harness::*;
use super::lanes::bare;

struct Nobody;

impl bergen_messaging::driver::RequestSink for Nobody {
    fn request(
        &self,
        _: bergen_messaging::driver::IncomingRequest,
    ) -> bergen_messaging::driver::Admission {
        bergen_messaging::driver::Admission::Taken
    }
}

#[tokio::test]
async fn a_wrong_password_fails_at_once_and_is_not_repeated_in_the_error() {
    let rabbit = shared_rabbit().await.unwrap();
    let url = format!(
        "rabbit://{}:wrong-s3cret@{}:{}/",
        rabbit.user(),
        rabbit.host(),
        rabbit.port()
    );
    let client = driver(&url);
    let start = Instant::now();
    let error = call(
        &client,
        &topic("compute"),
        &request("echo", "{}"),
        Duration::from_secs(30),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
    let error = client
        .cast(
            &topic("compute"),
            &request("echo", "{}"),
            CastOptions::default(),
        )
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::Refused { .. }), "{error:?}");
    let target = topic("compute").with_server("one");
    let error = client
        .listen(&target, ListenOptions::new(1), std::sync::Arc::new(Nobody))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, ListenError::Refused { .. }), "{error:?}");
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_virtual_host_that_does_not_exist_is_named() {
    let rabbit = shared_rabbit().await.unwrap();
    let client = driver(&rabbit.url("no-such-vhost"));
    let error = call(
        &client,
        &topic("compute"),
        &request("echo", "{}"),
        Duration::from_secs(30),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(&error, SendError::Refused { cause } if cause.contains("no-such-vhost")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_listener_that_finds_no_broker_fails_after_its_time() {
    let vhost = TestVhost::new("no-broker").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    proxy.refuse(true);
    let mut tuning = RabbitTuning::default();
    tuning.listen_timeout = Duration::from_millis(1500);
    // Pauses between attempts that stay below that time.
    let url = format!("{}?rabbit_retry_backoff=0", through(&vhost.url(), &proxy));
    let server = tuned(&url, tuning);
    let target = topic("compute").with_server("one");
    let error = server
        .listen(&target, ListenOptions::new(1), std::sync::Arc::new(Nobody))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error, ListenError::Unreachable { .. }),
        "{error:?}"
    );
    proxy.heal();
    // What was given up is not started behind the caller's back.
    let listener = server
        .listen(&target, ListenOptions::new(1), std::sync::Arc::new(Nobody))
        .await
        .unwrap();
    let path = format!("consumers/{}", vhost.name());
    let consumers = vhost
        .management()
        .wait_for(&path, Duration::from_secs(15), |list| {
            list.as_array().is_some_and(|list| !list.is_empty())
        })
        .await
        .unwrap();
    assert_eq!(consumers.as_array().unwrap().len(), 3);
    listener.close().await;
}

#[tokio::test]
async fn the_second_host_serves_when_the_first_is_down() {
    let vhost = TestVhost::new("two-hosts").await.unwrap();
    let down = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    down.refuse(true);
    let (user, password) = (vhost.rabbit().user(), vhost.rabbit().password());
    let up = vhost.rabbit().port();
    let url = format!(
        "rabbit://{user}:{password}@127.0.0.1:{},{user}:{password}@127.0.0.1:{up}/{}",
        down.port(),
        vhost.name()
    );
    let client = driver(&url);
    let mut options = CastOptions::default();
    options.retry = Retry::Times(0);
    client
        .cast(&topic("compute"), &request("poke", "{}"), options)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_call_to_a_port_where_nobody_listens_says_so() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let client = driver(&format!("rabbit://guest:guest@127.0.0.1:{port}/"));
    let error = call(
        &client,
        &topic("compute"),
        &request("echo", "{}"),
        Duration::from_millis(500),
    )
    .await
    .unwrap_err();
    let SendError::Timeout(timeout) = error else {
        panic!("{error:?}")
    };
    let [Finding::NotConnected { cause }] = &timeout.findings[..] else {
        panic!("{timeout:?}")
    };
    assert!(cause.contains("refused"), "{cause}");
}

#[tokio::test]
async fn who_waits_for_ever_does_not_hold_up_who_tries_once() {
    let vhost = TestVhost::new("impatient").await.unwrap();
    let proxy = FaultProxy::to_port(vhost.rabbit().port()).await.unwrap();
    proxy.refuse(true);
    let client = driver(&through(&vhost.url(), &proxy));
    let patient = tokio::spawn({
        let client = client.clone();
        async move { cast(&client, &topic("compute"), &request("patient", "{}")).await }
    });
    while client.stats().failed_attempts == 0 {
        tokio::task::yield_now().await;
    }
    let mut once = CastOptions::default();
    once.retry = Retry::Times(0);
    let (target, poke) = (topic("compute"), request("poke", "{}"));
    let impatient = client.cast(&target, &poke, once);
    let error = tokio::time::timeout(Duration::from_secs(5), impatient)
        .await
        .expect("it waited behind the patient one")
        .unwrap_err();
    assert!(matches!(error, SendError::Unreachable { .. }), "{error:?}");
    proxy.heal();
    patient.await.unwrap();
}

#[tokio::test]
async fn a_listener_that_is_refused_leaves_nothing_behind() {
    let vhost = TestVhost::new("refused-listener").await.unwrap();
    let first = Server::start(&vhost.url(), "compute", "first").await;
    first.stop().await;
    let connection = bare(&vhost).await;
    let (channel, _events) = connection.open_channel().await.unwrap();
    let exclusive = Consume {
        exclusive: true,
        ..Consume::new("compute")
    };
    let _consumer = channel.consume_stream(exclusive, 1).await.unwrap();
    let server = driver(&vhost.url());
    let target = topic("compute").with_server("one");
    let error = server
        .listen(&target, ListenOptions::new(1), std::sync::Arc::new(Nobody))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, ListenError::Refused { .. }), "{error:?}");
    let queues = vhost.management().queues(vhost.name()).await.unwrap();
    let fanouts = queues
        .iter()
        .filter(|queue| queue["name"].as_str().unwrap().contains("_fanout_"));
    assert_eq!(fanouts.count(), 0, "{queues:?}");
    connection.close().await.unwrap();
}
