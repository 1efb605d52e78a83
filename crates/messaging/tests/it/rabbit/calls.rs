//! Calls, casts and fanouts between two Rust processes' worth of drivers.

use std::time::Duration;

use bergen_messaging::driver::{
    Bound, CallOptions, CastOptions, Driver, Finding, ListenError, SendError,
};
use bergen_testbed::TestVhost;
use tokio::time::Instant;

use super::harness::*;

#[tokio::test]
async fn a_call_reaches_any_server_of_a_topic_or_the_one_it_names() {
    let vhost = TestVhost::new("calls").await.unwrap();
    let one = Server::start(&vhost.url(), "compute", "one").await;
    let two = Server::start(&vhost.url(), "compute", "two").await;
    let client = driver(&vhost.url());
    let echoed = result(
        &client,
        &topic("compute"),
        &request("echo", r#"{"a": [1, 2.5, null]}"#),
    )
    .await;
    assert_eq!(echoed, r#"{"a": [1, 2.5, null]}"#);
    for name in ["one", "two"] {
        let target = topic("compute").with_server(name);
        assert_eq!(
            result(&client, &target, &request("whoami", "{}")).await,
            format!("{name:?}")
        );
    }
    close(&client).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn casts_and_fanouts_are_confirmed_and_arrive() {
    let vhost = TestVhost::new("casts").await.unwrap();
    let one = Server::start(&vhost.url(), "compute", "one").await;
    let two = Server::start(&vhost.url(), "compute", "two").await;
    let client = driver(&vhost.url());
    cast(
        &client,
        &topic("compute").with_server("one"),
        &request("poke", "{}"),
    )
    .await;
    let seen = one.wait_for(1).await;
    assert_eq!(
        (seen[0].method.as_str(), seen[0].has_deadline),
        ("poke", false)
    );
    cast(
        &client,
        &topic("compute").with_fanout(true),
        &request("all", "{}"),
    )
    .await;
    assert_eq!(one.wait_for(2).await[1].method, "all");
    assert_eq!(two.wait_for(1).await[0].method, "all");
    close(&client).await;
}

#[tokio::test]
async fn a_failure_comes_back_as_what_the_server_sent() {
    let vhost = TestVhost::new("failure").await.unwrap();
    let _server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    let reply = call(
        &client,
        &topic("compute"),
        &request("fail", "{}"),
        Duration::from_secs(10),
    )
    .await;
    let failure = reply.unwrap().unwrap_err();
    assert_eq!(
        (failure.module.as_str(), failure.class.as_str()),
        ("nova.exception", "NotFound")
    );
    assert_eq!(failure.message, "no such thing");
}

#[tokio::test]
async fn a_call_that_gets_no_reply_ends_at_its_deadline() {
    let vhost = TestVhost::new("timeout").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    let start = Instant::now();
    let error = call(
        &client,
        &topic("compute"),
        &request("hold", "{}"),
        Duration::from_millis(700),
    )
    .await
    .unwrap_err();
    assert!(
        (650..1200).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
    assert!(
        error
            .to_string()
            .starts_with("Timed out waiting for a reply to message ID "),
        "{error}"
    );
    assert!(server.wait_for(1).await[0].has_deadline);
    // The late reply finds nobody and harms nobody.
    server.release();
    assert_eq!(
        result(&client, &topic("compute"), &request("echo", "{}")).await,
        "{}"
    );
    // It may come after the answer to the other call: they were made by two tasks.
    let late = async {
        while client.stats().unknown_replies == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), late)
        .await
        .expect("the late reply never came");
    assert_eq!(client.stats().unknown_replies, 1);
}

#[tokio::test]
async fn keep_alives_extend_a_monitored_call_and_their_end_fails_it() {
    let vhost = TestVhost::new("monitor").await.unwrap();
    let _server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    let mut pulse = request("pulse", r#"{"ms": 1500}"#);
    pulse.monitor = Some(Duration::from_millis(600));
    assert_eq!(
        result(&client, &topic("compute"), &pulse).await,
        r#"{"ms": 1500}"#
    );
    assert!(client.stats().keep_alives >= 10);

    let mut hold = request("hold", "{}");
    hold.monitor = Some(Duration::from_millis(600));
    let start = Instant::now();
    let error = call(&client, &topic("compute"), &hold, Duration::from_secs(10))
        .await
        .unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    let SendError::Timeout(timeout) = error else {
        panic!("{error:?}")
    };
    assert!(timeout.keep_alives_stopped);
}

#[tokio::test]
async fn at_least_once_fails_at_once_where_nobody_listens() {
    let vhost = TestVhost::new("undeliverable").await.unwrap();
    let client = driver(&vhost.url());
    let mut options = CastOptions::default();
    options.at_least_once = true;
    let error = client
        .cast(&topic("nobody"), &request("poke", "{}"), options.clone())
        .await
        .unwrap_err();
    let expected = SendError::Undeliverable {
        exchange: EXCHANGE.to_owned(),
        routing_key: "nobody".to_owned(),
    };
    assert_eq!(error, expected);
    let mut call_options = CallOptions::new(Instant::now() + Duration::from_secs(10));
    call_options.at_least_once = true;
    let error = client
        .call(&topic("nobody"), &request("poke", "{}"), call_options)
        .await
        .unwrap_err();
    assert_eq!(error, expected);
    // A fanout has no such promise.
    client
        .cast(
            &topic("nobody").with_fanout(true),
            &request("poke", "{}"),
            options,
        )
        .await
        .unwrap();
    // Nor has a plain cast.
    cast(&client, &topic("nobody"), &request("poke", "{}")).await;
}

#[tokio::test]
async fn dropping_a_call_leaves_its_server_alone_and_the_client_sound() {
    let vhost = TestVhost::new("dropped").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    let target = topic("compute");
    let hold = request("hold", "{}");
    let dropped = call(&client, &target, &hold, Duration::from_secs(30));
    let dropped = tokio::time::timeout(Duration::from_millis(300), dropped).await;
    assert!(dropped.is_err());
    server.wait_for(1).await;
    server.release();
    assert_eq!(result(&client, &target, &request("echo", "{}")).await, "{}");
    // The two answers may overtake each other.
    until(|| client.stats().unknown_replies == 1).await;
}

#[tokio::test]
async fn closing_ends_waiting_calls_and_refuses_new_ones() {
    let vhost = TestVhost::new("closing").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    let waiting = tokio::spawn({
        let client = client.clone();
        async move {
            call(
                &client,
                &topic("compute"),
                &request("hold", "{}"),
                Duration::from_secs(30),
            )
            .await
        }
    });
    server.wait_for(1).await;
    close(&client).await;
    close(&client).await;
    assert_eq!(waiting.await.unwrap().unwrap_err(), SendError::Closed);
    let late = call(
        &client,
        &topic("compute"),
        &request("echo", "{}"),
        Duration::from_secs(5),
    )
    .await;
    assert_eq!(late.unwrap_err(), SendError::Closed);
}

#[tokio::test]
async fn a_held_request_goes_back_to_the_queue_when_its_server_leaves() {
    let vhost = TestVhost::new("held").await.unwrap();
    let first = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    cast(&client, &topic("compute"), &request("keep", "{}")).await;
    let unique_id = first.wait_for(1).await[0].unique_id.clone();
    first.stop().await;
    let second = Server::start(&vhost.url(), "compute", "two").await;
    let seen = second.wait_for(1).await;
    assert_eq!(
        (seen[0].unique_id.as_str(), seen[0].redelivered),
        (unique_id.as_str(), true)
    );
    // Acknowledged by hand it does not come again.
    second
        .service
        .held
        .lock()
        .unwrap()
        .pop()
        .unwrap()
        .acknowledge()
        .unwrap();
    second.stop().await;
    let third = Server::start(&vhost.url(), "compute", "three").await;
    cast(&client, &topic("compute"), &request("poke", "{}")).await;
    assert_eq!(third.wait_for(1).await[0].method, "poke");
}

#[tokio::test]
async fn a_silent_call_is_explained_by_its_queue() {
    let vhost = TestVhost::new("silent").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    server.stop().await;
    let client = driver(&vhost.url());
    let error = call(
        &client,
        &topic("compute"),
        &request("echo", "{}"),
        Duration::from_millis(1800),
    )
    .await
    .unwrap_err();
    let SendError::Timeout(timeout) = error else {
        panic!("{error:?}")
    };
    let queue = "compute".to_owned();
    assert_eq!(timeout.findings, [Finding::NoConsumer { queue }]);
    assert!(timeout.to_string().contains("had no consumer"), "{timeout}");
    assert_eq!(client.stats().probes, 1);
}

#[tokio::test]
async fn one_call_too_many_is_told_so() {
    let vhost = TestVhost::new("overloaded").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&format!("{}?bergen_max_waiting_calls=2", vhost.url()));
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(
                async move { result(&client, &topic("compute"), &request("hold", "{}")).await },
            )
        })
        .collect();
    server.wait_for(2).await;
    let (target, echo) = (topic("compute"), request("echo", "{}"));
    let third = call(&client, &target, &echo, Duration::from_secs(5)).await;
    assert_eq!(
        third.unwrap_err(),
        SendError::Overloaded(Bound::WaitingCalls(2))
    );
    server.release();
    for call in waiting {
        call.await.unwrap();
    }
    assert_eq!(result(&client, &target, &echo).await, "{}");
}

#[tokio::test]
async fn what_is_too_late_already_is_not_sent() {
    let vhost = TestVhost::new("too-late").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    let target = topic("compute");
    result(&client, &target, &request("echo", "{}")).await;
    let late = call(&client, &target, &request("late", "{}"), Duration::ZERO).await;
    assert!(late.unwrap_err().is_timeout());
    let mut options = CastOptions::default();
    options.deadline = Some(Instant::now());
    let late = request("late", "{}");
    client.cast(&target, &late, options).await.unwrap_err();
    result(&client, &target, &request("echo", "{}")).await;
    let methods: Vec<String> = server
        .wait_for(2)
        .await
        .into_iter()
        .map(|seen| seen.method)
        .collect();
    assert_eq!(methods, ["echo", "echo"]);
}

#[tokio::test]
async fn a_listener_ends_with_its_driver() {
    let vhost = TestVhost::new("listener-ends").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    close(&server.driver).await;
    let failed = server.listener.as_ref().unwrap().failed();
    let failed = tokio::time::timeout(Duration::from_secs(5), failed).await;
    assert_eq!(failed.unwrap(), ListenError::Closed);
}
