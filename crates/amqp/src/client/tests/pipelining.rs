//! Requests that do not wait for each other, and answers that overtake each other.

use std::time::Duration;

use tokio::time::timeout;

use super::broker::{Broker, channel, confirming};
use super::consuming::{consume, forward};
use crate::client::{
    ChannelEvent, Confirmed, Consume, ConsumerEnd, Disposition, Error, Publish, QueueDeclare,
};
use crate::codec::methods::{basic, channel::Flow, queue};
use crate::protocol::ChannelId;

const LONG: Duration = Duration::from_mins(1);

fn declared(queue: &str) -> queue::DeclareOk<'_> {
    queue::DeclareOk {
        queue,
        message_count: 7,
        consumer_count: 0,
    }
}

async fn consume_ok(broker: &mut Broker, id: ChannelId, consumer_tag: &str) {
    broker.send(id, basic::ConsumeOk { consumer_tag }).await;
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_consume_goes_at_once_and_its_answer_may_come_first() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (sink, mut forwarded) = forward(Disposition::Ack);
    let consuming = channel.consume(Consume::new("q"), sink);
    let declaring = channel.queue_declare(QueueDeclare::new("next"));
    drop(
        channel
            .publish(Publish::new("", "next", "x"))
            .await
            .unwrap(),
    );

    broker.method("basic.consume").await;
    broker.answer("queue.declare", declared("next")).await;
    broker.published().await;
    assert_eq!(declaring.await.unwrap().message_count, 7);
    consume_ok(&mut broker, id, "consumer-0").await;
    broker.deliver(id, "consumer-0", 1);
    broker.flush().await;

    assert_eq!(consuming.await.unwrap(), "consumer-0");
    assert!(forwarded.deliveries.recv().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_cancel_goes_at_once_and_its_answer_may_come_first() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (tag, mut forwarded) = consume(&channel, &mut broker, id, Disposition::Ack).await;
    let cancelling = channel.cancel(&tag);
    let declaring = channel.queue_declare(QueueDeclare::new("next"));

    broker.method("basic.cancel").await;
    broker.answer("queue.declare", declared("next")).await;
    declaring.await.unwrap();
    broker.deliver(id, &tag, 1);
    broker
        .send(id, basic::CancelOk { consumer_tag: &tag })
        .await;

    cancelling.await.unwrap();
    assert!(forwarded.deliveries.recv().await.is_some());
    assert!(
        forwarded.deliveries.recv().await.is_none(),
        "the sink is gone"
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_waits_for_the_answer_to_its_own_consume() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (sink, _forwarded) = forward(Disposition::Ack);
    let consuming = channel.consume(Consume::new("q"), sink);
    let declaring = channel.queue_declare(QueueDeclare::new("between"));
    let cancelling = channel.cancel("consumer-0");

    broker.method("basic.consume").await;
    broker.answer("queue.declare", declared("between")).await;
    declaring.await.unwrap();
    assert!(timeout(LONG, broker.event()).await.is_err(), "it waits");
    consume_ok(&mut broker, id, "consumer-0").await;
    let cancelled = basic::CancelOk {
        consumer_tag: "consumer-0",
    };
    broker.answer("basic.cancel", cancelled).await;

    consuming.await.unwrap();
    cancelling.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_free_again_when_its_cancel_is_answered() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (tag, mut old) = consume(&channel, &mut broker, id, Disposition::Ack).await;
    let cancelling = channel.cancel(&tag);
    let (sink, mut new) = forward(Disposition::Ack);
    let again = Consume {
        consumer_tag: tag.clone(),
        ..Consume::new("q")
    };
    let consuming = channel.consume(again, sink);
    let declaring = channel.queue_declare(QueueDeclare::new("behind"));

    broker.method("basic.cancel").await;
    assert!(timeout(LONG, broker.event()).await.is_err(), "both wait");
    broker.deliver(id, &tag, 1);
    broker
        .send(id, basic::CancelOk { consumer_tag: &tag })
        .await;
    broker.method("basic.ack").await;
    broker.method("basic.consume").await;
    consume_ok(&mut broker, id, &tag).await;
    broker.answer("queue.declare", declared("behind")).await;
    broker.deliver(id, &tag, 2);
    broker.flush().await;

    cancelling.await.unwrap();
    assert_eq!(consuming.await.unwrap(), tag);
    declaring.await.unwrap();
    assert_eq!(old.deliveries.recv().await.unwrap().delivery_tag, 1);
    assert_eq!(new.deliveries.recv().await.unwrap().delivery_tag, 2);
    assert!(old.deliveries.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_refused_its_tag_does_not_cancel_who_has_it() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let (tag, _forwarded) = consume(&channel, &mut broker, id, Disposition::Ack).await;
    let taken = Consume {
        consumer_tag: tag.clone(),
        ..Consume::new("q")
    };

    let consuming = channel.consume_stream(taken, 10);
    broker.answer("basic.qos", basic::QosOk {}).await;
    let refused = consuming.await.map(drop);

    assert_eq!(refused, Err(Error::ConsumerTagInUse { consumer_tag: tag }));
    assert!(
        timeout(LONG, broker.event()).await.is_err(),
        "nothing is cancelled"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_overflowed_is_cancelled_when_it_is_dropped() {
    let (_connection, channel, _events, mut broker, id) = channel().await;
    let consuming = channel.consume_stream(Consume::new("q"), 1);
    broker.answer("basic.qos", basic::QosOk {}).await;
    broker.method("basic.consume").await;
    consume_ok(&mut broker, id, "consumer-0").await;
    let mut consumer = consuming.await.unwrap();
    for tag in 1..=2 {
        broker.deliver(id, "consumer-0", tag);
    }
    broker.method("basic.reject").await;
    consumer.next().await.unwrap();
    assert_eq!(consumer.next().await, Err(ConsumerEnd::Overflow));

    drop(consumer);

    broker.method("basic.cancel").await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_ends_and_begins_again_in_one_read_holds_what_it_held() {
    let (_connection, channel, mut events, mut broker, id) = confirming().await;
    broker.send(id, Flow { active: false }).await;
    assert_eq!(
        events.next().await,
        Some(ChannelEvent::Flow { active: false })
    );
    broker.method("channel.flow-ok").await;
    let confirmation = channel.publish(Publish::new("", "q", "x")).await.unwrap();
    assert!(timeout(LONG, broker.event()).await.is_err(), "it is held");

    for active in [true, false] {
        broker.protocol.send(id, &Flow { active }.into()).unwrap();
    }
    broker.method("channel.flow-ok").await;
    broker.method("channel.flow-ok").await;
    assert!(
        timeout(LONG, broker.event()).await.is_err(),
        "it is held again"
    );
    broker.send(id, Flow { active: true }).await;

    broker.method("channel.flow-ok").await;
    broker.published().await;
    let ack = basic::Ack {
        delivery_tag: 1,
        multiple: false,
    };
    broker.send(id, ack).await;
    assert_eq!(confirmation.await, Ok(Confirmed::Ack));
}
