//! More than there is room for.

use std::time::Duration;

use bergen_amqp::client::{Connection, ConnectionEvent, Publish, QueueDeclare};
use bergen_amqp::codec::BasicProperties;
use bergen_amqp::codec::methods::{basic, queue};
use bergen_broker::{Broker, Limits};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::raw::{Raw, encoded, published};
use super::{channel, connect, consume, next, options, publish, start, text, within};

const KILOBYTES: usize = 1024;

#[tokio::test]
async fn a_client_that_never_reads_gets_no_more_than_its_buffer() {
    let broker = start().await;
    let connection = connect(&broker).await;
    let (publishing, _events) = channel(&connection).await;
    within(publishing.confirm_select()).await.unwrap();
    within(publishing.queue_declare(QueueDeclare::new("flood")))
        .await
        .unwrap();
    let mut deaf = Raw::open(&broker).await;
    deaf.open_channel(1).await;
    let consume_all = basic::Consume {
        queue: "flood",
        no_ack: true,
        ..basic::Consume::default()
    };
    deaf.send(1, consume_all).await;
    assert!(deaf.next().await.is("basic.consume-ok"));
    let mut last = None;
    for _ in 0..1000 {
        let message = Publish::new("", "flood", vec![0; 64 * KILOBYTES]);
        last = Some(within(publishing.publish(message)).await.unwrap());
    }
    assert!(within(last.unwrap()).await.unwrap().is_ack());
    let (pending, left) = broker
        .control()
        .ask(|state| {
            let pending: usize = state
                .connections()
                .iter()
                .map(|info| info.pending_bytes)
                .sum();
            (pending, state.host("/").unwrap().message_bytes())
        })
        .await
        .unwrap();
    // What is not in the kernel's buffers or in ours waits in the queue, for whoever reads.
    assert!(pending < 2 * Limits::default().write_buffer, "{pending}");
    assert!(left > 40_000_000, "{left}");
    // And it gets all of it once it reads.
    for _ in 0..1000 {
        assert!(deaf.next().await.is("basic.deliver"));
        assert_eq!(deaf.content().await.1.len(), 64 * KILOBYTES);
    }
}

#[tokio::test]
async fn a_queue_of_many_messages_is_not_poured_out_at_once() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    raw.send(
        1,
        queue::Declare {
            queue: "many",
            ..queue::Declare::default()
        },
    )
    .await;
    assert!(raw.next().await.is("queue.declare-ok"));
    let one = published(1, "", "many", &BasicProperties::default(), &[1; 1000]);
    for _ in 0..100 {
        raw.write(&one.repeat(200)).await;
    }
    raw.send(
        1,
        basic::Consume {
            queue: "many",
            no_ack: true,
            ..basic::Consume::default()
        },
    )
    .await;
    assert!(raw.next().await.is("basic.consume-ok"));
    let pending = broker
        .control()
        .ask(|state| {
            state
                .connections()
                .iter()
                .map(|info| info.pending_bytes)
                .sum::<usize>()
        })
        .await
        .unwrap();
    assert!(pending < 2 * Limits::default().write_buffer, "{pending}");
    for _ in 0..20_000 {
        assert!(raw.next().await.is("basic.deliver"));
        raw.content().await;
    }
}

#[tokio::test]
async fn who_asks_without_reading_the_answers_is_let_go() {
    let broker = start().await;
    let mut raw = Raw::open(&broker).await;
    raw.open_channel(1).await;
    raw.send(
        1,
        queue::Declare {
            queue: "q",
            ..queue::Declare::default()
        },
    )
    .await;
    assert!(raw.next().await.is("queue.declare-ok"));
    raw.publish(1, "q", &[0; 4000]).await;
    let ask = encoded(
        1,
        basic::Get {
            queue: "q",
            no_ack: false,
        },
    );
    let requeue = encoded(1, basic::RecoverAsync { requeue: true });
    let round = [&ask[..], &requeue[..]].concat().repeat(100);
    // The broker ends it, which shows here as an error of writing.
    let ended = timeout(super::PATIENCE, async {
        while raw.stream.write_all(&round).await.is_ok() {}
    });
    assert!(ended.await.is_ok(), "nobody minds");
    let connection = connect(&broker).await;
    let (channel, _events) = channel(&connection).await;
    let mut consumer = consume(&channel, "q").await;
    assert_eq!(next(&mut consumer).await.body.len(), 4000);
}

