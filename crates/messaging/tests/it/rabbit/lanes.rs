//! A channel error touches its own class of messages only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bergen_amqp::client::{
    ConnectOptions, Connection, ExchangeDeclare, ExchangeDelete, ExchangeKind, Login,
};
use bergen_messaging::driver::Driver;
use bergen_testbed::TestVhost;

use super::harness::*;

/// A bare client, to do to the broker what others might.
pub(super) async fn bare(vhost: &TestVhost) -> Connection {
    let options = ConnectOptions {
        host: vhost.rabbit().host().to_owned(),
        port: vhost.rabbit().port(),
        virtual_host: vhost.name().to_owned(),
        login: Login::plain(vhost.rabbit().user(), vhost.rabbit().password()),
        ..ConnectOptions::default()
    };
    Connection::open(options).await.unwrap().0
}

#[tokio::test]
async fn fanouts_to_a_vanishing_exchange_cost_no_call_a_second_publish() {
    let vhost = TestVhost::new("vanishing").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let (client, stop) = (Arc::clone(&client), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    result(&client, &topic("compute"), &request("echo", "{}")).await;
                }
            })
        })
        .collect();
    // The exchange comes with other properties than a fanout's and goes again: 406 and 404 in turns.
    let connection = bare(&vhost).await;
    for _ in 0..5 {
        let (channel, _events) = connection.open_channel().await.unwrap();
        let durable = ExchangeDeclare {
            durable: true,
            ..ExchangeDeclare::new("nobody_fanout", ExchangeKind::Fanout)
        };
        channel
            .exchange_delete(ExchangeDelete::new("nobody_fanout"))
            .await
            .unwrap();
        channel.exchange_declare(durable).await.unwrap();
        cast(
            &client,
            &topic("nobody").with_fanout(true),
            &request("all", "{}"),
        )
        .await;
        channel
            .exchange_delete(ExchangeDelete::new("nobody_fanout"))
            .await
            .unwrap();
        cast(
            &client,
            &topic("nobody").with_fanout(true),
            &request("all", "{}"),
        )
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let stats = client.stats();
    assert!(
        stats.fanouts_republished >= 10,
        "no channel error was provoked: {stats:?}"
    );
    assert!(stats.channel_errors >= 9, "{stats:?}");
    assert_eq!(stats.calls_republished, 0, "{stats:?}");
    assert!(stats.calls >= 64, "{stats:?}");
    assert_eq!(server.driver.stats().replies_republished, 0);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_topic_exchange_that_vanished_is_declared_again_and_the_message_published_again() {
    let vhost = TestVhost::new("exchange-gone").await.unwrap();
    let client = driver(&vhost.url());
    cast(&client, &topic("compute"), &request("poke", "{}")).await;
    vhost
        .management()
        .delete_exchange(vhost.name(), EXCHANGE)
        .await
        .unwrap();
    let casts = (0..20).map(|_| {
        let client = Arc::clone(&client);
        tokio::spawn(async move { cast(&client, &topic("compute"), &request("poke", "{}")).await })
    });
    for cast in casts.collect::<Vec<_>>() {
        cast.await.unwrap();
    }
    let exchanges = vhost.management().exchanges(vhost.name()).await.unwrap();
    assert!(
        exchanges
            .iter()
            .any(|exchange| exchange["name"] == EXCHANGE)
    );
    assert!(client.stats().casts_republished >= 1);
}

#[tokio::test]
async fn a_blocked_message_fails_alone_and_its_neighbours_pass() {
    let vhost = TestVhost::new("forbidden").await.unwrap();
    let connection = bare(&vhost).await;
    let (channel, _events) = connection.open_channel().await.unwrap();
    let internal = ExchangeDeclare {
        internal: true,
        ..ExchangeDeclare::new("secret", ExchangeKind::Topic)
    };
    channel.exchange_declare(internal).await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&vhost.url());
    let neighbours: Vec<_> = (0..16)
        .map(|number| {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                let echo = request("echo", &format!("[{number}]"));
                assert_eq!(
                    result(&client, &topic("compute"), &echo).await,
                    format!("[{number}]")
                );
            })
        })
        .collect();
    let forbidden = topic("compute").with_exchange("secret");
    let error = call(
        &client,
        &forbidden,
        &request("echo", "{}"),
        Duration::from_secs(10),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(error, bergen_messaging::driver::SendError::Refused { .. }),
        "{error:?}"
    );
    for neighbour in neighbours {
        neighbour.await.unwrap();
    }
    server.stop().await;
    connection.close().await.unwrap();
}

#[tokio::test]
async fn thousands_of_neighbours_of_a_bad_message_pass() {
    let vhost = TestVhost::new("crowd").await.unwrap();
    let connection = bare(&vhost).await;
    let (channel, _events) = connection.open_channel().await.unwrap();
    let internal = ExchangeDeclare {
        internal: true,
        ..ExchangeDeclare::new("secret", ExchangeKind::Topic)
    };
    channel.exchange_declare(internal).await.unwrap();
    let client = driver(&vhost.url());
    let forbidden = topic("compute").with_exchange("secret");
    let send = |target: &bergen_messaging::target::Target| {
        let (client, target) = (Arc::clone(&client), target.clone());
        tokio::spawn(async move {
            let options = bergen_messaging::driver::CastOptions::default();
            client.cast(&target, &request("poke", "{}"), options).await
        })
    };
    // From then on both exchanges are known.
    send(&forbidden).await.unwrap().unwrap_err();
    send(&topic("compute")).await.unwrap().unwrap();
    let before: Vec<_> = (0..1500).map(|_| send(&topic("compute"))).collect();
    let bad = send(&forbidden);
    let after: Vec<_> = (0..3000).map(|_| send(&topic("compute"))).collect();
    for cast in before.into_iter().chain(after) {
        cast.await.unwrap().unwrap();
    }
    assert!(matches!(
        bad.await.unwrap().unwrap_err(),
        bergen_messaging::driver::SendError::Refused { .. }
    ));
    connection.close().await.unwrap();
}
