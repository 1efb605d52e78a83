//! `kill -9`

use std::collections::BTreeSet;

use bergen_amqp::client::{
    Channel, Confirmed, Connection, Consume, ExchangeBind, ExchangeDeclare, ExchangeKind, Publish,
    QueueBind, QueueDeclare,
};
use bergen_amqp::codec::FieldTable;
use tokio::sync::mpsc;

use super::process::Process;
use super::{Scratch, persistent, publish, within};

/// What is known of messages, each of which is published once and named by a number.
#[derive(Debug, Default)]
struct Account {
    next: u64,
    confirmed: BTreeSet<u64>,
    delivered: BTreeSet<u64>,
    /// Acknowledged, though the broker may have died before it read that.
    acknowledged: BTreeSet<u64>,
}

/// `BERGEN_KILLS` kills more often.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_survives_kill_9() {
    let kills = std::env::var("BERGEN_KILLS").map_or(3, |kills| kills.parse().unwrap());
    let scratch = Scratch::new("kill");
    let mut random = fastrand::Rng::with_seed(9);
    let mut account = Account::default();
    for kill in 0..kills {
        let mut broker = Process::start(&scratch.0);
        if kill == 0 {
            declare(&broker.connect().await.0).await;
        } else {
            check(&broker, &mut account).await;
        }
        load(&mut broker, &mut account, random.usize(200..1_500)).await;
    }
    let broker = Process::start(&scratch.0);
    check(&broker, &mut account).await;
    println!(
        "{kills} kills: {} published, {} confirmed, {} acknowledged",
        account.next,
        account.confirmed.len(),
        account.acknowledged.len()
    );
}

async fn declare(connection: &Connection) {
    let (channel, _events) = within(connection.open_channel()).await.unwrap();
    let exchange = ExchangeDeclare {
        durable: true,
        ..ExchangeDeclare::new("in", ExchangeKind::Direct)
    };
    within(channel.exchange_declare(exchange)).await.unwrap();
    within(channel.queue_declare(kept())).await.unwrap();
    within(channel.queue_bind(QueueBind::new("kept", "in", "key")))
        .await
        .unwrap();
}

fn kept() -> QueueDeclare {
    QueueDeclare {
        durable: true,
        ..QueueDeclare::new("kept")
    }
}

/// Publishes and consumes until so many more are confirmed; then the broker dies.
async fn load(broker: &mut Process, account: &mut Account, confirms: usize) {
    let (connection, _events) = broker.connect().await;
    let (publisher, _publisher_events) = within(connection.open_channel()).await.unwrap();
    within(publisher.confirm_select()).await.unwrap();
    let (consumer, _consumer_events) = within(connection.open_channel()).await.unwrap();

    let (confirmed, mut seen_confirmed) = mpsc::unbounded_channel();
    let (taken, mut seen_taken) = mpsc::unbounded_channel();
    let publishing = tokio::spawn(publish_all(publisher, account.next, confirmed));
    let consuming = tokio::spawn(consume_some(consumer, taken));
    for _ in 0..confirms {
        account
            .confirmed
            .insert(within(seen_confirmed.recv()).await.unwrap());
    }
    broker.kill();
    account.next = within(publishing).await.unwrap();
    within(consuming).await.unwrap();
    // What had come before the broker's death, though nobody had looked yet.
    while let Some(number) = within(seen_confirmed.recv()).await {
        account.confirmed.insert(number);
    }
    while let Some((number, acknowledged)) = within(seen_taken.recv()).await {
        account.delivered.insert(number);
        if acknowledged {
            account.acknowledged.insert(number);
        }
    }
}

/// Until the connection breaks; the first number that was not used.
async fn publish_all(
    channel: Channel,
    mut next: u64,
    confirmed: mpsc::UnboundedSender<u64>,
) -> u64 {
    let (unconfirmed, mut to_confirm) = mpsc::channel(200);
    let confirming = tokio::spawn(async move {
        while let Some((number, confirmation)) = to_confirm.recv().await {
            let confirmation: bergen_amqp::client::Confirmation = confirmation;
            match confirmation.await {
                Ok(Confirmed::Ack) => confirmed.send(number).unwrap(),
                Ok(other) => panic!("{number}: {other:?}"),
                Err(_) => {}
            }
        }
    });
    let mut random = fastrand::Rng::with_seed(next);
    loop {
        let mut body = next.to_be_bytes().to_vec();
        body.resize(8 + random.usize(..2_000), 0);
        let Ok(confirmation) = channel.publish(persistent("in", "key", body)).await else {
            break;
        };
        // It may have reached the broker.
        next += 1;
        if unconfirmed.send((next - 1, confirmation)).await.is_err() {
            break;
        }
    }
    drop(unconfirmed);
    confirming.await.unwrap();
    next + 1
}