#[tokio::test]
async fn publishers_stop_at_the_watermark_and_go_on_below_it() {
    let mut limits = Limits::default();
    limits.memory_high_watermark = 4 * 1024 * 1024;
    let broker = Broker::builder().limits(limits).start().await.unwrap();
    let (publisher, mut events) = Connection::open(options(&broker)).await.unwrap();
    let (publishing, _publishing_events) = channel(&publisher).await;
    within(publishing.confirm_select()).await.unwrap();
    within(publishing.queue_declare(QueueDeclare::new("full")))
        .await
        .unwrap();
    let consumer = connect(&broker).await;
    let (consuming, _consuming_events) = channel(&consumer).await;
    let message = Publish::new("", "full", vec![0; 64 * KILOBYTES]);
    let mut confirmations = Vec::new();
    for _ in 0..120 {
        confirmations.push(within(publishing.publish(message.clone())).await.unwrap());
    }
    let blocked = within(events.next()).await;
    let reason = "low on memory".to_owned();
    assert_eq!(blocked, Some(ConnectionEvent::Blocked { reason }));
    let held = broker
        .control()
        .ask(|state| state.host("/").unwrap().message_bytes())
        .await
        .unwrap();
    assert!(held < 5 * 1024 * 1024, "{held}");
    // Others are served: the queue is emptied, and the publisher goes on.
    let mut deliveries = consume(&consuming, "full").await;
    for _ in 0..120 {
        let delivery = next(&mut deliveries).await;
        consuming.ack(delivery.delivery_tag, false).unwrap();
    }
    assert_eq!(
        within(events.next()).await,
        Some(ConnectionEvent::Unblocked)
    );
    for confirmation in confirmations {
        assert!(within(confirmation).await.unwrap().is_ack());
    }
}

#[tokio::test]
async fn a_blocked_publisher_is_not_taken_for_dead() {
    let mut limits = Limits::default();
    limits.memory_high_watermark = 1024;
    let broker = Broker::builder().limits(limits).start().await.unwrap();
    let mut raw = Raw::open_with(&broker, &["connection.blocked"], "/", 1).await;
    raw.open_channel(1).await;
    raw.send(
        1,
        queue::Declare {
            queue: "q",
            ..queue::Declare::default()
        },
    )
    .await;
    assert!(raw.next().await.is("queue.declare-ok"));
    raw.publish(1, "q", &[0; 4000]).await;
    raw.publish(1, "q", &[0; 4000]).await;
    assert!(raw.next().await.is("connection.blocked"));
    // It sends no heartbeat, and would not be heard: more than twice the interval.
    assert!(
        timeout(Duration::from_millis(3500), raw.try_next())
            .await
            .is_err()
    );
    let connection = connect(&broker).await;
    let (channel, _events) = channel(&connection).await;
    within(channel.queue_purge("q")).await.unwrap();
    assert!(raw.next().await.is("connection.unblocked"));
    publish(&channel, "q", "small").await;
    let delivery = within(channel.get("q", true)).await.unwrap().unwrap();
    assert_eq!(text(&delivery), "small");
}

#[tokio::test]
async fn messages_that_come_in_part_are_bounded_together() {
    let mut limits = Limits::default();
    limits.memory_high_watermark = 1_000_000;
    let broker = Broker::builder().limits(limits).start().await.unwrap();
    let whole = published(
        1,
        "",
        "nobody",
        &BasicProperties::default(),
        &vec![0; 900_000],
    );
    let (some, rest) = whole.split_at(600_000);
    let mut first = Raw::open(&broker).await;
    let mut second = Raw::open(&broker).await;
    for raw in [&mut first, &mut second] {
        raw.open_channel(1).await;
    }
    first.write(some).await;
    let seen = || broker.control().ask(|state| state.incoming_bytes());
    within(async { while seen().await.unwrap() < 500_000 {} }).await;
    second.write(some).await;
    second.closed(506).await;
    first.write(rest).await;
    first.send(1, basic::Qos::default()).await;
    assert!(first.next().await.is("basic.qos-ok"));
    assert_eq!(seen().await, Ok(0));
}
