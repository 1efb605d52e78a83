//! Servers that are not there: never, not any more, not yet.

use std::sync::Arc;
use std::time::Duration;

use bergen_messaging::driver::SendError;
use bergen_messaging::drivers::rabbit::RabbitTuning;
use bergen_testbed::TestVhost;
use tokio::time::Instant;

use super::harness::*;

#[tokio::test]
async fn a_call_to_a_topic_that_was_never_declared_fails_after_the_grace_time() {
    let vhost = TestVhost::new("never-declared").await.unwrap();
    let client = driver(&vhost.url());
    let start = Instant::now();
    let error = call(
        &client,
        &topic("nobody"),
        &request("echo", "{}"),
        Duration::from_secs(2),
    )
    .await
    .unwrap_err();
    let expected = SendError::NoServer {
        exchange: EXCHANGE.to_owned(),
        routing_key: "nobody".to_owned(),
    };
    assert_eq!(error, expected);
    // Half of the deadline, since that is less than the three seconds of grace.
    assert!(
        (950..1600).contains(&start.elapsed().as_millis()),
        "{:?}",
        start.elapsed()
    );
    assert!(client.stats().calls_returned >= 3);
}

#[tokio::test]
async fn without_grace_it_fails_at_once_and_like_the_peer_it_times_out() {
    let vhost = TestVhost::new("no-grace").await.unwrap();
    let mut tuning = RabbitTuning::default();
    tuning.no_server_grace = Duration::ZERO;
    let client = tuned(&vhost.url(), tuning);
    let error = call(
        &client,
        &topic("nobody"),
        &request("echo", "{}"),
        Duration::from_secs(20),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, SendError::NoServer { .. }), "{error:?}");
    assert_eq!(client.stats().calls_returned, 1);

    let peer = tuned(&vhost.url(), RabbitTuning::like_the_peer());
    let error = call(
        &peer,
        &topic("nobody"),
        &request("echo", "{}"),
        Duration::from_secs(1),
    )
    .await
    .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn a_call_made_a_second_before_its_server_starts_is_answered_once() {
    let vhost = TestVhost::new("early-call").await.unwrap();
    let url = vhost.url();
    let early = tokio::spawn(async move {
        let client = driver(&url);
        let answer = result(
            &client,
            &topic("compute"),
            &request("echo", r#"{"early": true}"#),
        )
        .await;
        (answer, client.stats().calls_returned)
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let (answer, returned) = early.await.unwrap();
    assert_eq!(answer, r#"{"early": true}"#);
    assert!(returned >= 3, "{returned}");
    assert_eq!(server.wait_for(1).await.len(), 1);
}

#[tokio::test]
async fn a_rolling_restart_of_two_servers_fails_no_call() {
    let vhost = TestVhost::new("rolling").await.unwrap();
    let mut servers = vec![
        Server::start(&vhost.url(), "compute", "one").await,
        Server::start(&vhost.url(), "compute", "two").await,
    ];
    let client = driver(&vhost.url());
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (client, stop) = (Arc::clone(&client), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut answered = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let pause = request("sleep", r#"{"ms": 5}"#);
                    let reply =
                        call(&client, &topic("compute"), &pause, Duration::from_secs(10)).await;
                    reply.unwrap().unwrap();
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    for name in ["one", "two", "one", "two"] {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut old = servers.remove(0);
        let listener = old.listener.take().unwrap();
        listener.stop().await;
        // What was taken is still answered.
        tokio::time::sleep(Duration::from_millis(100)).await;
        listener.close().await;
        close(&old.driver).await;
        servers.push(Server::start(&vhost.url(), "compute", name).await);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut answered = 0;
    for caller in callers {
        answered += caller.await.unwrap();
    }
    assert!(answered > 100, "{answered}");
}

#[tokio::test]
async fn a_call_of_little_time_learns_too_that_there_is_no_server() {
    let vhost = TestVhost::new("short").await.unwrap();
    let client = driver(&vhost.url());
    cast(&client, &topic("nobody"), &request("poke", "{}")).await;
    let server = Server::start(&vhost.url(), "compute", "one").await;
    result(&client, &topic("compute"), &request("echo", "{}")).await;
    let error = call(
        &client,
        &topic("nobody"),
        &request("echo", "{}"),
        Duration::from_millis(200),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, SendError::NoServer { .. }), "{error:?}");
    server.stop().await;
}