/// Takes messages until the connection breaks, and acknowledges two of three.
async fn consume_some(channel: Channel, taken: mpsc::UnboundedSender<(u64, bool)>) {
    let Ok(mut consumer) = channel.consume_stream(Consume::new("kept"), 2_000).await else {
        return;
    };
    while let Ok(delivery) = consumer.next().await {
        let number = number(&delivery.body);
        let acknowledge = !number.is_multiple_of(3);
        taken.send((number, acknowledge)).unwrap();
        if acknowledge {
            let _ = channel.ack(delivery.delivery_tag, false);
        }
    }
}

/// Looks at all that the queue holds, and leaves it there.
async fn check(broker: &Process, account: &mut Account) {
    let (connection, _events) = broker.connect().await;
    let (channel, _channel_events) = within(connection.open_channel()).await.unwrap();
    let count = within(channel.queue_declare(kept()))
        .await
        .unwrap()
        .message_count;
    let mut consumer = within(channel.consume_stream(Consume::new("kept"), 65_535))
        .await
        .unwrap();
    let mut found = BTreeSet::new();
    for _ in 0..count {
        let delivery = within(consumer.next()).await.unwrap();
        let number = number(&delivery.body);
        assert!(
            found.last().is_none_or(|before| *before < number),
            "{number} is out of order or twice there"
        );
        if account.delivered.contains(&number) {
            assert!(
                delivery.redelivered,
                "{number} comes again and does not say so"
            );
        }
        found.insert(number);
    }
    let lost: Vec<_> = account
        .confirmed
        .difference(&account.acknowledged)
        .filter(|number| !found.contains(number))
        .collect();
    assert_eq!(lost, Vec::<&u64>::new(), "confirmed and not there");
    assert!(found.last().is_none_or(|last| *last < account.next));
    account.delivered.extend(found);
    within(connection.close()).await.unwrap();
}

fn number(body: &[u8]) -> u64 {
    u64::from_be_bytes(*body.first_chunk().unwrap())
}

#[tokio::test]
async fn definitions_survive_kill_9_and_transient_ones_do_not() {
    let scratch = Scratch::new("definitions");
    let mut broker = Process::start(&scratch.0);
    let (connection, _events) = broker.connect().await;
    let (channel, _channel_events) = within(connection.open_channel()).await.unwrap();
    within(channel.confirm_select()).await.unwrap();
    let exchange = |name: &str, durable| ExchangeDeclare {
        durable,
        ..ExchangeDeclare::new(name, ExchangeKind::Topic)
    };
    let queue = |name: &str, durable| QueueDeclare {
        durable,
        arguments: FieldTable::new().with("x-max-length", 1_000_i32),
        ..QueueDeclare::new(name)
    };
    for (name, durable) in [("first", true), ("second", true), ("gone", false)] {
        within(channel.exchange_declare(exchange(name, durable)))
            .await
            .unwrap();
        within(channel.queue_declare(queue(name, durable)))
            .await
            .unwrap();
    }
    let between = ExchangeBind {
        destination: "second".to_owned(),
        source: "first".to_owned(),
        routing_key: "a.#".to_owned(),
        ..ExchangeBind::default()
    };
    within(channel.exchange_bind(between)).await.unwrap();
    within(channel.queue_bind(QueueBind::new("second", "second", "*.b")))
        .await
        .unwrap();
    within(channel.queue_bind(QueueBind::new("first", "first", "unbound")))
        .await
        .unwrap();
    within(channel.queue_unbind(QueueBind::new("first", "first", "unbound")))
        .await
        .unwrap();
    assert_eq!(
        publish(&channel, persistent("first", "a.b", "kept")).await,
        Confirmed::Ack
    );
    let transient = Publish::new("first", "a.b", "transient");
    assert_eq!(publish(&channel, transient).await, Confirmed::Ack);
    broker.kill();

    let broker = Process::start(&scratch.0);
    let (connection, _events) = broker.connect().await;
    let (channel, _channel_events) = within(connection.open_channel()).await.unwrap();
    within(channel.confirm_select()).await.unwrap();
    for name in ["first", "second"] {
        within(channel.exchange_declare(exchange(name, true)))
            .await
            .unwrap();
        within(channel.queue_declare(queue(name, true)))
            .await
            .unwrap();
    }
    assert_eq!(
        publish(&channel, persistent("first", "a.b", "more")).await,
        Confirmed::Ack
    );
    assert!(matches!(
        publish(&channel, persistent("first", "unbound", "nowhere")).await,
        Confirmed::Returned(_)
    ));
    for (body, again) in [("kept", true), ("more", false)] {
        let got = within(channel.get("second", true)).await.unwrap().unwrap();
        assert_eq!(
            (got.body.as_ref(), got.redelivered),
            (body.as_bytes(), again)
        );
    }
    assert!(within(channel.get("second", true)).await.unwrap().is_none());
    within(channel.queue_declare(QueueDeclare::passive("gone")))
        .await
        .unwrap_err();
    let (channel, _channel_events) = within(connection.open_channel()).await.unwrap();
    let passive = ExchangeDeclare {
        passive: true,
        ..exchange("gone", false)
    };
    within(channel.exchange_declare(passive)).await.unwrap_err();
}
