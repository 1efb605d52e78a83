//! Disks that are full, logs that are torn or damaged, directories that are taken.

use std::fs::{self, OpenOptions};
use std::io::Write;

use bergen_amqp::client::{Confirmed, ConnectionEvent, QueueDeclare};
use bergen_broker::store::StoreError;
use bergen_broker::{Broker, StartError};

use super::process::Process;
use super::{Scratch, persistent, publish, within};

fn durable(name: &str) -> QueueDeclare {
    QueueDeclare {
        durable: true,
        ..QueueDeclare::new(name)
    }
}

#[tokio::test]
async fn a_full_disk_stops_publishers_and_confirms_nothing_until_there_is_room() {
    let scratch = Scratch::new("full");
    let mut broker = Process::start_limited(&scratch.0, Some(200_000));
    let (connection, mut events) = broker.connect().await;
    let (channel, _channel_events) = within(connection.open_channel()).await.unwrap();
    within(channel.confirm_select()).await.unwrap();
    within(channel.queue_declare(durable("kept")))
        .await
        .unwrap();
    let mut confirmed = 0_u32;
    loop {
        match publish(&channel, persistent("", "kept", vec![1; 10_000])).await {
            Confirmed::Ack => confirmed += 1,
            Confirmed::Nack => break,
            other => panic!("{other:?}"),
        }
        assert!(confirmed < 20, "200 kB hold {confirmed} messages of 10 kB");
    }
    assert!(confirmed > 15, "only {confirmed} were confirmed");
    // As RabbitMQ, it tells those who publish on.
    let waiting = within(channel.publish(persistent("", "kept", "waiting")))
        .await
        .unwrap();
    match within(events.next()).await {
        Some(ConnectionEvent::Blocked { reason }) => assert!(reason.contains("disk"), "{reason}"),
        other => panic!("{other:?}"),
    }

    // Others are served on.
    let (other, _other_events) = broker.connect().await;
    let (consumer, _consumer_events) = within(other.open_channel()).await.unwrap();
    within(consumer.queue_declare(QueueDeclare::new("transient")))
        .await
        .unwrap();
    let taken = within(consumer.get("kept", false)).await.unwrap().unwrap();
    consumer.ack(taken.delivery_tag, false).unwrap();

    broker.lift_limit();
    let event = within(events.next()).await;
    assert!(
        matches!(event, Some(ConnectionEvent::Unblocked)),
        "{event:?}"
    );
    let last = publish(&channel, persistent("", "kept", "last")).await;
    assert_eq!(last, Confirmed::Ack);
    // It came when nothing could be kept; it may have waited for that to end.
    let waiting = within(waiting).await.unwrap();
    confirmed += 1 + u32::from(waiting == Confirmed::Ack);

    broker.kill();
    let broker = Process::start(&scratch.0);
    let (connection, _events) = broker.connect().await;
    let (channel, _channel_events) = within(connection.open_channel()).await.unwrap();
    let left = within(channel.queue_declare(durable("kept")))
        .await
        .unwrap()
        .message_count;
    // One was taken; the one that was refused may have been kept.
    assert!(
        (confirmed..=confirmed + 1).contains(&left),
        "{left} of {confirmed}"
    );
}

/// A broker in this process that kept two messages and stopped.
async fn kept(scratch: &Scratch) {
    let broker = Broker::builder().data(&scratch.0).start().await.unwrap();
    let (connection, _events) = connect(&broker).await;
    let (channel, _channel_events) = within(connection.open_channel()).await.unwrap();
    within(channel.confirm_select()).await.unwrap();
    within(channel.queue_declare(durable("kept")))
        .await
        .unwrap();
    // One after the other, so that each has its own frame.
    for body in ["one", "two"] {
        let confirmed = publish(&channel, persistent("", "kept", body)).await;
        assert_eq!(confirmed, Confirmed::Ack);
    }
    within(broker.stop()).await;
}

async fn connect(
    broker: &Broker,
) -> (
    bergen_amqp::client::Connection,
    bergen_amqp::client::ConnectionEvents,
) {
    let [bergen_broker::Address::Tcp(address)] = broker.addresses() else {
        panic!()
    };
    let options = bergen_amqp::client::ConnectOptions {
        host: address.ip().to_string(),
        port: address.port(),
        ..bergen_amqp::client::ConnectOptions::default()
    };
    within(bergen_amqp::client::Connection::open(options))
        .await
        .unwrap()
}

async fn count(broker: &Broker) -> u32 {
    let (connection, _events) = connect(broker).await;
    let (channel, _channel_events) = within(connection.open_channel()).await.unwrap();
    within(channel.queue_declare(durable("kept")))
        .await
        .unwrap()
        .message_count
}

#[tokio::test]
async fn a_broker_that_is_stopped_and_started_has_what_it_had() {
    let scratch = Scratch::new("stop");
    kept(&scratch).await;
    let broker = Broker::builder().data(&scratch.0).start().await.unwrap();
    assert_eq!(count(&broker).await, 2);
    let refused = Broker::builder()
        .data(&scratch.0)
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StartError::Store(StoreError::Locked { .. })),
        "{refused}"
    );
    within(broker.stop()).await;
}

#[tokio::test]
async fn a_torn_log_starts_and_a_damaged_one_says_where() {
    let scratch = Scratch::new("torn");
    kept(&scratch).await;
    let log = scratch.log_files().pop().unwrap();
    OpenOptions::new()
        .append(true)
        .open(&log)
        .unwrap()
        .write_all(&[7; 100])
        .unwrap();
    let broker = Broker::builder().data(&scratch.0).start().await.unwrap();
    assert_eq!(count(&broker).await, 2);
    within(broker.stop()).await;

    let mut data = fs::read(&log).unwrap();
    data[60] ^= 1;
    fs::write(&log, data).unwrap();
    let refused = Broker::builder()
        .data(&scratch.0)
        .start()
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains(log.to_str().unwrap()),
        "{refused}"
    );
}
