//! Consumers as streams: what fits, how they end, what a dropped one gives back.

use super::broker::{Broker, channel, open_channel};
use crate::client::{Channel, Consume, Consumer, ConsumerEnd, QueueDeclare};
use crate::codec::Method;
use crate::codec::methods::{basic, queue};
use crate::protocol::ChannelId;

/// Starts a stream with the broker's consent.
async fn stream(
    channel: &Channel,
    broker: &mut Broker,
    id: ChannelId,
    consume: Consume,
    capacity: usize,
) -> Consumer {
    let consuming = channel.consume_stream(consume, capacity);
    let qos = broker.answer("basic.qos", basic::QosOk {}).await;
    let Method::BasicQos(qos) = qos.decode().unwrap() else {
        panic!()
    };
    assert_eq!(usize::from(qos.prefetch_count), capacity);
    let (_, method) = broker.method("basic.consume").await;
    let Method::BasicConsume(method) = method.decode().unwrap() else {
        panic!()
    };
    broker
        .send(
            id,
            basic::ConsumeOk {
                consumer_tag: method.consumer_tag,
            },
        )
        .await;
    consuming.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn dropping_a_stream_cancels_it_and_gives_back_what_was_not_taken() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let mut consumer = stream(&channel, &mut broker, id, Consume::new("q"), 10).await;
    for tag in 1..=3 {
        broker.deliver(id, "consumer-0", tag);
    }
    broker.flush().await;
    assert_eq!(consumer.next().await.unwrap().delivery_tag, 1);

    drop(consumer);

    broker
        .answer(
            "basic.cancel",
            basic::CancelOk {
                consumer_tag: "consumer-0",
            },
        )
        .await;
    for delivery_tag in [2, 3] {
        let (_, method) = broker.method("basic.reject").await;
        let expected = basic::Reject {
            delivery_tag,
            requeue: true,
        };
        assert_eq!(method.decode().unwrap(), expected.into());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_acknowledgements_says_when_it_overflows() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let no_ack = Consume {
        no_ack: true,
        ..Consume::new("q")
    };
    let mut consumer = stream(&channel, &mut broker, id, no_ack, 2).await;
    for tag in 1..=4 {
        broker.deliver(id, "consumer-0", tag);
    }
    broker.flush().await;
    // Something that is answered behind the deliveries.
    let marker = channel.queue_declare(QueueDeclare::new("m"));
    let answer = queue::DeclareOk {
        queue: "m",
        message_count: 0,
        consumer_count: 0,
    };
    broker.answer("queue.declare", answer).await;
    marker.await.unwrap();

    assert_eq!(consumer.next().await.unwrap().delivery_tag, 1);
    assert_eq!(consumer.next().await.unwrap().delivery_tag, 2);
    assert_eq!(consumer.next().await, Err(ConsumerEnd::Overflow));
    assert_eq!(consumer.next().await, Err(ConsumerEnd::Overflow));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_a_reason() {
    let (connection, channel, _events, mut broker, id) = channel().await;
    let mut cancelled = stream(&channel, &mut broker, id, Consume::new("a"), 1).await;
    let mut closed = stream(&channel, &mut broker, id, Consume::new("b"), 1).await;
    let (other, _other_events, other_id) = open_channel(&connection, &mut broker).await;
    let mut lost = stream(&other, &mut broker, other_id, Consume::new("c"), 1).await;

    broker
        .send(
            id,
            basic::Cancel {
                consumer_tag: "consumer-0",
                no_wait: true,
            },
        )
        .await;
    assert_eq!(cancelled.next().await, Err(ConsumerEnd::Cancelled));

    broker
        .protocol
        .close_channel(id, 406, "PRECONDITION_FAILED")
        .unwrap();
    broker.flush().await;
    let end = closed.next().await.unwrap_err();
    assert!(
        matches!(&end, ConsumerEnd::Closed(error) if error.code() == Some(406)),
        "{end:?}"
    );

    drop(broker);
    let end = lost.next().await.unwrap_err();
    let is_lost = matches!(&end, ConsumerEnd::Closed(error) if error.is_connection_closed());
    assert!(is_lost, "{end:?}");
}
